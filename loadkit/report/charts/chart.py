"""What every chart is made of, whatever it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from loadkit.analyse.difference import laid_over
from loadkit.analyse.result import Analysis, Line
from loadkit.report import units
from loadkit.report.charts import svg
from loadkit.report.charts.axis import Axis
from loadkit.report.charts.bins import Points, thin
from loadkit.report.charts.cells import Heat
from loadkit.report.charts.scale import Scale

HEIGHT = 132.0
COLOURS = 8


@dataclass(frozen=True, slots=True)
class Series:
    """A line with its place in the palette."""

    name: str
    colour: int
    dashed: bool
    points: Points
    note: str = ""
    before: Points | None = None  # the same of a baseline, on this run's axis

    @property
    def css(self) -> str:
        """Classes of the line and its swatch."""
        return f"c{self.colour}{' dash' if self.dashed else ''}"


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a legend that names a mark, not a series."""

    name: str
    css: str
    opacity: float | None = None  # of the mark, where that is what it stands for


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers behind a chart whose series do not say it all; texts ready to be shown."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Label:
    """A text in the plot at an instant and a height in pixels."""

    at_s: float
    y: float
    text: str
    css: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart; ``marks`` is SVG in seconds and pixels. ``empty`` replaces a plot without data."""

    key: str
    title: str
    unit: str
    kind: str  # of units.FORMATS; "" where there are no values
    height: float
    marks: Markup
    ticks: tuple[tuple[float, str], ...]
    series: tuple[Series, ...] = ()
    scale: Scale | None = None
    keys: tuple[Key, ...] = ()
    labels: tuple[Label, ...] = ()
    note: str = ""
    empty: str = ""
    rows: bool = False  # whether the ticks are names of rows
    heat: Heat | None = None  # counts by cell, of a heat map
    table: Table | None = None  # instead of the means of the series

    @property
    def longest_tick(self) -> int:
        """Characters of the longest label beside the plot."""
        return max((len(label) for _, label in self.ticks), default=0)


def series_of(
    lines: Sequence[Line], axis: Axis, before: Mapping[str, Line] | None = None
) -> tuple[Series, ...]:
    """Lines in their order, without those that have no value at all.

    ``before`` holds lines of a baseline by name, as :func:`earlier` finds them.

    Some are dashed, and all once the colours begin again, so that colour is not the only thing
    that tells them apart.
    """
    under = {name: _points(line, axis) for name, line in (before or {}).items()}
    found = (
        Series(
            line.name,
            n % COLOURS,
            n >= COLOURS or n in (5, 7),
            _points(line, axis),
            line.note,
            under.get(line.name),
        )
        for n, line in enumerate(lines)
    )
    return tuple(one for one in found if any(value is not None for value in one.points.y))


def earlier(analysis: Analysis, lines: Callable[[Analysis], Sequence[Line]]) -> dict[str, Line]:
    """Lines of the baseline by name, laid over this run; empty without a baseline."""
    if analysis.difference is None:
        return {}
    places = analysis.difference.places
    found = (laid_over(line, places) for line in lines(analysis.difference.before))
    return {line.name: line for line in found if any(value is not None for value in line.y)}


def _points(line: Line, axis: Axis) -> Points:
    inside = [
        (at, value)
        for at, value in zip(line.x, line.y, strict=True)
        if axis.start - 1 <= at <= axis.end + 1
    ]
    return thin([at for at, _ in inside], [value for _, value in inside])


def values_of(series: Sequence[Series]) -> list[float | None]:
    """Every value drawn, for the scale."""
    return [
        value
        for one in series
        for points in (one.points, one.before)
        if points is not None
        for value in (*points.y, *(points.high or ()), *(points.low or ()))
    ]


def has_values(series: Sequence[Series]) -> bool:
    """Whether anything was measured at all."""
    return any(value is not None for value in values_of(series))


def draw(series: Sequence[Series], scale: Scale, axis: Axis, *, cased: bool = False) -> Markup:
    """Grid and lines; the first series lies on top.

    ``cased``: lines have an edge in the page's colour, to be told from what lies under them.
    """
    grid = [
        svg.element("path", class_="grid", d=f"M{axis.start:g} {y:g}H{axis.end:g}")
        for y, _ in scale.ticks(str)
    ]
    lines = [_draw_one(n, one, scale, cased) for n, one in enumerate(series)]
    return Markup("").join([*grid, *reversed(lines)])


def _draw_one(n: int, series: Series, scale: Scale, cased: bool) -> Markup:
    points = series.points
    path = _path(points, scale)
    parts = [svg.element("path", class_="line", d=path)]
    if points.low is not None and points.high is not None:
        low = [None if v is None else scale.y(v) for v in points.low]
        high = [None if v is None else scale.y(v) for v in points.high]
        area = svg.area_paths(points.x, low, high)
        parts.insert(0, svg.element("path", class_="spread", d=area))
    if series.before is not None:
        under = svg.element("path", class_="line before", d=_path(series.before, scale))
        parts.insert(0, under)
    if cased:
        parts.insert(0, svg.element("path", class_="casing", d=path))
    return Markup('<g class="{}" data-series="{}">{}</g>').format(
        series.css, n, Markup("").join(parts)
    )


def _path(points: Points, scale: Scale) -> str:
    y = [None if v is None else scale.y(v) for v in points.y]
    return svg.line_path(None if b is None else (a, b) for a, b in zip(points.x, y, strict=True))


def binning_note(series: Sequence[Series]) -> str:
    """Says so when a point stands for more than one measurement."""
    widths = [one.points.each_s for one in series if one.points.each_s is not None]
    if not widths:
        return ""
    return f"Each point is the mean of {units.span(max(widths))}; shaded from smallest to largest."
