"""How full each resource was."""

from __future__ import annotations

from collections.abc import Sequence

from loadkit.analyse.result import Analysis, Line
from loadkit.report import units
from loadkit.report.charts import chart, scale
from loadkit.report.charts.axis import Axis

IDLE = 0.05
"""A resource that never got fuller than this is named below the chart, not drawn."""

NOISE = 1.1


def build(analysis: Analysis, axis: Axis) -> chart.Chart:
    """Shares of what a resource can give; 100 % is full."""
    drawn, idle = _by_use(analysis.saturation_lines)
    before = chart.earlier(analysis, lambda run: run.saturation_lines)
    series = chart.series_of(drawn, axis, before)
    # A share of one core measured over a second reads a little above 1 now and then: still full.
    # What was before the load is off the axis, and must not set its height.
    values = [
        value if value > NOISE else min(value, 1.0)
        for one in series
        for points in (one.points, one.before)
        if points is not None
        for at, value in zip(points.x, points.high or points.y, strict=True)
        if value is not None and at >= axis.start
    ]
    lines = scale.linear(values, chart.HEIGHT, 1.0)
    return chart.Chart(
        key="saturation",
        title="Saturation",
        unit="share of each resource in use",
        kind="percent",
        height=chart.HEIGHT,
        marks=chart.draw(series, lines, axis),
        ticks=lines.ticks(units.axis_percent),
        series=series,
        scale=lines,
        note=" ".join(filter(None, (chart.binning_note(series), _idle_note(idle)))),
        empty="" if chart.has_values(series) else "No resource was watched in this run.",
    )


def _by_use(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """The fullest, at most as many as there are colours, and the rest; each in its order."""
    fullest = sorted(lines, key=_peak, reverse=True)[: chart.COLOURS]
    drawn = [line for line in fullest if _peak(line) > IDLE] or fullest
    return [n for n in lines if n in drawn], [n for n in lines if n not in drawn]


def _peak(line: Line) -> float:
    return max((value for value in line.y if value is not None), default=0.0)


def _idle_note(lines: Sequence[Line]) -> str:
    if not lines:
        return ""
    highest = units.percent(max(map(_peak, lines)))
    names = ", ".join(line.name for line in lines)
    return f"Not drawn, never above {highest}: {names}."
