"""Failed requests a second, by kind."""

from __future__ import annotations

from loadkit.analyse.result import Analysis
from loadkit.report import units
from loadkit.report.charts import chart, scale
from loadkit.report.charts.axis import Axis


def build(analysis: Analysis, axis: Axis) -> chart.Chart:
    """One line a kind of failure; a run without failures gets a sentence."""
    before = chart.earlier(analysis, lambda run: run.error_lines)
    series = chart.series_of(analysis.error_lines, axis, before)
    lines = scale.linear(chart.values_of(series), chart.HEIGHT, 1.0)
    return chart.Chart(
        key="errors",
        title="Errors by kind",
        unit="failures a second",
        kind="rate",
        height=chart.HEIGHT,
        marks=chart.draw(series, lines, axis),
        ticks=lines.ticks(units.axis_number),
        series=series,
        scale=lines,
        note=chart.binning_note(series),
        empty=_empty(analysis) if not chart.has_values(series) else "",
    )


def _empty(analysis: Analysis) -> str:
    books = analysis.accounting
    if books.failed or books.raised:
        return "Failures were counted, but not when they happened."
    return "No request failed." if books.completed else "No request was recorded."
