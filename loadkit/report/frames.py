"""The numbers of a report as frames, for a spreadsheet: a row a stage, an operation, a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from loadkit.analyse.result import Analysis, Percentiles

_TIMES = ("p50", "p90", "p95", "p99", "p999", "max", "mean")


def stages(analysis: Analysis) -> pd.DataFrame:
    """A row a stage; rates a second, times in seconds, empty where not known."""
    return pd.DataFrame(
        {
            "stage": stage.name,
            "measured": stage.measured,
            "start_s": stage.start_s,
            "duration_s": stage.duration_s,
            "offered_per_s": stage.offered,
            "achieved_per_s": stage.achieved,
            "requests": stage.count,
            "failures": stage.failures,
            "error_ratio": stage.error_ratio,
            **_times("response", stage.response),
            **_times("service", stage.service),
        }
        for stage in analysis.stages
    )


def operations(analysis: Analysis) -> pd.DataFrame:
    """A row an operation and stage; times in seconds."""
    return pd.DataFrame(
        {
            "operation": result.operation,
            "stage": result.stage,
            "requests": result.count,
            "failures": result.failures,
            **_times("response", result.response),
            **_times("service", result.service),
        }
        for result in analysis.operations
    )


def timeline(analysis: Analysis) -> pd.DataFrame:
    """A row a point of a line in the report's charts: chart, line, unit, t_s, value."""
    charts = {
        "load": analysis.rate_lines,
        "latency": analysis.latency_lines,
        "errors": analysis.error_lines,
        "saturation": analysis.saturation_lines,
    }
    rows = (
        (chart, line.name, line.unit, x, y)
        for chart, lines in charts.items()
        for line in lines
        for x, y in zip(line.x, line.y, strict=True)
    )
    return pd.DataFrame(rows, columns=["chart", "line", "unit", "t_s", "value"])


def _times(measure: str, values: Percentiles) -> dict[str, Any]:
    return {f"{measure}_{name}_s": getattr(values, name) for name in _TIMES}


FRAMES: Mapping[str, Callable[[Analysis], pd.DataFrame]] = {
    "stages": stages,
    "operations": operations,
    "timeline": timeline,
}
