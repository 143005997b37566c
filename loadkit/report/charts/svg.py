"""Pieces of SVG. Coordinates are seconds across and pixels down; strokes keep their width.

Everything lies in an ``<svg viewBox="start 0 length height" preserveAspectRatio="none">``: a zoom
is a change of that one attribute.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from markupsafe import Markup

Point = tuple[float, float] | None


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def element(name: str, **attributes: str | float) -> Markup:
    """An empty element; ``class_`` is class, and other underscores become hyphens."""
    parts = [f"<{name}"]
    for key, value in attributes.items():
        shown = _number(value) if isinstance(value, int | float) else escape(value)
        parts.append(f' {key.rstrip("_").replace("_", "-")}="{shown}"')
    return Markup("".join(parts) + "/>")


def line_path(points: Iterable[Point]) -> str:
    """Path data through the points; None lifts the pen, and a lone point is a dot."""
    parts: list[str] = []
    pen, run = False, 0
    for point in points:
        if point is None:
            if run == 1:
                parts.append("h0")
            pen, run = False, 0
            continue
        parts.append(f"{'L' if pen else 'M'}{_number(point[0])} {_number(point[1])}")
        pen, run = True, run + 1
    if run == 1:
        parts.append("h0")
    return "".join(parts)


def area_paths(
    x: Sequence[float], low: Sequence[float | None], high: Sequence[float | None]
) -> str:
    """Path data of the surface between two lines, in pixels; a None in either cuts it."""
    parts: list[str] = []
    top: list[tuple[float, float]] = []
    bottom: list[tuple[float, float]] = []
    for at, below, above in zip([*x, 0.0], [*low, None], [*high, None], strict=True):
        if below is not None and above is not None:
            top.append((at, above))
            bottom.append((at, below))
            continue
        if len(top) > 1:
            outline = [*top, *reversed(bottom)]
            parts.append("M" + "L".join(f"{_number(a)} {_number(b)}" for a, b in outline) + "Z")
        top, bottom = [], []
    return "".join(parts)
