"""The charts of the report, top to bottom. A further one is a file here and a line in CHARTS."""

from __future__ import annotations

from collections.abc import Callable

from loadkit.analyse.result import Analysis
from loadkit.report.charts import alerts, errors, heat, latency, load, saturation
from loadkit.report.charts.axis import Axis
from loadkit.report.charts.chart import Chart

CHARTS: tuple[Callable[[Analysis, Axis], Chart], ...] = (
    load.build,
    latency.build,
    heat.build,
    errors.build,
    saturation.build,
    alerts.build,
)


def build_all(analysis: Analysis, axis: Axis) -> tuple[Chart, ...]:
    """Every chart of the run, in order."""
    return tuple(build(analysis, axis) for build in CHARTS)
