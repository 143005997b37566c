"""Fewer points for long runs: a bin keeps its smallest, largest and mean value."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MOST_POINTS = 600
_GAP = 3.0  # a step this many times the usual one is a hole in the data


@dataclass(frozen=True, slots=True)
class Points:
    """A series ready to draw; ``low`` and ``high`` only where a point stands for several."""

    x: tuple[float, ...]
    y: tuple[float | None, ...]
    low: tuple[float | None, ...] | None
    high: tuple[float | None, ...] | None
    each_s: float | None  # seconds a point stands for, None when it is one measurement


def thin(x: Sequence[float], y: Sequence[float | None], most: int = MOST_POINTS) -> Points:
    """At most ``most`` points (and a few more where there are holes), in order of ``x``."""
    pairs = sorted(zip(x, map(_finite, y), strict=True), key=lambda pair: pair[0])
    step = _usual_step([at for at, _ in pairs])
    size = math.ceil(len(pairs) / most) if pairs else 1
    if size <= 1:
        xs, ys = _with_holes(pairs, step)
        return Points(xs, ys, None, None, None)
    chunks = [pairs[i : i + size] for i in range(0, len(pairs), size)]
    return _binned(chunks, step * size)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _usual_step(x: Sequence[float]) -> float:
    gaps = [b - a for a, b in itertools.pairwise(x) if b > a]
    return statistics.median(gaps) if gaps else 1.0


def _with_holes(
    pairs: Sequence[tuple[float, float | None]], step: float
) -> tuple[tuple[float, ...], tuple[float | None, ...]]:
    xs: list[float] = []
    ys: list[float | None] = []
    for at, value in pairs:
        if xs and at - xs[-1] > _GAP * step:
            xs.append(xs[-1] + step)
            ys.append(None)
        xs.append(at)
        ys.append(value)
    return tuple(xs), tuple(ys)


def _binned(chunks: Sequence[Sequence[tuple[float, float | None]]], width: float) -> Points:
    centres = [statistics.fmean(at for at, _ in chunk) for chunk in chunks]
    known = [[value for _, value in chunk if value is not None] for chunk in chunks]
    means = [statistics.fmean(values) if values else None for values in known]
    xs, ys = _with_holes(list(zip(centres, means, strict=True)), width)
    lows = {at: min(values) for at, values in zip(centres, known, strict=True) if values}
    highs = {at: max(values) for at, values in zip(centres, known, strict=True) if values}
    return Points(xs, ys, tuple(map(lows.get, xs)), tuple(map(highs.get, xs)), width)
