"""Flame graphs laid out as rectangles: roots on top, callees below, width the share of samples."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from loadkit.analyse.result import Analysis, Frame, ProfileResult
from loadkit.report import units

ROW = 18
DEEPEST = 72
_THINNEST = 0.004  # of all samples; narrower ones cannot be seen or hit
_HUES = 6


@dataclass(frozen=True, slots=True)
class Box:
    """A function on a stack; ``left`` and ``width`` in percent of all samples."""

    left: float
    width: float
    depth: int
    name: str
    short: str
    title: str
    css: str


@dataclass(frozen=True, slots=True)
class Flame:
    """A profile and its boxes; none when the profiler brought nothing."""

    profile: ProfileResult
    boxes: tuple[Box, ...]
    rows: int
    cut: bool  # whether deeper frames were left out

    @property
    def height(self) -> int:
        """Pixels."""
        return self.rows * ROW


@dataclass(frozen=True, slots=True)
class Tree:
    """Any tree of frames and its boxes."""

    boxes: tuple[Box, ...]
    rows: int
    cut: bool

    @property
    def height(self) -> int:
        """Pixels."""
        return self.rows * ROW


def tree(root: Frame, said: Callable[[int], str]) -> Tree:
    """Boxes of a tree whose counts are something else than samples; ``said`` puts one in words."""
    boxes = _boxes(root, root.count, said)
    rows = 1 + max(box.depth for box in boxes)
    return Tree(boxes, rows, _depth(root, root.count) > DEEPEST)


def _samples(count: int) -> str:
    return f"{count:,} samples"


def flames(analysis: Analysis) -> tuple[Flame, ...]:
    """One a profile, in order."""
    return tuple(_flame(profile) for profile in analysis.profiles)


def _flame(profile: ProfileResult) -> Flame:
    root = profile.flame
    if root is None or root.count <= 0:
        return Flame(profile, (), 0, False)
    boxes = _boxes(root, root.count)
    rows = 1 + max(box.depth for box in boxes)
    return Flame(profile, boxes, rows, _depth(root, root.count) > DEEPEST)


def _boxes(root: Frame, samples: int, said: Callable[[int], str] = _samples) -> tuple[Box, ...]:
    found: list[Box] = []
    waiting = [(root, 0, 0.0)]
    while waiting:
        frame, depth, left = waiting.pop()
        share = frame.count / samples
        if share < _THINNEST or depth >= DEEPEST:
            continue
        found.append(_box(frame, depth, left, share, said))
        at = left
        for child in sorted(frame.children, key=lambda child: child.name):
            waiting.append((child, depth + 1, at))
            at += child.count / samples
    return tuple(sorted(found, key=lambda box: (box.depth, box.left)))


def _depth(root: Frame, samples: int) -> int:
    deepest, waiting = 0, [(root, 1)]
    while waiting:
        frame, depth = waiting.pop()
        if frame.count / samples >= _THINNEST:
            deepest = max(deepest, depth)
            waiting.extend((child, depth + 1) for child in frame.children)
    return deepest


def _box(frame: Frame, depth: int, left: float, share: float, said: Callable[[int], str]) -> Box:
    return Box(
        left=round(left * 100, 3),
        width=round(share * 100, 3),
        depth=depth,
        name=frame.name,
        short=frame.name.partition(" (")[0],
        title=f"{frame.name}: {units.percent(share)}, {said(frame.count)}",
        css="root" if depth == 0 else f"f{_hue(frame.name)}",
    )


def _hue(name: str) -> int:
    """One hue a package, the same in every report."""
    _, _, where = name.partition(" (")
    package = "/".join(where.split("/")[:2]) if where else name
    return zlib.crc32(package.encode()) % _HUES
