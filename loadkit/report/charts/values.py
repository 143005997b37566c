"""The numbers behind a chart as a table, for those who cannot or would rather not see it."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict

from loadkit.report import units
from loadkit.report.charts.axis import Axis
from loadkit.report.charts.bins import Points
from loadkit.report.charts.chart import Chart, Series, Table

_MOST_ROWS = 240


def step_of(axis: Axis) -> int:
    """Seconds a row of the table stands for."""
    return max(1, math.ceil(axis.length / _MOST_ROWS))


def table(chart: Chart, axis: Axis) -> Table:
    """The chart's own table, or time and one mean a series."""
    if chart.table is not None:
        return chart.table
    head = ("time", *(name for series in chart.series for name in _names(series)))
    return Table(f"{chart.title}, mean of each {step_of(axis)} s", head, tuple(rows(chart, axis)))


def _names(series: Series) -> tuple[str, ...]:
    return (series.name, f"{series.name}, baseline") if series.before else (series.name,)


def rows(chart: Chart, axis: Axis) -> list[tuple[str, ...]]:
    """Time and one formatted mean a series; a dash where nothing was measured."""
    if not chart.series or chart.empty:
        return []
    step, show = step_of(axis), units.FORMATS[chart.kind]
    columns = [
        _means(points, step)
        for series in chart.series
        for points in (series.points, series.before)
        if points is not None
    ]
    last = max((max(column, default=-1) for column in columns), default=-1)
    return [
        (units.clock(n * step), *(show(column.get(n)) for column in columns))
        for n in range(last + 1)
    ]


def _means(points: Points, step: int) -> dict[int, float]:
    found: dict[int, list[float]] = defaultdict(list)
    for at, value in zip(points.x, points.y, strict=True):
        if value is not None and at >= 0:
            found[int(at // step)].append(value)
    return {n: statistics.fmean(values) for n, values in found.items()}
