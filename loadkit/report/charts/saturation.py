"""How full each resource was."""

from __future__ import annotations

from loadkit.analyse.result import Analysis
from loadkit.report import units
from loadkit.report.charts import chart, scale
from loadkit.report.charts.axis import Axis


def build(analysis: Analysis, axis: Axis) -> chart.Chart:
    """Shares of what a resource can give; 100 % is full."""
    series = chart.series_of(analysis.saturation_lines, axis)
    lines = scale.linear(chart.values_of(series), chart.HEIGHT, 1.0)
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
        note=chart.binning_note(series),
        empty="" if chart.has_values(series) else "No resource was watched in this run.",
    )
