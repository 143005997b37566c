"""How many requests took how long, over time: what percentiles hide, such as two humps."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from markupsafe import Markup

from loadkit.analyse.result import Analysis, Line
from loadkit.report import units
from loadkit.report.charts import chart, png, scale
from loadkit.report.charts.axis import Axis
from loadkit.report.charts.cells import FAINTEST, ROWS, Heat, heat_of, opacity

HEIGHT = 180.0
_LINES = ("p50", "p95", "p99")
_GROUP = 6  # rows of the picture in a column of the table
_TABLE_ROWS = 60


def build(analysis: Analysis, axis: Axis) -> chart.Chart:
    """Requests that ended, by when they were due and by response time."""
    if analysis.timeline is None:
        return _empty()
    steps = [step for step in analysis.timeline.response if step.count]
    ends = [value / 1e9 for step in steps for value in (step.min_ns, step.max_ns)]
    lines = scale.logarithmic(ends, HEIGHT)
    heat = heat_of(analysis.timeline, lines)
    most = int(heat.counts.max())
    series = chart.series_of(_lines(analysis.latency_lines), axis)
    return chart.Chart(
        key="heat",
        title="Response times, every request",
        unit="log scale; the stronger, the more requests",
        kind="duration",
        height=HEIGHT,
        marks=_picture(heat, most) + chart.draw(series, lines, axis, cased=True),
        ticks=lines.ticks(units.axis_duration),
        series=series,
        scale=lines,
        keys=_keys(most),
        note=_note(heat),
        heat=heat,
        table=_table(heat),
    )


def _empty() -> chart.Chart:
    return chart.Chart(
        key="heat",
        title="Response times, every request",
        unit="",
        kind="duration",
        height=HEIGHT,
        marks=Markup(""),
        ticks=(),
        empty="No response was recorded.",
    )


def _lines(lines: tuple[Line, ...]) -> list[Line]:
    """Percentiles in the middle of their second, as its cells lie."""
    found = (line for line in lines if line.name in _LINES)
    return [replace(line, x=tuple(at + 0.5 for at in line.x)) for line in found]


def _picture(heat: Heat, most: int) -> Markup:
    """One rectangle in a colour of the page behind a mask, so that the scheme can change it."""
    logs = np.log(np.maximum(heat.counts, 1)) / max(math.log(max(most, 1)), 1e-9)
    strength = FAINTEST + (1 - FAINTEST) * (logs if most > 1 else 1.0)
    grey = np.where(heat.counts > 0, np.round(255 * strength), 0).astype(np.uint8)
    columns = heat.counts.shape[1]
    url = png.data_url(png.grey([row.tobytes() for row in grey[::-1]]))
    place = f'x="0" y="0" width="{columns * heat.column_s}" height="{HEIGHT:g}"'
    return Markup(
        f'<mask id="heat-mask" maskUnits="userSpaceOnUse" {place}>'
        f'<image class="pixels" {place} preserveAspectRatio="none" href="{url}"/></mask>'
        f'<rect class="heat" {place} mask="url(#heat-mask)"/>'
    )


def _keys(most: int) -> tuple[chart.Key, ...]:
    """Swatches with the number of requests they stand for."""
    wanted = sorted({max(1, round(most ** (part / 3))) for part in range(4)})
    return tuple(
        chart.Key(units.count(count), "heat", round(opacity(count, most), 3)) for count in wanted
    )


def _note(heat: Heat) -> str:
    low, high = heat.range_s(ROWS // 2, ROWS // 2)
    return (
        f"A cell is {units.span(heat.column_s)} wide and {units.percent(high / low - 1)} of its "
        "latency high; its strength is the logarithm of its requests, those that ended."
    )


def _table(heat: Heat) -> chart.Table:
    """Counts in broader ranges and longer times, as they add up."""
    rows, columns = heat.counts.shape
    each = -(-columns // _TABLE_ROWS)
    groups = [(first, min(first + _GROUP, rows) - 1) for first in range(0, rows, _GROUP)]
    sums = [heat.counts[a : b + 1].sum(axis=0) for a, b in groups]
    head = [" to ".join(map(units.duration, heat.range_s(a, b))) for a, b in groups]
    body = [
        (
            units.clock(start * heat.column_s),
            *(units.count(int(one[start : start + each].sum())) for one in sums),
        )
        for start in range(0, columns, each)
    ]
    caption = f"Requests by response time, each {units.span(each * heat.column_s)}"
    return chart.Table(caption, ("time", *head), tuple(body))
