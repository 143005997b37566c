"""Memory: what was tracked, who allocated it, and whether it grows with requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from loadkit.analyse.context import (
    Context,
    Floats,
    StageSpan,
    present,
    seconds_or_none,
    text_of,
    text_or_none,
)
from loadkit.analyse.growth import GROWTH, INCONCLUSIVE, growth
from loadkit.analyse.memory_result import Allocator, GrowthResult, MemoryResult, MemoryRun
from loadkit.analyse.result import Frame
from loadkit.analyse.subject import is_instrument
from loadkit.analyse.text import duration

RELEVANT = 256.0
"""Bytes a request of tracked memory that count as growth: a gibibyte after 4 million requests."""
RELEVANT_RSS = 512.0
"""The same of resident memory, which comes in pages and arenas and follows filling caches."""
ALL, RSS = "lasting memory", "resident memory"
LASTING = 0.15  # share of the stage that lasting memory lives, as the collector has it
MOST_TOP = 12
MOST_POINTS = 400
_AROUND_S = 1.0
_DEEPEST = 200


def memory_result(context: Context) -> MemoryResult:
    """Everything about memory."""
    clock = _Requests(context)
    return MemoryResult(tuple(_runs(context, clock)), tuple(_resident(context, clock)))


class _Requests:
    """Requests completed since the start of the load, and under way, at any moment.

    Interpolated within seconds.
    """

    def __init__(self, context: Context) -> None:
        flow = context.run.flow
        self._done = _summed(flow[flow["event"] == "completed"])
        self._sent = _summed(flow[flow["event"] == "sent"])

    def completed(self, t_s: Floats) -> Floats:
        """NaN when none is known to have completed."""
        return _between(t_s, self._done)

    def under_way(self, t_s: Floats) -> Floats | None:
        """None when it is not known how many were sent."""
        if len(self._sent) < 2:
            return None
        return _between(t_s, self._sent) - _between(t_s, self._done)


def _summed(rows: pd.DataFrame) -> Floats:
    """How many so far, at the beginning of each second."""
    counts = rows.groupby("second")["count"].sum()
    per_second = np.zeros(int(counts.index.max()) + 1 if len(counts) else 0)
    per_second[counts.index.to_numpy(dtype=np.int64)] = counts.to_numpy(dtype=np.float64)
    return np.concatenate([[0.0], np.cumsum(per_second)])


def _between(t_s: Floats, so_far: Floats) -> Floats:
    if len(so_far) < 2:
        return np.full(len(t_s), np.nan)
    found: Floats = np.interp(t_s, np.arange(len(so_far), dtype=np.float64), so_far)
    return found


# -- resident memory of every process -------------------------------------------------------------


def _resident(context: Context, clock: _Requests) -> Iterable[GrowthResult]:
    start, end = _untracked(context)
    if end - start <= 0:
        return
    frame = context.run.processes.sort_values("t_s", kind="stable")
    frame = frame[(frame["t_s"] >= start) & (frame["t_s"] < end)]
    for name, rows in frame.groupby("process", sort=True):
        if is_instrument(str(name)):
            continue
        known = rows[["t_s", "rss_bytes"]].dropna()
        t, size = (known[c].to_numpy(dtype=np.float64) for c in ("t_s", "rss_bytes"))
        if len(t):
            yield _result(str(name), RSS, None, (start, end), clock, t, size, RELEVANT_RSS)


def _untracked(context: Context) -> tuple[float, float]:
    """The longest stretch of load without a warm-up stage and without tracking.

    A tracker's own tables and its file are resident too.
    """
    first = next((stage.end_s for stage in context.stages if stage.warmup), 0.0)
    edges = [first]
    runs = context.run.memory_runs
    for begin, end in zip(runs["t_s"], _ends(context), strict=True):
        if present(begin):
            edges += [float(begin), context.end_s if end is None else end]
    edges.append(context.reached_s)
    pieces = list(zip(edges[::2], edges[1::2], strict=True))
    return max(pieces, key=lambda piece: piece[1] - piece[0])


def _ends(context: Context) -> list[float | None]:
    t0 = context.manifest.t0_mono_ns
    ends = context.run.memory_runs["end_mono_ns"]
    return [(float(e) - t0) / 1e9 if present(e) and t0 is not None else None for e in ends]


def _result(
    process: str,
    what: str,
    stage: str | None,
    window: tuple[float, float],
    clock: _Requests,
    t: Floats,
    size: Floats,
    relevant: float,
) -> GrowthResult:
    x = clock.completed(t)
    good = np.isfinite(x)
    thin = max(1, -(-int(good.sum()) // MOST_POINTS))
    points = zip(x[good][::thin].tolist(), size[good][::thin].tolist(), strict=True)
    found = growth(x, size, relevant, clock.under_way(t))
    return GrowthResult(process, what, stage, *window, found, tuple(points), relevant)


# -- tracked memory -------------------------------------------------------------------------------


def _runs(context: Context, clock: _Requests) -> Iterable[MemoryRun]:
    runs = context.run.memory_runs
    for row, end_s in zip(runs.to_dict("records"), _ends(context), strict=True):
        yield _run(context, clock, row, end_s)


def _run(context: Context, clock: _Requests, row: dict[Any, Any], end_s: float | None) -> MemoryRun:
    stage, process = text_of(row["stage"]), text_of(row["process"])
    stacks = _of(context.run.memory_stacks, stage, process)
    start_s = seconds_or_none(row["t_s"])
    tracked = list(_tracked(context, clock, stage, process, start_s, end_s))
    functions = [one for one in tracked if one.what != ALL]
    functions.sort(key=lambda one: (-(one.growth.slope or 0.0), one.what))
    return MemoryRun(
        stage=stage,
        process=process,
        how=text_of(row["how"]),
        start_s=start_s,
        end_s=end_s,
        switching_s=seconds_or_none(row["start_s"]),
        stall_s=seconds_or_none(row["stall_s"]),
        worst_response_s=_worst(context, row),
        allocations=_whole(row["allocations"]),
        allocated_bytes=_whole(row["allocated_bytes"]),
        peak_bytes=_whole(row["peak_bytes"]),
        left_bytes=_whole(row["left_bytes"]),
        file=text_or_none(row["file"]),
        message=text_or_none(row["message"]),
        by_size=_top(stacks, "bytes", "count"),
        by_count=_top(stacks, "count", "bytes"),
        peak=_flame(stacks, "peak"),
        kept=_flame(stacks, "kept"),
        growth=next((one for one in tracked if one.what == ALL), None),
        functions=tuple(functions),
    )


def _of(frame: pd.DataFrame, stage: str, process: str) -> pd.DataFrame:
    return frame[(frame["stage"] == stage) & (frame["process"] == process)]


def _whole(value: Any) -> int | None:
    return int(value) if present(value) else None


def _tracked(
    context: Context,
    clock: _Requests,
    stage: str,
    process: str,
    start_s: float | None,
    end_s: float | None,
) -> Iterable[GrowthResult]:
    rows = _of(context.run.memory_growth, stage, process).sort_values("t_s", kind="stable")
    # Requests that still come in after the load has ended are no part of it.
    until = min(context.plan_end_s, context.end_s if end_s is None else end_s)
    rows = rows[rows["t_s"] <= until]
    names = rows["function"].fillna(ALL)
    for name in dict.fromkeys(names):
        known = rows[names == name][["t_s", "lasting_bytes"]].dropna()
        t, size = (known[c].to_numpy(dtype=np.float64) for c in ("t_s", "lasting_bytes"))
        if len(t):
            window = (start_s or 0.0, until)
            found = _result(process, str(name), stage, window, clock, t, size, RELEVANT)
            yield _unless_slow(context, found) if name == ALL else found


def _unless_slow(context: Context, result: GrowthResult) -> GrowthResult:
    """No growth is claimed where requests took so long that what they hold is lasting too."""
    lasts = LASTING * (result.end_s - result.start_s)
    frame = context.run.seconds
    inside = frame[
        (frame["measure"] == "response")
        & (frame["second"] >= result.start_s)
        & (frame["second"] < result.end_s)
    ]
    worst = float(inside["max_ns"].max()) / 1e9 if len(inside) else 0.0
    if result.growth.verdict != GROWTH or worst < lasts / 2:
        return result
    why = (
        f"requests took up to {duration(worst)}, and what is alive for {duration(lasts)} is "
        "taken to last"
    )
    return replace(result, growth=replace(result.growth, verdict=INCONCLUSIVE, why=why))


def _worst(context: Context, row: dict[Any, Any]) -> float | None:
    """The longest response of requests due while a process was being attached to."""
    began, took = seconds_or_none(row["t_s"]), seconds_or_none(row["start_s"])
    if text_of(row["how"]) != "attach" or began is None or took is None:
        return None
    frame = context.run.seconds
    inside = frame[
        (frame["measure"] == "response")
        & (frame["second"] >= began - took - _AROUND_S)
        & (frame["second"] <= began + _AROUND_S)
    ]
    return float(inside["max_ns"].max()) / 1e9 if len(inside) else None


def _top(stacks: pd.DataFrame, by: str, then: str) -> tuple[Allocator, ...]:
    rows = stacks[(stacks["kind"] == "allocated") & stacks[by].notna()]
    rows = rows.sort_values([by, then, "stack"], ascending=[False, False, True], kind="stable")
    return tuple(
        Allocator(text_of(row["stack"]), _whole(row["bytes"]), _whole(row["count"]))
        for row in rows.head(MOST_TOP).to_dict("records")
    )


class _Node:
    """A function on the way down; bytes allocated below it."""

    def __init__(self) -> None:
        self.size = 0
        self.children: dict[str, _Node] = {}

    def frame(self, name: str) -> Frame:
        """As the report draws it, the largest child first."""
        children = sorted(self.children.items(), key=lambda item: (-item[1].size, item[0]))
        return Frame(name, self.size, tuple(node.frame(child) for child, node in children))


def _flame(stacks: pd.DataFrame, kind: str) -> Frame | None:
    """The tree of all stacks of a kind; None without any."""
    top = _Node()
    rows = stacks[(stacks["kind"] == kind) & stacks["bytes"].notna()]
    for stack, size in zip(rows["stack"], rows["bytes"], strict=True):
        node = top
        top.size += int(size)
        for name in text_of(stack).split(";")[:_DEEPEST]:
            node = node.children.setdefault(name, _Node())
            node.size += int(size)
    return top.frame("all") if top.size else None


def spans_of(context: Context) -> tuple[StageSpan, ...]:
    """The stages in which memory was to be tracked."""
    named = {str(s["name"]) for s in context.manifest.stages if s.get("memory")}
    return tuple(stage for stage in context.stages if stage.name in named)
