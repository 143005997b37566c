"""The main numbers of one scenario's runs, one after the other, as small charts.

A line joins neighbours that may be set beside each other: whole runs of a fit generator, with the
same plan, machine and stack. All others are hollow points, on no line. Single runs differ by
chance as well, so a trend is something to look into, not a comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loadkit.report import units
from loadkit.report.charts.scale import linear
from loadkit.report.shelf_summary import Summary

HEIGHT = 72
MOST = 40
_EDGE = 4.0  # percent left free at both ends, so that no point is cut

Runs = Sequence[tuple[str, Summary | None]]


@dataclass(frozen=True, slots=True)
class Dot:
    """A run; ``x`` in percent, ``y`` in pixels from the top."""

    x: float
    y: float
    folder: str
    title: str
    solid: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """A line between two neighbours."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Trend:
    """One number over the runs, oldest first."""

    title: str
    last: str  # of the newest run that counts
    top: str  # the value at the upper edge; the lower edge is 0
    dots: tuple[Dot, ...]
    segments: tuple[Segment, ...]
    broken: bool  # whether the line breaks because plan, machine or stack changed
    left_out: int  # older runs that are not drawn


_NUMBERS: tuple[
    tuple[str, Callable[[Summary], float | None], Callable[[float | None], str], float], ...
] = (
    ("p95 response", lambda s: s.p95_s, units.duration, 1e-6),
    ("rate", lambda s: s.rate, units.rate, 1e-3),
    ("errors", lambda s: s.error_ratio, units.percent, 1e-4),
)


def trends(runs: Runs) -> tuple[Trend, ...]:
    """Those of runs of one scenario, oldest first; none of fewer than two with numbers."""
    known = [(folder, summary) for folder, summary in runs if summary is not None]
    shown = known[-MOST:]
    if len(shown) < 2:
        return ()
    return tuple(
        _trend(title, shown, value, label, least, len(known) - len(shown))
        for title, value, label, least in _NUMBERS
        if any(value(summary) is not None for _, summary in shown)
    )


def _trend(
    title: str,
    runs: Sequence[tuple[str, Summary]],
    value: Callable[[Summary], float | None],
    label: Callable[[float | None], str],
    least: float,
    left_out: int,
) -> Trend:
    values = [value(summary) for _, summary in runs]
    scale = linear(values, HEIGHT - 12, least)
    step = (100 - 2 * _EDGE) / (len(runs) - 1)
    dots: list[Dot] = []
    segments: list[Segment] = []
    before: tuple[Dot, Summary] | None = None
    broken = False
    for n, ((folder, summary), number) in enumerate(zip(runs, values, strict=True)):
        if number is None:
            continue
        x, y = round(_EDGE + n * step, 3), round(scale.y(number) + 6, 2)
        said = f"{folder}: {label(number)}, {summary.verdict}"
        dot = Dot(x, y, folder, said, summary.counted)
        dots.append(dot)
        if not summary.counted:
            continue
        if before is not None:
            if before[1].conditions == summary.conditions:
                segments.append(Segment(before[0].x, before[0].y, x, y))
            else:
                broken = True
        before = dot, summary
    counted = [n for (_, s), n in zip(runs, values, strict=True) if s.counted and n is not None]
    return Trend(
        title=title,
        last=label(counted[-1] if counted else None),
        top=label(scale.high),
        dots=tuple(dots),
        segments=tuple(segments),
        broken=broken,
        left_out=left_out,
    )
