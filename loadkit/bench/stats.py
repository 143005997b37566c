"""Medians, ratios and slopes with bootstrap intervals. Pure, and repeatable: seeded resampling.

Runs of one round are neighbours in time, so what a shared machine does to one it does to the
others. Therefore two tools are compared within each round, and the statistic is the median of
those ratios. The interval is the percentile bootstrap: rounds are drawn with replacement, the
median of each draw is taken, and the middle 95 % of these medians is the interval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_RESAMPLES = 4000
_SEED = 20_261_124
_COVERED = 0.95
_FEWEST_FOR_SLOPE = 3

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A median with the ends of its 95 % interval; ``low`` ≤ ``median`` ≤ ``high``.

    ``count`` is the number of rounds it rests on; with one they are all the same.
    """

    low: float
    median: float
    high: float
    count: int


def median_interval(values: Sequence[float]) -> Interval:
    """The median of rounds with its interval.

    The order of the values does not matter.

    Raises:
        ValueError: there is none, or one is not finite.
    """
    sample = _sample(values)
    drawn = np.random.default_rng(_SEED).integers(0, len(sample), (_RESAMPLES, len(sample)))
    return _interval(np.median(sample[drawn], axis=1), float(np.median(sample)), len(sample))


def ratio_interval(ours: Sequence[float], theirs: Sequence[float]) -> Interval:
    """How many times ``theirs`` is ``ours``: the median of the ratios within rounds.

    Raises:
        ValueError: not one value of each a round, none at all, or one not above 0.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} rounds cannot be paired with {len(theirs)}")
    above, below = _sample(ours), _sample(theirs)
    if min(above.min(), below.min()) <= 0:
        raise ValueError("a ratio needs values above 0")
    # Paired before _sample sorts: the rounds belong together.
    return median_interval([a / b for a, b in zip(ours, theirs, strict=True)])


def slope_interval(times: Sequence[float], values: Sequence[float]) -> Interval:
    """Growth a unit of time: the median of the slopes of all pairs of points (Theil and Sen).

    One outlier, or a third of them, does not turn it. Points are drawn with replacement for the
    interval; a series of many seconds is better cut into some dozens of medians first
    (:func:`blocks`), since neighbours resemble each other.

    Raises:
        ValueError: fewer than three points, or all at the same time.
    """
    x, y = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if len(x) != len(y) or len(x) < _FEWEST_FOR_SLOPE or float(np.ptp(x)) == 0:
        raise ValueError("a slope needs three points at different times")
    generator = np.random.default_rng(_SEED)
    slopes: list[float] = []
    while len(slopes) < _RESAMPLES // 4:
        drawn = generator.integers(0, len(x), len(x))
        if float(np.ptp(x[drawn])) > 0:
            slopes.append(_slope(x[drawn], y[drawn]))
    return _interval(np.asarray(slopes), _slope(x, y), len(x))


def blocks(
    times: Sequence[float],
    values: Sequence[float],
    number: int,
    statistic: Callable[[Floats], float] = lambda part: float(np.median(part)),
) -> tuple[list[float], list[float]]:
    """A series cut into ``number`` stretches of equal length, each with its middle time.

    Raises:
        ValueError: the two do not belong together, or there is nothing.
    """
    if len(times) != len(values) or not times:
        raise ValueError("a series needs as many values as times")
    order = np.argsort(np.asarray(times, dtype=np.float64), kind="stable")
    x = np.asarray(times, dtype=np.float64)[order]
    y = np.asarray(values, dtype=np.float64)[order]
    parts = [part for part in np.array_split(np.arange(len(x)), min(number, len(x))) if len(part)]
    return [float(np.median(x[p])) for p in parts], [statistic(y[p]) for p in parts]


def _sample(values: Sequence[float]) -> Floats:
    sample = np.sort(np.asarray(values, dtype=np.float64))
    if not len(sample) or not np.isfinite(sample).all():
        raise ValueError("a median needs at least one value, all of them finite")
    return sample


def _interval(drawn: Floats, middle: float, count: int) -> Interval:
    tail = 100 * (1 - _COVERED) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return Interval(min(float(low), middle), middle, max(float(high), middle), count)


def _slope(x: Floats, y: Floats) -> float:
    first, second = np.triu_indices(len(x), 1)
    across = x[second] - x[first]
    apart = across != 0
    return float(np.median((y[second] - y[first])[apart] / across[apart]))
