"""The flame graph of two profiles at once: width is the mean share, colour the change."""

from __future__ import annotations

from dataclasses import dataclass

from loadkit.analyse.profile_result import DifferenceFrame, ProfileDifference
from loadkit.report import units
from loadkit.report.flame import DEEPEST, ROW, Box
from loadkit.report.profiling import points

_STEPS = (0.01, 0.05, 0.15)  # of all samples: from where on a colour is stronger
_THINNEST = 0.004

LEGEND = (
    ("down3", "≤ −15"), ("down2", "−15 to −5"), ("down1", "−5 to −1"), ("same", "no change seen"),
    ("up1", "+1 to +5"), ("up2", "+5 to +15"), ("up3", "≥ +15"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DifferenceFlame:
    """Boxes of both profiles of one process."""

    difference: ProfileDifference
    boxes: tuple[Box, ...]
    rows: int
    cut: bool  # whether deeper frames were left out

    @property
    def height(self) -> int:
        """Pixels."""
        return self.rows * ROW


def difference_flame(difference: ProfileDifference) -> DifferenceFlame:
    """Widths are the mean of both shares, so that what vanished is still there to be seen."""
    boxes: list[Box] = []
    waiting = [(difference.flame, 0, 0.0)]
    cut = False
    known = difference.note is None
    while waiting:
        frame, depth, left = waiting.pop()
        width = _width(frame)
        if width < _THINNEST:
            continue
        if depth >= DEEPEST:
            cut = True
            continue
        boxes.append(_box(frame, depth, left, width, known))
        for child in frame.children:
            waiting.append((child, depth + 1, left))
            left += _width(child)
    boxes.sort(key=lambda box: (box.depth, box.left))
    rows = 1 + max((box.depth for box in boxes), default=0)
    return DifferenceFlame(difference, tuple(boxes), rows, cut)


def _width(frame: DifferenceFrame) -> float:
    return (frame.base + frame.peak) / 2


def _box(frame: DifferenceFrame, depth: int, left: float, width: float, known: bool) -> Box:
    change = frame.change
    css = "root" if depth == 0 else _css(frame, known)
    short = frame.name.partition(" (")[0]
    moved = "" if css in ("root", "same") else f"{points_only(change.value)} "
    return Box(
        left=round(left * 100, 3),
        width=round(width * 100, 3),
        depth=depth,
        name=frame.name,
        short=moved + short,
        title=(
            f"{frame.name}: {units.percent(frame.base)} at base, {units.percent(frame.peak)} at "
            f"peak, {points(change)} points"
        ),
        css=css,
    )


def points_only(value: float) -> str:
    """``+12``, ``−3``, whole percentage points."""
    return f"{100 * value:+.0f}".replace("-", "−")


def _css(frame: DifferenceFrame, known: bool) -> str:
    """A colour only for what is beyond the spread of slices; by size where that is not known."""
    value = frame.change.value
    if (known and frame.change.distance == 0) or abs(value) < _STEPS[0]:
        return "same"
    strength = sum(1 for step in _STEPS if abs(value) >= step)
    return f"{'up' if value > 0 else 'down'}{strength}"
