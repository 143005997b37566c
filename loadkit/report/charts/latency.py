"""Percentiles of response time on a logarithmic axis, with the objectives they are held to."""

from __future__ import annotations

from markupsafe import Markup

from loadkit.analyse.result import Analysis, SloResult, StageResult
from loadkit.errors import UsageError
from loadkit.model import Slo
from loadkit.report import units
from loadkit.report.charts import chart, scale, svg
from loadkit.report.charts.axis import Axis

_LABEL = 15.0  # pixels a label is high


def build(analysis: Analysis, axis: Axis) -> chart.Chart:
    """Response time from when a request was due."""
    before = chart.earlier(analysis, lambda run: run.latency_lines)
    series = chart.series_of(analysis.latency_lines, axis, before)
    limits = _limits(analysis)
    values = [*chart.values_of(series), *(limit for _, limit, _ in limits)]
    lines = scale.logarithmic(values, chart.HEIGHT)
    guides = [_guide(stage, lines.y(limit)) for _, limit, stage in limits]
    return chart.Chart(
        key="latency",
        title="Response time",
        unit="from when a request was due, log scale",
        kind="duration",
        height=chart.HEIGHT,
        marks=chart.draw(series, lines, axis) + Markup("").join(guides),
        ticks=lines.ticks(units.axis_duration),
        series=series,
        scale=lines,
        keys=(chart.Key("objective", "guide"),) if limits else (),
        labels=_labels(limits, lines),
        note=chart.binning_note(series),
        empty="" if chart.has_values(series) else "No response was recorded.",
    )


def _limits(analysis: Analysis) -> list[tuple[str, float, StageResult]]:
    """Objective, seconds and stage of every objective on a percentile of all responses."""
    stages = {stage.name: stage for stage in analysis.stages}
    return [
        (_metric(result), result.threshold, stages[result.stage])
        for result in analysis.slos
        if _drawable(result) and result.stage in stages
    ]


def _parsed(result: SloResult) -> Slo | None:
    try:
        return Slo(result.slo)
    except UsageError:
        return None


def _drawable(result: SloResult) -> bool:
    slo = _parsed(result)
    return (
        slo is not None
        and slo.operation is None
        and slo.measure == "response"
        and slo.quantile is not None
    )


def _metric(result: SloResult) -> str:
    slo = _parsed(result)
    return f"{slo.metric} {slo.comparator} {units.axis_duration(slo.threshold)}" if slo else ""


def _guide(stage: StageResult, y: float) -> Markup:
    return svg.element(
        "path", class_="guide", d=f"M{stage.start_s:g} {y:g}H{stage.start_s + stage.duration_s:g}"
    )


def _labels(
    limits: list[tuple[str, float, StageResult]], lines: scale.Scale
) -> tuple[chart.Label, ...]:
    """Each objective named once, over the longest stage it holds for."""
    longest: dict[tuple[str, float], StageResult] = {}
    for text, limit, stage in limits:
        held = longest.get((text, limit))
        if held is None or stage.duration_s > held.duration_s:
            longest[(text, limit)] = stage
    return tuple(
        chart.Label(stage.start_s, (y := lines.y(limit)), text, _place(y))
        for (text, limit), stage in longest.items()
    )


def _place(y: float) -> str:
    """A label stands on its line, and hangs from it where the plot's top would cut it."""
    return "objective under" if y < _LABEL else "objective"
