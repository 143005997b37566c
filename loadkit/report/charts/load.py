"""Offered and achieved rate."""

from __future__ import annotations

from loadkit.analyse.result import Analysis
from loadkit.report import units
from loadkit.report.charts import chart, scale
from loadkit.report.charts.axis import Axis


def build(analysis: Analysis, axis: Axis) -> chart.Chart:
    """Arrivals planned and responses completed, a second."""
    before = chart.earlier(analysis, lambda run: run.rate_lines)
    series = chart.series_of(analysis.rate_lines, axis, before)
    lines = scale.linear(chart.values_of(series), chart.HEIGHT, 1.0)
    return chart.Chart(
        key="load",
        title="Load",
        unit="requests a second",
        kind="rate",
        height=chart.HEIGHT,
        marks=chart.draw(series, lines, axis),
        ticks=lines.ticks(units.axis_number),
        series=series,
        scale=lines,
        note=chart.binning_note(series),
        empty="" if chart.has_values(series) else "No request was recorded.",
    )
