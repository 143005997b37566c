"""The section on memory: numbers, who allocated, flame graphs in bytes, and growth drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadkit.analyse.growth import GROWTH, INCONCLUSIVE
from loadkit.analyse.memory_result import Allocator, Growth, GrowthResult, MemoryResult, MemoryRun
from loadkit.analyse.text import size
from loadkit.report import units
from loadkit.report.charts.scale import linear_ticks
from loadkit.report.flame import Tree, tree
from loadkit.report.tables import Cell, Column, Table, table

WIDTH, HEIGHT = 640.0, 190.0
LEFT, TOP, BOTTOM = 74.0, 8.0, 26.0
_VERDICTS = {GROWTH: "failed", INCONCLUSIVE: "inconclusive"}
_CERTAIN = 8  # functions shown


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on an axis and where."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class GrowthChart:
    """Points, the blocks' medians, the line and the interval around it, as paths in pixels."""

    points: str
    blocks: tuple[tuple[float, float], ...]
    line: str
    band: str
    left_out: float | None  # width of the part that is left out
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    label: str


def overview(result: MemoryResult) -> Table:
    """One row a process and stage in which memory was tracked."""
    columns = (
        Column("process"),
        Column("stage"),
        Column("by"),
        Column("allocated", "num", "bytes of all allocations, freed or not"),
        Column("allocations", "num"),
        Column("most at once", "num", "of what was allocated since tracking began"),
        Column("left", "num", "not freed by the end of tracking"),
        Column("switched on in", "num"),
        Column("held", "num", "how long a debugger held the process, both times"),
        Column("worst then", "num", "longest response of requests due while it was attached to"),
    )
    return table("Tracked memory", columns, [_overview_row(run) for run in result.runs])


def _overview_row(run: MemoryRun) -> tuple[Cell, ...]:
    return (
        Cell(run.process, "key"),
        Cell(run.stage),
        Cell("its own tracker" if run.how == "tracker" else "attaching"),
        Cell(size(run.allocated_bytes)),
        Cell(units.count(run.allocations)),
        Cell(size(run.peak_bytes)),
        Cell(size(run.left_bytes)),
        Cell(units.duration(run.switching_s)),
        Cell(units.duration(run.stall_s)),
        Cell(units.duration(run.worst_response_s)),
    )


def drawn(result: MemoryResult) -> tuple[GrowthResult, ...]:
    """What is drawn: tracked memory of each, then resident memory."""
    tracked = tuple(run.growth for run in result.runs if run.growth is not None)
    return (*tracked, *result.resident)


def growths(result: MemoryResult) -> Table:
    """One row a thing that might grow with requests."""
    rows = [_growth_row(one, one.what) for one in drawn(result)]
    return table("Growth a request", _GROWTH_COLUMNS, rows)


_GROWTH_COLUMNS = (
    Column("process"),
    Column("what", "wide"),
    Column("over"),
    Column("requests", "num"),
    Column("a request", "num"),
    Column("95 % interval", "num"),
    Column("growth"),
)


def functions(run: MemoryRun) -> Table:
    """The functions that kept most, each with its growth."""
    rows = [_growth_row(one, one.what) for one in run.functions[:_CERTAIN]]
    caption = f"Growth by the function that allocated, {run.process} in {run.stage}"
    return table(caption, _GROWTH_COLUMNS, rows)


def _growth_row(one: GrowthResult, what: str) -> tuple[Cell, ...]:
    found = one.growth
    start, end = (units.clock(second) for second in (one.start_s, one.end_s))
    return (
        Cell(one.process, "key"),
        Cell(what),
        Cell(one.stage or f"{start} to {end}"),
        Cell(f"{found.requests:,.0f}"),
        Cell(size(found.slope)),
        Cell(_interval(found)),
        Cell(found.verdict, f"status {_VERDICTS.get(found.verdict, 'passed')}", found.why),
    )


def _interval(found: Growth) -> str:
    if found.low is None or found.high is None:
        return units.UNKNOWN
    return f"{size(found.low)} to {size(found.high)}"


def verdict(one: GrowthResult) -> str:
    """The finding in a sentence."""
    found = one.growth
    what = f"{one.what} of {one.process}"
    if found.verdict == INCONCLUSIVE:
        return f"Whether {what} grows with requests cannot be told: {found.why}."
    told = f"{size(found.slope)} a request, 95 % interval {_interval(found)}"
    if found.verdict == GROWTH:
        return f"{what.capitalize()} grows: {told}."
    return (
        f"{what.capitalize()} does not grow by as much as {size(one.relevant)} a request: {told}."
    )


def allocators(run: MemoryRun) -> tuple[Table, ...]:
    """Where most bytes, and where most allocations came from."""
    return (
        _allocators("Most bytes allocated, freed or not", run.by_size, run),
        _allocators("Most allocations", run.by_count, run),
    )


def _allocators(caption: str, found: Sequence[Allocator], run: MemoryRun) -> Table:
    whole = run.allocated_bytes or 0
    rows = [
        (
            Cell(one.frame, "mono"),
            Cell(size(one.size)),
            Cell(units.percent(one.size / whole) if whole and one.size is not None else "–"),
            Cell(units.count(one.count)),
        )
        for one in found
    ]
    columns = (
        Column("function (file:line)", "wide"),
        Column("bytes", "num"),
        Column("share of bytes", "num"),
        Column("allocations", "num"),
    )
    return table(f"{caption}, {run.process} in {run.stage}", columns, rows)


def trees(run: MemoryRun) -> tuple[tuple[str, str, Tree], ...]:
    """(title, explanation, boxes) of the flame graphs there are."""
    kept = "allocated after the first quarter of the stage and not freed by its end"
    peak = "alive when most was, of what was allocated since tracking began"
    found = (("kept", kept, run.kept), ("at the peak", peak, run.peak))
    return tuple(
        (f"Memory of {run.process} {title}", f"{size(root.count)}, {text}", tree(root, size))
        for title, text, root in found
        if root is not None
    )


def chart(one: GrowthResult) -> GrowthChart | None:
    """The points and what is made of them; None without a line to draw."""
    found = one.growth
    if not one.points or found.slope is None or found.level is None or not found.blocks:
        return None
    xs, ys = [x for x, _ in one.points], [y for _, y in one.points]
    frame = _Frame(min(xs), max(xs), min(ys), max(ys))
    first, last = found.blocks[0][0], found.blocks[-1][0]
    middle = sum(x for x, _ in found.blocks) / len(found.blocks)
    at_middle = found.level + found.slope * middle

    def end(slope: float, x: float) -> tuple[float, float]:
        return frame.x(x), frame.y(at_middle + slope * (x - middle))

    low = found.slope if found.low is None else found.low
    high = found.slope if found.high is None else found.high
    corners = [end(low, first), end(high, last), end(low, last), end(high, first)]
    line = [end(found.slope, first), end(found.slope, last)]
    return GrowthChart(
        points="".join(f"M{frame.x(x):g} {frame.y(y):g}h0" for x, y in one.points),
        blocks=tuple((frame.x(x), frame.y(y)) for x, y in found.blocks),
        line="M" + "L".join(f"{x:g} {y:g}" for x, y in line),
        band="M" + "L".join(f"{x:g} {y:g}" for x, y in corners) + "Z",
        left_out=round(max(0.0, frame.x(first) - LEFT), 1) or None,
        x_ticks=frame.x_ticks(),
        y_ticks=frame.y_ticks(),
        label=verdict(one),
    )


class _Frame:
    """From requests and bytes to pixels; bytes need not begin at 0: it is the rise that counts."""

    def __init__(self, first: float, last: float, low: float, high: float) -> None:
        room = max(high - low, 1024.0) * 0.06
        self._first, self._last = first, max(last, first + 1)
        self._low, self._high = max(0.0, low - room), high + room

    def x(self, value: float) -> float:
        part = (value - self._first) / (self._last - self._first)
        return round(LEFT + part * (WIDTH - LEFT - 4), 1)

    def y(self, value: float) -> float:
        held = min(max(value, self._low), self._high)
        part = (held - self._low) / (self._high - self._low)
        return round(TOP + (1 - part) * (HEIGHT - TOP - BOTTOM), 1)

    def x_ticks(self) -> tuple[Tick, ...]:
        values = linear_ticks(self._first, self._last)
        return tuple(Tick(self.x(value), f"{value:,.0f}") for value in values)

    def y_ticks(self) -> tuple[Tick, ...]:
        unit = next(u for u in (1 << 30, 1 << 20, 1 << 10, 1) if self._high >= u)
        values = linear_ticks(self._low / unit, self._high / unit)
        name = {1: "B", 1 << 10: "KiB", 1 << 20: "MiB", 1 << 30: "GiB"}[unit]
        return tuple(Tick(self.y(value * unit), f"{value:g} {name}") for value in values)
