"""``loadkit bench soak``: whether a long run grows, in memory, in open files or in lateness.

The load child sends at a fixed rate with a pool of 64 users, all of whom were busy for a moment
before: so all connections that there will ever be are open when it begins, and one more is a leak,
not the trace of a pause. Each second it says its memory and its open files, and each second has a
p99 of lateness. The first tenth is left out: pools fill and connections open then.
The rest is cut into blocks, each with its median, and the slope through these, times the length,
is the growth. It passes when the whole 95 % interval is below the tolerance, fails when it is
above, and is inconclusive in between: then it takes a longer run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from loadkit.bench import own, servers
from loadkit.bench.bench import Bench
from loadkit.bench.machine import package_version
from loadkit.bench.result import FAILED, INCONCLUSIVE, PASSED, Result, Verdict, interval_dict
from loadkit.bench.stats import Interval, blocks, slope_interval
from loadkit.bundle.histogram import Histogram
from loadkit.errors import StackError, UsageError
from loadkit.model import Rate, Stage, Users

NAME = "soak"
DURATION_S = 1200.0
RATE = 1000.0
SHORTEST_S = 20.0

_SETTLE, _STAGE = "settle", "soak"
_SETTLE_S, _USERS = 3.0, 64
_SETTLING = 0.1
_BLOCKS = 24
_EDGE = 3

Point = tuple[float, float]
"""Seconds since the start of the load, and a value."""

TOLERANCES: Mapping[str, tuple[str, float, str]] = {
    "rss_bytes": ("memory", 5_000_000.0, "bytes"),
    "open_files": ("open files", 1.0, "files"),
    "late_p99": ("p99 of lateness", 0.0002, "s"),
}
"""Measure → its name, what it may grow over a run, and the unit."""

_SHOWN: Mapping[str, Callable[[float], str]] = {
    "bytes": lambda value: f"{value / 1e6:+.2f} MB",
    "files": lambda value: f"{value:+.2f}",
    "s": lambda value: f"{value * 1e3:+.3f} ms",
}


def run(bench: Bench, *, duration_s: float) -> Result:
    """One long run, judged.

    Raises:
        UsageError: it is too short to tell.
        StackError: the server or the load child failed.
    """
    if duration_s < SHORTEST_S:
        raise UsageError(
            f"a soak of {duration_s:g} s cannot tell growth from noise",
            remedy=f"Give at least {SHORTEST_S:g} s.",
        )
    result = Result(
        NAME,
        settings={"duration_s": duration_s, "rate": RATE, "users": _USERS},
        versions={"loadkit": package_version("loadkit"), "locust": package_version("locust")},
        asked_for=tuple(bench.only),
    )
    with servers.static_server(bench.cores.server, bench.directory / "server") as server:
        result.versions["server"] = server.title
        bench.say(f"sending {RATE:,.0f}/s for {duration_s:,.0f} s")
        stages = [
            Stage(_SETTLE, Users(_USERS), _SETTLE_S),
            Stage(_STAGE, Rate(RATE, max_users=_USERS), duration_s),
        ]
        frames = own.drive(bench, server, "soak", stages, servers.BODY)
    for name, points in series(frames, duration_s).items():
        title, tolerance, unit = TOLERANCES[name]
        try:
            growth = grown(points)
        except ValueError as error:
            result.failed[title] = str(error)
            continue
        values = [value for _, value in points]
        result.rows.append(
            {
                "measure": name,
                "title": title,
                "unit": unit,
                "first": median(values[: max(1, len(values) // _BLOCKS)]),
                "last": median(values[-max(1, len(values) // _BLOCKS) :]),
                "growth": interval_dict(growth),
            }
        )
        result.verdicts.append(judge(title, tolerance, unit, growth))
    result.verdicts.append(_books(frames, duration_s))
    result.notes += bench.notes
    return result


def series(frames: own.Frames, duration_s: float) -> dict[str, list[Point]]:
    """The three measures over the run, without its first tenth and its end."""
    t0 = frames.t0_ns
    if t0 is None:
        raise StackError("the load did not begin")
    since, until = _SETTLE_S + duration_s * _SETTLING, _SETTLE_S + duration_s
    found: dict[str, list[Point]] = {name: [] for name in TOLERANCES}
    for row in frames.rows("generator"):
        at = (row["mono_ns"] - t0) / 1e9
        if since <= at <= until:
            for name in ("rss_bytes", "open_files"):
                if row[name] is not None:
                    found[name].append((at, float(row[name])))
    for second, late in sorted(_lateness(frames).items()):
        value = own.seconds(late, 0.99)
        if since <= second < until - 1 and value is not None:
            found["late_p99"].append((second + 0.5, value))
    return found


def _lateness(frames: own.Frames) -> dict[int, Histogram]:
    seconds: dict[int, Histogram] = {}
    for row in frames.rows("intervals"):
        if row["measure"] == "lateness":
            pairs = zip(row["buckets"], row["counts"], strict=True)
            histogram = seconds.setdefault(row["second"], Histogram())
            histogram.merge_row(row["count"], row["sum_ns"], row["min_ns"], row["max_ns"], pairs)
    return seconds


def grown(points: list[Point]) -> Interval:
    """Growth from the first to the last point, along the slope through them.

    Raises:
        ValueError: too few points.
    """
    if len(points) < _EDGE:
        raise ValueError("too few seconds were recorded")
    times, values = blocks([at for at, _ in points], [value for _, value in points], _BLOCKS)
    slope = slope_interval(times, values)
    span = points[-1][0] - points[0][0]
    return Interval(slope.low * span, slope.median * span, slope.high * span, slope.count)


def judge(title: str, tolerance: float, unit: str, growth: Interval) -> Verdict:
    """Passed when the whole interval is within the tolerance, failed when it is beyond."""
    shown = _SHOWN[unit]
    status = INCONCLUSIVE
    if growth.high <= tolerance:
        status = PASSED
    elif growth.low > tolerance:
        status = FAILED
    observed = f"{shown(growth.median)} ({shown(growth.low)} to {shown(growth.high)})"
    return Verdict(f"growth of {title} over the run", f"≤ {shown(tolerance)}", observed, status)


def _books(frames: own.Frames, duration_s: float) -> Verdict:
    flow: dict[str, Any] = dict(frames.flow(stage=_STAGE))
    planned, started = round(RATE * duration_s), flow.get("started", 0)
    bad = sum(flow.get(outcome, 0) for outcome in ("failed", "raised", "cancelled"))
    status = PASSED if started == planned and not bad else FAILED
    words = f"planned {planned:,}, started {started:,}, not ok {bad:,}"
    return Verdict("everything planned was sent and answered", "all", words, status)
