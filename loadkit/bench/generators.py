"""``loadkit bench generators``: how much a load generator sends on one core, and what that costs.

Two measures, both from outside (see loadkit.bench.measure): requests a second, and CPU seconds of
the generator per million requests. The second hardly depends on what else the machine does, and
is also right where the server is the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from loadkit.bench import result as results
from loadkit.bench import servers
from loadkit.bench.bench import Bench
from loadkit.bench.measure import Window, measure
from loadkit.bench.peers import FAST, OURS, chosen
from loadkit.bench.peers.peer import Job, Peer
from loadkit.bench.result import Result, Verdict, interval_dict
from loadkit.bench.scratch import scratch
from loadkit.bench.stats import median_interval, ratio_interval
from loadkit.errors import StackError

NAME = "generators"
ROUNDS, DURATION_S, CONNECTIONS = 9, 5.0, 64
DECIDING_ROUNDS = 9
METHODS = {"GET": None, "POST": servers.BODY}
WANTED = {FAST: 4.0, "k6": 2.0}
"""How many times these are to be outdone, with POST: in requests a second and in CPU."""

_SERVER_LIMIT = 0.9


@dataclass
class _Series:
    """The windows of a tool and a method, by round."""

    windows: dict[int, Window] = field(default_factory=dict)

    def values(self, what: str, rounds: Sequence[int]) -> list[float]:
        return [float(getattr(self.windows[number], what)) for number in rounds]


def run(bench: Bench, *, rounds: int, duration_s: float, connections: int) -> Result:
    """Measures every tool that is there, round by round.

    Raises:
        UsageError: a tool that is not known, or one core.
        StackError: the server did not start.
    """
    peers, absent = _there(bench.only)
    result = Result(
        NAME,
        settings={
            "rounds": rounds,
            "duration_s": duration_s,
            "connections": connections,
            "body_bytes": len(servers.BODY),
        },
        versions={peer.name: peer.version() for peer in peers},
        missing=absent,
        asked_for=tuple(bench.only),
    )
    taken: dict[tuple[str, str], _Series] = {}
    with (
        result.until_interrupted(),
        servers.static_server(bench.cores.server, bench.directory / "server") as server,
    ):
        result.versions["server"] = server.title
        for number in range(rounds):
            for method in METHODS:
                for peer in _turned(peers, number):
                    job = _job(server, method, connections, duration_s, bench.directory, peer)
                    _once(bench, peer, server, job, number, taken, result)
    result.rows = [_row(peer, method, taken) for method in METHODS for peer in peers]
    result.rows = [row for row in result.rows if row["rounds"]]
    result.verdicts = _verdicts(result, rounds)
    result.notes += bench.notes
    return result


def _there(only: Sequence[str]) -> tuple[list[Peer], dict[str, str]]:
    present, absent = [], {}
    for peer in chosen(only):
        why = peer.missing()
        if why is None:
            present.append(peer)
        else:
            absent[peer.name] = why
    return present, absent


def _turned(peers: Sequence[Peer], number: int) -> list[Peer]:
    """Another one first in every round, so that the place in the round favours nobody."""
    at = number % max(1, len(peers))
    return [*peers[at:], *peers[:at]]


def _job(
    server: servers.Server,
    method: str,
    connections: int,
    duration_s: float,
    parent: Path,
    peer: Peer,
) -> Job:
    folder = scratch(parent, f"{peer.name}-{method}")
    return Job(server.url, connections, duration_s, folder, METHODS[method])


def _once(
    bench: Bench,
    peer: Peer,
    server: servers.Server,
    job: Job,
    number: int,
    taken: dict[tuple[str, str], _Series],
    result: Result,
) -> None:
    try:
        window = measure(peer, server, job, bench.cores.generator, warm_up_s=bench.warm_up_s)
    except StackError as error:
        bench.say(f"warning: {error.what}")
        # Once is enough to make a ratio of rounds doubtful, so it is said, not left out.
        result.failed.setdefault(peer.name, f"round {number + 1}, {job.method}: {error.what}")
        return
    taken.setdefault((peer.name, job.method), _Series()).windows[number] = window
    bench.say(
        f"round {number + 1} · {job.method} · {peer.title}: {window.rate:,.0f}/s, "
        f"{window.cpu_per_million:.1f} CPU s a million"
    )


def _row(peer: Peer, method: str, taken: dict[tuple[str, str], _Series]) -> dict[str, Any]:
    series = taken.get((peer.name, method), _Series())
    row: dict[str, Any] = {
        "tool": peer.name,
        "title": peer.title,
        "method": method,
        "rounds": len(series.windows),
    }
    if not series.windows:
        return row
    everything = sorted(series.windows)
    busy = median(series.values("server_busy", everything))
    row |= {
        "rate": interval_dict(median_interval(series.values("rate", everything))),
        "cpu_per_million": interval_dict(
            median_interval(series.values("cpu_per_million", everything))
        ),
        "busy": median(series.values("busy", everything)),
        "server_busy": busy,
        "server_bound": busy > _SERVER_LIMIT,
        "raw": [
            {
                "round": number,
                "rate": series.windows[number].rate,
                "cpu_per_million": series.windows[number].cpu_per_million,
            }
            for number in everything
        ],
    }
    ours = taken.get((OURS, method), _Series())
    both = [number for number in everything if number in ours.windows]
    if peer.name != OURS and both:
        row["ratio_rate"] = interval_dict(
            ratio_interval(ours.values("rate", both), series.values("rate", both))
        )
        # Turned round: how many times more CPU the other one needs.
        row["ratio_cpu"] = interval_dict(
            ratio_interval(
                series.values("cpu_per_million", both), ours.values("cpu_per_million", both)
            )
        )
    return row


def _verdicts(result: Result, rounds: int) -> list[Verdict]:
    """POST alone decides; a tool that is not there is not asked about."""
    found = []
    for row in result.rows:
        wanted = WANTED.get(row["tool"])
        if wanted is None or row["method"] != "POST" or "ratio_rate" not in row:
            continue
        for measure_name, key in (("requests a second", "ratio_rate"), ("CPU", "ratio_cpu")):
            what = f"POST, {measure_name}: loadkit.HttpUser to {row['title']}"
            paired = row[key]["count"]
            found.append(results.judge_at_least(what, wanted, row[key], paired, DECIDING_ROUNDS))
    return found
