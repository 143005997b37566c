"""``loadkit bench arrivals``: whether arrivals start when they are due, and all of them.

Constant rates, one after the other and each after a ramp that opens the connections, the last one
80 % of capacity: of what is started a second while far more arrivals are due than can be, by the
same number of users. Lateness is from when an arrival was due to when a
user took it up. The rate error compares the arrivals started in the seconds of the stage with
those planned in it; the count is exact when planned, started, sent and answered (counted by the
server) are the same number.
"""

from __future__ import annotations

from collections import Counter
from statistics import mean, median
from typing import Any

from loadkit.bench import own, servers
from loadkit.bench import result as results
from loadkit.bench.bench import Bench
from loadkit.bench.machine import package_version
from loadkit.bench.result import FAILED, PASSED, Result, Verdict
from loadkit.errors import StackError
from loadkit.model import Rate, Stage, Users

NAME = "arrivals"
DURATION_S, CONNECTIONS = 60.0, 1000
RATES = (500.0, 1000.0, 2000.0, 5000.0)
SHARE = 0.8
LATENESS_RATE, LATENESS_S, RATE_ERROR = 2000.0, 1e-3, 1e-3

CAPACITY_S = 6.0

_CLOSED_S = 1.0
_TOO_MANY = 100_000.0
_STAGE, _WARM_UP, _WARM_UP_S = "steady", "warm-up", 3.0


def run(bench: Bench, *, duration_s: float, connections: int) -> Result:
    """Each rate for ``duration_s``.

    Raises:
        UsageError: one core.
        StackError: the server or the first run failed.
    """
    result = Result(
        NAME,
        settings={"duration_s": duration_s, "users": connections, "method": "POST"},
        versions={"loadkit": package_version("loadkit"), "locust": package_version("locust")},
        asked_for=tuple(bench.only),
    )
    with (
        result.until_interrupted(),
        servers.static_server(bench.cores.server, bench.directory / "server") as server,
    ):
        result.versions["server"] = server.title
        capacity = _capacity(bench, server, connections)
        bench.say(f"capacity of the open model: {capacity:,.0f}/s")
        result.settings["capacity"] = round(capacity)
        for rate in (*RATES, round(SHARE * capacity)):
            share = SHARE if rate not in RATES else None
            try:
                row = _row(bench, server, float(rate), duration_s, share, connections)
            except StackError as error:
                bench.say(f"warning: {error.what}")
                result.failed[f"{rate:g}/s"] = error.what
                continue
            result.rows.append(row)
            late = row["late_p99"]
            bench.say(
                f"{rate:,.0f}/s: lateness p99 {late * 1e3:.2f} ms, "
                f"{row['answered']:,} of {row['planned']:,}"
            )
    result.verdicts = _verdicts(result)
    result.notes += bench.notes
    return result


def _capacity(bench: Bench, server: servers.Server, connections: int) -> float:
    """Arrivals a second that are started when far more are due: the open model's own limit."""
    stages = [
        Stage("closed", Users(connections), _CLOSED_S),
        Stage(_STAGE, Rate(_TOO_MANY, max_users=connections), CAPACITY_S),
    ]
    frames = own.drive(bench, server, "capacity", stages, servers.BODY, drain_s=0.1)
    started: Counter[int] = Counter()
    for row in frames.rows("flow"):
        if row["event"] == "started":
            started[int(row["second"])] += int(row["count"])
    # Whole seconds, without the first, in which users are still new, and the last.
    first, last = int(_CLOSED_S) + 1, int(_CLOSED_S + CAPACITY_S) - 1
    found = float(median(started[second] for second in range(first, last)))
    if not found:
        raise StackError("loadkit started nothing in a stage of too many arrivals")
    return found


def _row(
    bench: Bench,
    server: servers.Server,
    rate: float,
    duration_s: float,
    share: float | None,
    connections: int,
) -> dict[str, Any]:
    before = server.requests()
    stages = [
        Stage(_WARM_UP, Rate(rate / 10, to=rate, max_users=connections), _WARM_UP_S),
        Stage(_STAGE, Rate(rate, max_users=connections), duration_s),
    ]
    frames = own.drive(bench, server, f"rate-{rate:.0f}", stages, servers.BODY)
    flow = frames.flow(stage=_STAGE)
    lateness = frames.histogram("lateness", stage=_STAGE)
    response = frames.histogram("response", stage=_STAGE)
    planned = round(rate * duration_s)
    in_time = frames.flow(stage=_STAGE, before_s=_WARM_UP_S + duration_s)["started"]
    warm_up = frames.flow(stage=_WARM_UP)["sent"]
    load = [row["cpu_ratio"] for row in frames.rows("generator")]
    return {
        "rate": rate,
        "share": share,
        "planned": planned,
        "started": flow["started"],
        "sent": flow["sent"] or response.count,
        "answered": server.requests() - before - warm_up,
        "rate_error": abs(in_time / planned - 1),
        **{f"late_{key}": own.seconds(lateness, q) for key, q in _QUANTILES.items()},
        **{f"response_{key}": own.seconds(response, q) for key, q in _QUANTILES.items()},
        "busy": mean(load) if load else None,
    }


_QUANTILES = {"p50": 0.5, "p99": 0.99, "max": 1.0}


def _verdicts(result: Result) -> list[Verdict]:
    found = []
    for row in result.rows:
        if row["rate"] == LATENESS_RATE:
            late = None if row["late_p99"] is None else row["late_p99"] * 1e3
            what = f"p99 of lateness at {LATENESS_RATE:,.0f}/s"
            found.append(results.judge_at_most(what, LATENESS_S * 1e3, late, "ms"))
        if row["share"]:
            what = f"rate error at 80 % of capacity ({row['rate']:,.0f}/s)"
            error = row["rate_error"] * 100
            found.append(results.judge_at_most(what, RATE_ERROR * 100, error, "%"))
        counts = [row[key] for key in ("planned", "started", "sent", "answered")]
        words = "planned {:,}, started {:,}, sent {:,}, answered {:,}".format(*counts)
        status = PASSED if len(set(counts)) == 1 else FAILED
        found.append(Verdict(f"count at {row['rate']:,.0f}/s", "exact", words, status))
    return found
