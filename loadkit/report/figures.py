"""A picture of the run for Markdown: load, latency and saturation on one time axis, as PNG."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from loadkit.analyse.result import Analysis, Line
from loadkit.report import units

_COLOURS = ("#3465a4", "#c4622d", "#2e8b57", "#8e5ea2", "#b8860b", "#6b6b6b")
_INK, _GRID, _SHADE = "#333333", "#dddddd", "#f1f1f1"
_ROW_INCHES = 2.3
MOST_LINES = len(_COLOURS)
"""Saturations drawn: those that came highest."""

_Row = tuple[Sequence[Line], str, Callable[[Axes], None]]


def figures(analysis: Analysis) -> Mapping[str, bytes]:
    """Name of a file → PNG, 900 pixels wide; empty for a run in which nothing was measured."""
    rows: list[_Row] = [
        (analysis.rate_lines, "requests a second", _rate),
        (analysis.latency_lines, "response time", _latency),
        (_highest(analysis.saturation_lines), "saturation", _ratio),
    ]
    drawn = [row for row in rows if any(y is not None for line in row[0] for y in line.y)]
    return {"run.png": _png(analysis, drawn)} if drawn else {}


def _highest(lines: Sequence[Line]) -> tuple[Line, ...]:
    def top(line: Line) -> float:
        return max((y for y in line.y if y is not None), default=0.0)

    return tuple(sorted(lines, key=top, reverse=True)[:MOST_LINES])


def _png(analysis: Analysis, rows: Sequence[_Row]) -> bytes:
    figure = Figure(figsize=(9, _ROW_INCHES * len(rows) + 0.3), dpi=100, layout="constrained")
    plots = figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
    for axes, row in zip(plots, rows, strict=True):
        _draw(axes, *row)
        _shade(axes, analysis)
    _name_stages(plots[0], analysis)
    plots[-1].set_xlim(0, max(analysis.end_s, 1.0))
    plots[-1].xaxis.set_major_formatter(FuncFormatter(lambda x, _: units.clock(x)))
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    # Without its name and version, another release of the library may still give the same bytes.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw(axes: Axes, lines: Sequence[Line], label: str, style: Callable[[Axes], None]) -> None:
    for line, colour in zip(lines, _COLOURS, strict=False):
        values = [float("nan") if y is None else y for y in line.y]
        axes.plot(line.x, values, color=colour, linewidth=1.2, label=line.name)
    style(axes)
    axes.set_ylabel(label, color=_INK)
    axes.grid(True, color=_GRID, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)


def _shade(axes: Axes, analysis: Analysis) -> None:
    """Stages that no verdict rests on lie in the shade."""
    for stage in analysis.stages:
        if not stage.measured:
            axes.axvspan(stage.start_s, stage.start_s + stage.duration_s, color=_SHADE, lw=0)


def _name_stages(axes: Axes, analysis: Analysis) -> None:
    """Names of stages above the axis, where they have room before the next one."""
    width = max(analysis.end_s, 1.0)
    for stage in analysis.stages:
        if stage.duration_s / width > 0.012 * len(stage.name):
            axes.text(
                stage.start_s,
                1.02,
                stage.name,
                transform=axes.get_xaxis_transform(),
                fontsize=8,
                color="#666666",
            )


def _rate(axes: Axes) -> None:
    axes.set_ylim(bottom=0)


def _latency(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: units.axis_duration(y)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _ratio(axes: Axes) -> None:
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: units.axis_percent(y)))
