"""``loadkit bench observing``: what watching costs the service that is watched.

The reference service at a fixed rate, in every round of two runs, another one first each time:

- ``loadkit run`` with the embedded stack: Prometheus scrapes and evaluates, spans are received and
  kept, logs are read, the host is watched; no profiler, for profile stages are outside every
  verdict. In slices of a few seconds all that watches is stopped and let go on in turn
  (``pausing``): **watched** and **not watched**, tracing on in both.
- **not traced**: the same service without tracing and nobody watching, to say what tracing costs.

The service has a core of its own; generator, stack and collectors share the other. Its processor
time is read from outside, in the measured stage only. The intervals are scaled in the embedded
stack (a scrape each 0.667 to 1 s instead of 10 to 15 s), so a real stack costs less.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from loadkit.bench import own
from loadkit.bench import result as results
from loadkit.bench.bench import Bench
from loadkit.bench.machine import package_version
from loadkit.bench.pausing import SLICE_S, slices, told
from loadkit.bench.process import Pinned, cpu_clock_ns, ended
from loadkit.bench.result import Result, Verdict, interval_dict
from loadkit.bench.scratch import scratch
from loadkit.bench.stats import median_interval, ratio_interval
from loadkit.bundle.reader import load_run
from loadkit.errors import LoadkitError
from loadkit.model import Rate, Stage
from loadkit.run import observed
from loadkit.stack.guard import Guard
from loadkit.stack.server import Place
from loadkit.stack.service import CostService

NAME = "observing"
ROUNDS, DURATION_S = 8, 20.0
DECIDING_ROUNDS = 8
RATE = 100.0
MOST = 1.05
"""How many times the CPU a request may be that of a service nobody watches."""

WATCHED, UNWATCHED, UNTRACED = "watched", "not watched", "not traced"
_ARMS = (WATCHED, UNWATCHED, UNTRACED)
_WARM_UP_S = 5
_STAGE = "steady"
_BEGIN_S, _END_S = 90.0, 90.0
_KEYS = ("cpu_s", "p50_s", "p99_s")

_FILE = """\
import random

import loadkit
from locust import task

KEYS = [f"demo-{{tier}}-key-{{n}}" for tier in ("free", "pro", "enterprise") for n in (1, 2, 3)]
COST = {{"provider": "openai", "model": "gpt-4o-mini", "input_tokens": 1240, "output_tokens": 312}}


class Customer(loadkit.HttpUser):
    def key(self):
        return {{"X-API-Key": random.choice(KEYS)}}

    @task(8)
    def record(self):
        self.client.post("/api/v1/costs", json=COST, headers=self.key())

    @task(1)
    def recent(self):
        self.client.get("/api/v1/costs?limit=20", name="/api/v1/costs", headers=self.key())

    @task(1)
    def summary(self):
        self.client.get("/api/v1/usage/summary", headers=self.key())


scenario = loadkit.Scenario(
    [
        loadkit.Stage("warm-up", load=loadkit.Rate({rate}), duration={warm_up}),
        loadkit.Stage({stage!r}, load=loadkit.Rate({rate}), duration={duration}),
    ],
    stack="embedded",
)
"""


def run(bench: Bench, *, rounds: int, duration_s: float) -> Result:
    """Measures all three ways in every round, each for ``duration_s``.

    Raises:
        UsageError: one core.
    """
    result = Result(
        NAME,
        settings={"rounds": rounds, "duration_s": duration_s, "rate": RATE},
        versions={"loadkit": package_version("loadkit"), "locust": package_version("locust")},
        asked_for=tuple(bench.only),
    )
    taken: dict[str, dict[int, dict[str, float]]] = {arm: {} for arm in _ARMS}
    with result.until_interrupted():
        for number in range(rounds):
            for measure in (_paused, _untraced)[:: -1 if number % 2 else 1]:
                _once(bench, measure, number, duration_s, taken, result)
    result.rows = _rows(taken)
    result.verdicts = _verdicts(result)
    result.notes += bench.notes
    _keep(result)
    return result


# -- one run ---------------------------------------------------------------------------------

_Ways = dict[str, dict[str, float]]


def _once(
    bench: Bench,
    measure: Callable[[Bench, float], _Ways],
    number: int,
    duration_s: float,
    taken: dict[str, dict[int, dict[str, float]]],
    result: Result,
) -> None:
    try:
        ways = measure(bench, duration_s)
    except LoadkitError as error:
        bench.say(f"warning: {error.what}")
        result.failed.setdefault(NAME, f"round {number + 1}: {error.what}")
        return
    for arm, values in ways.items():
        taken[arm][number] = values
        bench.say(
            f"round {number + 1} · {arm}: {values['cpu_s'] * 1e3:.3f} ms CPU a request, "
            f"p99 {values['p99_s'] * 1e3:.1f} ms"
        )


def _text(duration_s: float) -> str:
    return _FILE.format(rate=RATE, warm_up=_WARM_UP_S, stage=_STAGE, duration=duration_s)


def _paused(bench: Bench, duration_s: float) -> _Ways:
    folder = scratch(bench.directory, "watched")
    pairs = max(1, round(duration_s / SLICE_S))
    file = folder / own.FILE
    file.write_text(_text(2 * pairs * SLICE_S), encoding="utf-8")
    reports = folder / "reports"
    command = [sys.executable, "-m", "loadkit", "run", str(file), "--reports", str(reports)]
    process = Pinned("loadkit", command, core=bench.cores.generator, directory=folder)
    with ended(process):
        bundle, manifest = _begun(process, reports)
        pids = {name: int(part["pid"]) for name, part in manifest["stack"]["components"].items()}
        pid = pids.pop("service")
        _move(pid, bench.cores.server)
        taken = slices(
            [process.pid, *pids.values()],
            lambda mono_ns: _clock_at(process, pid, mono_ns),
            int(manifest["t0_mono_ns"]),
            _WARM_UP_S,
            pairs,
        )
        status = process.wait(_END_S)
    if status:
        raise process.failure(f"run ended with status {status}")
    run = load_run(bundle)
    return {
        arm: told(run, [found for found in taken if found.watched == (arm == WATCHED)])
        for arm in (WATCHED, UNWATCHED)
    }


def _begun(process: Pinned, reports: Path) -> tuple[Path, dict[str, Any]]:
    """The bundle and its manifest, once the load has begun."""
    deadline = time.monotonic() + _BEGIN_S
    while process.running and time.monotonic() < deadline:
        for path in reports.glob("*/manifest.json"):
            with contextlib.suppress(OSError, ValueError):
                manifest = json.loads(path.read_text(encoding="utf-8"))
                if manifest.get("t0_mono_ns"):
                    return path.parent, manifest
        time.sleep(0.05)
    raise process.failure("did not begin")


def _untraced(bench: Bench, duration_s: float) -> _Ways:
    folder = scratch(bench.directory, "untraced")
    stages = [
        Stage("warm-up", Rate(RATE), _WARM_UP_S),
        Stage(_STAGE, Rate(RATE), duration_s),
    ]
    with _service(bench, folder / "service") as service:
        pid = service.process.pid
        url = service.endpoints["service"]
        command = own.command(folder, _text(duration_s), stages, url)
        process = Pinned("loadkit", command, core=bench.cores.generator, directory=folder)
        with ended(process):
            t0 = _load_begun(process, folder)
            cpu_s = _window(process, pid, t0, duration_s)
            process.wait(_END_S)
    frames = own.Frames.read(folder)
    frames.end()
    response = frames.histogram("response", stage=_STAGE)
    bad = frames.flow()["failed"] + frames.flow()["raised"]
    p50, p99 = own.seconds(response, 0.5), own.seconds(response, 0.99)
    if bad or p50 is None or p99 is None:
        raise process.failure(f"{bad} of {response.count} requests failed")
    return {UNTRACED: {"cpu_s": cpu_s / response.count, "p50_s": p50, "p99_s": p99}}


def _load_begun(process: Pinned, folder: Path) -> int:
    deadline = time.monotonic() + _BEGIN_S
    while process.running and time.monotonic() < deadline:
        t0 = own.Frames.read(folder).t0_ns
        if t0 is not None:
            return t0
        time.sleep(0.05)
    raise process.failure("did not begin")


@contextlib.contextmanager
def _service(bench: Bench, folder: Path) -> Iterator[CostService]:
    """The service as a stack starts it, without tracing, alone on its core."""
    run_id = secrets.token_hex(8)
    folder.mkdir(parents=True)
    with asyncio.Runner() as runner:
        guard = Guard(run_id)
        runner.run(guard.__aenter__())
        try:
            service = CostService(Place(run_id, folder), None)
            try:
                runner.run(service.start())
                _move(service.process.pid, bench.cores.server)
                yield service
            finally:
                runner.run(service.stop())
        finally:
            runner.run(guard.__aexit__(None, None, None))


def _window(process: Pinned, pid: int, t0_ns: int, duration_s: float) -> float:
    """Processor time that a process used in the measured stage, s."""
    begin = t0_ns + round(_WARM_UP_S * 1e9)
    before = _clock_at(process, pid, begin)
    return (_clock_at(process, pid, begin + round(duration_s * 1e9)) - before) / 1e9


def _clock_at(process: Pinned, pid: int, mono_ns: int) -> int:
    time.sleep(max(0.0, (mono_ns - time.monotonic_ns()) / 1e9))
    clock = cpu_clock_ns(pid)
    if clock is None:
        raise process.failure("lost its service")
    return clock


def _move(pid: int, core: int) -> None:
    """All threads of a process to a core; those it starts later follow."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), {core})


# -- all of them -----------------------------------------------------------------------------


def _rows(taken: dict[str, dict[int, dict[str, float]]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for arm in _ARMS:
        if taken[arm]:
            values = {key: [found[key] for found in taken[arm].values()] for key in _KEYS}
            rows.append(
                {"kind": "arm", "title": arm, "rounds": len(taken[arm])}
                | {key: interval_dict(median_interval(values[key])) for key in _KEYS}
                | {"raw": [{"round": n, **found} for n, found in taken[arm].items()]}
            )
    for above, below in ((WATCHED, UNWATCHED), (UNWATCHED, UNTRACED)):
        both = sorted(taken[above].keys() & taken[below].keys())
        if both:
            title = f"{above} : {below}"
            if below == UNTRACED:
                title = f"tracing itself ({title})"
            rows.append(
                {"kind": "ratio", "title": title, "rounds": len(both), "of": [above, below]}
                | {
                    key: interval_dict(
                        ratio_interval(
                            [taken[above][n][key] for n in both],
                            [taken[below][n][key] for n in both],
                        )
                    )
                    for key in _KEYS
                }
            )
    return rows


def _ratio(result: Result) -> dict[str, Any] | None:
    ratios = [row for row in result.rows if row.get("of") == [WATCHED, UNWATCHED]]
    return ratios[0] if ratios else None


def _verdicts(result: Result) -> list[Verdict]:
    ratio = _ratio(result)
    what = "service CPU a request, watched : not watched"
    if ratio is None:
        return [results.judge_at_most(what, MOST, None, "×")]
    found = ratio["cpu_s"]
    rounds = ratio["rounds"]
    words = (
        f"{found['median']:.3f} × (95 % interval {found['low']:.3f} to {found['high']:.3f}, "
        f"{rounds} pairs)"
    )
    status = results.PASSED if found["median"] <= MOST else results.FAILED
    if rounds < DECIDING_ROUNDS:
        status, words = results.INCONCLUSIVE, f"{words}; {DECIDING_ROUNDS} pairs decide"
    return [Verdict(what, f"≤ {MOST:g} ×", words, status)]


def _keep(result: Result) -> None:
    """For the reports of later runs, which cite the last measurement."""
    ratio = _ratio(result)
    if ratio is None or ratio["rounds"] < DECIDING_ROUNDS:
        return
    arms = {row["title"]: row for row in result.rows if row["kind"] == "arm"}
    observed.keep(
        {
            "date": result.created[:10],
            "machine": f"{result.machine['cpu']}, {result.machine['cores']} cores",
            "loadkit": result.versions["loadkit"],
            "pairs": ratio["rounds"],
            "rate": RATE,
            "cpu_ratio": ratio["cpu_s"],
            "p99_ratio": ratio["p99_s"],
            "cpu_s": median(found["cpu_s"] for found in arms[WATCHED]["raw"]),
        }
    )
