"""Which resource's level changed before the latency's, which after, and where no order can be told.

Both moments are known only as far as their series tell (``changes``). The lag between them is the
difference of two independent uncertain moments, each even within the gap between two points; an
order is told only where 95 % of that difference lies on one side of 0. An order is no cause.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from loadkit.analyse.changes import FEWEST, HELD, Change, changes, density
from loadkit.analyse.context import Context, Floats, StageSpan, present, text_of
from loadkit.analyse.latency import pick, quantiles_by_second
from loadkit.analyse.result import ChangePoint, Lag, LeadLag, Line, Strip
from loadkit.analyse.saturation import Use

LEAST_RATIO = 1.2
"""A smaller change of latency, up or down, is not told."""

LEAST_SHARE = 0.05
"""A smaller change of a resource's share in use is not told."""

REACH_S = 15.0
"""Changes further apart, or known worse, than this are not set against each other."""

NEAR_S = 1.5
"""A change whose interval comes this near to a planned one is said to be at it."""

_BINS = 800


@dataclass(frozen=True, slots=True)
class _Moved:
    """A series with its changes."""

    name: str
    unit: str
    line: Line
    found: tuple[Change, ...]
    latency: bool


def lead_lag(context: Context, uses: Sequence[Use]) -> LeadLag | None:
    """Change points of latency and of every resource, and the lags between them.

    None where fewer than 30 measured seconds have a latency.
    """
    latencies = list(_latencies(context))
    if not latencies:
        return None
    resources = [moved for use in uses if not use.own and (moved := _resource(context, use))]
    lags = tuple(
        lag
        for moved in latencies
        for number in range(len(moved.found))
        for lag in _lags(context, moved, number, resources)
    )
    shown = [m for m in (*latencies, *resources) if m.latency or m.found]
    return LeadLag(
        strips=tuple(_strip(context, moved) for moved in shown),
        lags=lags,
        watched=len(latencies) + len(resources),
    )


# -- series -------------------------------------------------------------------------------------


def _latencies(context: Context) -> Iterator[_Moved]:
    """p95 of response time by second, and of service time where that is another."""
    known: Floats | None = None
    for measure, name in (("response", "p95 response time"), ("service", "p95 service time")):
        rows = pick(context.run.seconds, measure)
        if not context.seconds or not len(rows):
            continue
        values = quantiles_by_second(rows, [0.95], context.seconds)[0]
        seconds = sorted(s for s in context.measured_seconds if s < len(values))
        kept = [s for s in seconds if math.isfinite(values[s]) and values[s] > 0]
        y = np.array([values[s] for s in kept])
        if len(kept) < FEWEST:
            continue
        if known is not None and len(known) == len(y) and np.all(np.abs(y / known - 1) < 0.02):
            continue  # the same series: nothing waited
        known = y
        x = np.array(kept, np.float64) + 0.5
        line = Line(name, "s", tuple(x.tolist()), tuple(y.tolist()))
        found = changes(x, y, math.log(LEAST_RATIO), logarithm=True, width_s=1.0)
        yield _Moved(name, "s", line, found, latency=True)


def _resource(context: Context, use: Use) -> _Moved | None:
    inside = np.zeros(len(use.x), bool)
    for stage in context.measured:
        inside |= context.within(use.x, stage)
    x, y = use.x[inside], use.y[inside]
    if len(x) < FEWEST:
        return None
    # A rate is of the whole gap between two scrapes, and stands in its middle.
    width = float(np.median(np.diff(x)))
    line = Line(use.name, "ratio", tuple(x.tolist()), tuple(y.tolist()), use.source)
    return _Moved(use.name, "ratio", line, changes(x, y, LEAST_SHARE, width_s=width), latency=False)


def _strip(context: Context, moved: _Moved) -> Strip:
    points = tuple(
        ChangePoint(c.at_s, c.low_s, c.high_s, c.before, c.after, planned(context, c))
        for c in moved.found
    )
    return Strip(moved.name, moved.unit, moved.line, points, moved.latency)


# -- the plan -----------------------------------------------------------------------------------


def planned(context: Context, change: Change) -> str:
    """What was done on purpose where a series changed: a fault, or the load; empty for nothing."""
    low, high = change.low_s - NEAR_S, change.high_s + NEAR_S
    for kind, at in _faults(context):
        if low <= at <= high:
            return f"the {kind} at {at:.1f} s"
    for before, after in pairwise(context.stages):
        at = after.start_s
        if low <= at <= high and not _same_load(before, after):
            return f"the planned step from {before.name} to {after.name} at {at:g} s"
    for stage in context.stages:
        if _moves(stage) and change.high_s > stage.start_s and change.low_s < stage.end_s:
            return f"{stage.name}, in which the load changes by plan"
    return ""


def _faults(context: Context) -> Iterator[tuple[str, float]]:
    """Beginnings and ends of faults, in words."""
    for row in context.run.faults.sort_values("mono_ns", kind="stable").to_dict("records"):
        step = text_of(row["step"])
        name = f"{text_of(row['kind'])}:{step}" if step else text_of(row["kind"])
        for word, column in (("beginning", "t_s"), ("end", "end_s")):
            if present(row[column]):
                yield f"{word} of fault {name}", float(row[column])


def _same_load(before: StageSpan, after: StageSpan) -> bool:
    """Whether the load goes on as it was."""
    if before.kind is None or before.kind != after.kind:
        return False
    ends = (before.last, after.first)
    return None not in ends and ends[0] == ends[1] and before.users == after.users


def _moves(stage: StageSpan) -> bool:
    """Whether the load changes within a stage: a ramp, steps, a recording."""
    return stage.first != stage.last or bool(stage.text)


# -- lags ---------------------------------------------------------------------------------------


def _lags(
    context: Context, latency: _Moved, number: int, resources: Iterable[_Moved]
) -> Iterator[Lag]:
    """Of one change of latency, the lag of the nearest change of each resource."""
    change = latency.found[number]
    if not _sharp(change):
        return
    reach = min([REACH_S, *(abs(o.at_s - change.at_s) / 2 for o in _others(latency, number))])
    for resource in resources:
        nearest = min(
            filter(_sharp, resource.found),
            key=lambda one: abs(one.at_s - change.at_s),
            default=None,
        )
        if nearest is None or abs(nearest.at_s - change.at_s) > reach:
            continue
        low, middle, high = lag_between(nearest, change)
        yield Lag(
            latency=latency.name,
            resource=resource.name,
            at_s=change.at_s,
            resource_at_s=nearest.at_s,
            lag_s=middle,
            low_s=low,
            high_s=high,
            order="before" if low > 0 else "after" if high < 0 else "",
            planned=planned(context, change),
        )


def _sharp(change: Change) -> bool:
    """Whether its moment is known well enough to be compared with another."""
    return change.high_s - change.low_s <= REACH_S


def _others(latency: _Moved, number: int) -> list[Change]:
    return [one for n, one in enumerate(latency.found) if n != number]


def lag_between(first: Change, second: Change) -> tuple[float, float, float]:
    """2.5 %, 50 % and 97.5 % of the time from one change to another, in seconds."""
    spans = [change.high_s - change.low_s for change in (first, second)]
    step = max(sum(spans), 1e-6) / _BINS
    counts = [max(1, math.ceil(span / step)) for span in spans]
    one = density(first.cells, first.low_s, step, counts[0])
    two = density(second.cells, second.low_s, step, counts[1])
    both = np.convolve(two, one[::-1])
    below = np.cumsum(both) / both.sum()
    start = second.low_s - first.low_s - counts[0] * step
    edges = start + step * np.arange(1, len(both) + 1) + step / 2
    tail = (1 - HELD) / 2
    low, middle, high = (float(np.interp(q, below, edges)) for q in (tail, 0.5, 1 - tail))
    return low, middle, high
