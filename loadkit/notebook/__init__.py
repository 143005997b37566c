"""Small helpers of the notebooks in ``notebooks/``: one look, stages on every axis, frames by time.

They take a ``loadkit.RunData`` and give pandas frames or draw on matplotlib axes; everything else
stands in the notebooks themselves, to be changed there.
"""

from loadkit.notebook.frames import (
    by_second,
    every,
    metric,
    metric_names,
    operations,
    rate_of,
    slope,
    stage_table,
)
from loadkit.notebook.look import (
    COLOURS,
    clock_axis,
    figure,
    legend,
    log_axis,
    nothing,
    shade,
    style,
)

__all__ = [
    "COLOURS",
    "by_second",
    "clock_axis",
    "every",
    "figure",
    "legend",
    "log_axis",
    "metric",
    "metric_names",
    "nothing",
    "operations",
    "rate_of",
    "shade",
    "slope",
    "stage_table",
    "style",
]
