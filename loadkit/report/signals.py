"""Golden signals, RED and USE as cards with a small line each."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from loadkit.analyse.result import Analysis, Line, Signal
from loadkit.report.charts import svg
from loadkit.report.charts.axis import Axis
from loadkit.report.charts.bins import thin

_HEIGHT = 28.0
_POINTS = 150
_TITLES = {
    "golden": "The four golden signals",
    "RED": "RED: rate, errors, duration of the service",
    "USE": "USE: utilization, saturation, errors of each resource",
}


@dataclass(frozen=True, slots=True)
class SignalRow:
    """A signal and its line, or an empty Markup when there is none."""

    signal: Signal
    spark: Markup


def by_method(analysis: Analysis, axis: Axis) -> tuple[tuple[str, tuple[SignalRow, ...]], ...]:
    """Title and rows of each method that has a signal."""
    methods = dict.fromkeys(signal.method for signal in analysis.signals)
    return tuple(
        (
            _TITLES.get(method, method),
            tuple(
                SignalRow(signal, _spark(signal.line, axis))
                for signal in analysis.signals
                if signal.method == method
            ),
        )
        for method in methods
    )


def _spark(line: Line | None, axis: Axis) -> Markup:
    if line is None:
        return Markup("")
    points = thin(line.x, line.y, _POINTS)
    known = [value for value in points.y if value is not None]
    if not known:
        return Markup("")
    top = max(known) or 1.0
    path = svg.line_path(
        None if value is None else (at, 2 + (_HEIGHT - 4) * (1 - max(0.0, value) / top))
        for at, value in zip(points.x, points.y, strict=True)
    )
    return Markup(
        '<svg class="spark" viewBox="{} 0 {} {}" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="line" d="{}"/></svg>'
    ).format(f"{axis.start:g}", f"{axis.length:g}", f"{_HEIGHT:g}", path)
