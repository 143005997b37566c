"""``loadkit bench memory``: whether memory depends on how many requests were recorded.

Each recorder runs in a process of its own (loadkit.bench.recording), pinned to the generator's
core, one after the other. The growth is from the first checkpoint to the last.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from typing import Any

from loadkit.bench import result as results
from loadkit.bench.bench import Bench
from loadkit.bench.machine import package_version
from loadkit.bench.process import Pinned, ended
from loadkit.bench.recording import RECORDERS
from loadkit.bench.result import Result
from loadkit.bench.scratch import scratch
from loadkit.errors import StackError, UsageError

NAME = "memory"
COUNT = 100_000_000
FLAT_BYTES = 5_000_000
OURS_NS = 1000.0
OURS = "loadkit"

_TITLES = {
    "loadkit": "loadkit, both times",
    "hdrhistogram": "hdrhistogram, one time",
    "locust": "Locust, one time",
}
_MODULES = {"hdrhistogram": ("hdrh", "hdrhistogram"), "locust": ("locust", "locust")}
_SLOWEST_NS = 20_000
_PEER_COUNT = 10_000_000


def run(bench: Bench, *, count: int) -> Result:
    """Records ``count`` latencies with each recorder; peers at most 10 million, which is enough.

    Raises:
        UsageError: a recorder that is not known.
    """
    for name in bench.only:
        if name not in RECORDERS:
            known = ", ".join(RECORDERS)
            raise UsageError(f"there is no recorder {name!r}", remedy=f"One of {known}.")
    result = Result(NAME, settings={"count": count}, asked_for=tuple(bench.only))
    with result.until_interrupted():
        _record_all(bench, count, result)
    _judge(result)
    result.notes += bench.notes
    return result


def _record_all(bench: Bench, count: int, result: Result) -> None:
    for name in RECORDERS:
        if bench.only and name not in bench.only:
            continue
        module, package = _MODULES.get(name, ("loadkit", "loadkit"))
        if importlib.util.find_spec(module) is None:
            result.missing[name] = f"the package {package} is not installed"
            continue
        result.versions[name] = package_version(package)
        try:
            rows = _recorded(bench, name, count if name == OURS else min(count, _PEER_COUNT))
        except StackError as error:
            bench.say(f"warning: {error.what}")
            result.failed[name] = error.what
            continue
        result.rows += rows
        bench.say(f"{_TITLES[name]}: {rows[-1]['count']:,} recorded, {rows[-1]['ns']:.0f} ns each")


def _recorded(bench: Bench, name: str, count: int) -> list[dict[str, Any]]:
    folder = scratch(bench.directory, f"recording-{name}")
    command = [sys.executable, "-m", "loadkit.bench.recording", name, "--count", str(count)]
    process = Pinned(name, command, core=bench.cores.generator, directory=folder)
    with ended(process):
        status = process.wait(60 + count * _SLOWEST_NS / 1e9)
    if status:
        raise process.failure(f"ended with status {status}")
    return [
        {"recorder": name, "title": _TITLES[name], **json.loads(line)}
        for line in process.out.splitlines()
        if line.startswith("{")
    ]


def _judge(result: Result) -> None:
    ours = [row for row in result.rows if row["recorder"] == OURS]
    if not ours:
        return
    first, last = ours[0], ours[-1]
    grown = last["rss_bytes"] - first["rss_bytes"]
    span = f"from {first['count']:,} to {last['count']:,} requests"
    flat = results.judge_at_most(
        f"growth of memory {span}", FLAT_BYTES / 1e6, grown / 1e6 if len(ours) > 1 else None, "MB"
    )
    total = sum(row["ns"] * (row["count"] - before) for row, before in zip(
        ours, [0, *(row["count"] for row in ours)], strict=False
    ))  # fmt: skip
    spent = total / last["count"]
    result.verdicts += [
        flat,
        results.judge_at_most(
            "processor time of recording a request with both times", OURS_NS, spent, "ns"
        ),
    ]
