"""Shares of samples that were taken in slices, and their differences, with intervals. Pure.

Samples of a profile are no independent draws: those of one slice resemble each other, because the
process was doing the same thing. So the slice is the unit (a cluster sample): the share is a ratio
estimator, Σ hits ÷ Σ samples, its variance that of the slices around it (Cochran, Sampling
Techniques, 3rd ed., 1977, section 9.8 with 6.5). What is left of the samples after that is the
effective sample size of Korn and Graubard (Survey Methodology 24, 1998, 193-201), which also
allows for how few slices there are by Student's t; the design effect is never taken below 1. In a
difference both sides share one resemblance, so that it rests on the slices of both.
A share has Wilson's score interval on that size, a difference the one Newcombe builds from two of
them (Statistics in Medicine 17, 1998, 873-890, method 10).

"Seen never" is not "is never": what no slice has seen has the upper bound at which slices that
resemble each other so would all have seen nothing with a probability of 2.5 %, by the beta-binomial
distribution (Skellam, Journal of the Royal Statistical Society B 10, 1948, 257-261).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from statistics import NormalDist

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share or a difference of shares with the ends of its interval.

    ``low`` and ``high`` are None where there were too few slices to say how far they differ.
    """

    value: float
    low: float | None
    high: float | None

    @property
    def distance(self) -> float:
        """How far the interval stays away from 0; 0 when it holds it or is not known."""
        if self.low is None or self.high is None:
            return 0.0
        return max(self.low, -self.high, 0.0)


@dataclass(frozen=True, slots=True)
class Sampled:
    """How often something was seen in each slice, of how many samples; slices in one order."""

    hits: Sequence[int]
    samples: Sequence[int]

    @property
    def total(self) -> int:
        """Samples in all slices."""
        return sum(self.samples)

    @property
    def value(self) -> float:
        """The share; 0 of no samples."""
        return sum(self.hits) / self.total if self.total else 0.0

    @property
    def slices(self) -> int:
        """Slices that have samples: the others say nothing of a share."""
        return sum(1 for n in self.samples if n)

    @property
    def size(self) -> float:
        """Samples of a slice, as its own samples meet it: the mean weighted by size."""
        return sum(n * n for n in self.samples) / self.total if self.total else 0.0

    def resemblance(self) -> float | None:
        """How samples of a slice resemble each other, 0 (not at all) to 1; None: not known.

        The intraclass correlation that the design effect speaks of, effect = 1 + (size - 1) x it.
        """
        share, total, slices = self.value, self.total, self.slices
        if slices < 2 or not 0 < share < 1 or self.size <= 1:
            return None
        squares = sum((x - share * n) ** 2 for x, n in zip(self.hits, self.samples, strict=True))
        effect = slices / (slices - 1) * squares / (total * share * (1 - share))
        return min(1.0, max(0.0, (effect - 1) / (self.size - 1)))


def share(sampled: Sampled, level: float = LEVEL) -> Estimate:
    """A share with its interval."""
    low, high = _wilson(sampled, sampled.resemblance() or 0.0, sampled.slices - 1, level)
    return Estimate(sampled.value, low, high)


def difference(base: Sampled, peak: Sampled, level: float = LEVEL) -> Estimate:
    """The share at peak minus that at base, with its interval."""
    value = peak.value - base.value
    if min(base.slices, peak.slices) < 2:
        return Estimate(value, None, None)
    alike, freedom = _pooled(base, peak)
    (base_low, base_high), (peak_low, peak_high) = (
        _wilson(side, alike, freedom, level) for side in (base, peak)
    )
    if base_low is None or base_high is None or peak_low is None or peak_high is None:
        return Estimate(value, None, None)
    below = math.hypot(peak.value - peak_low, base_high - base.value)
    above = math.hypot(peak_high - peak.value, base.value - base_low)
    return Estimate(value, max(-1.0, value - below), min(1.0, value + above))


def _pooled(base: Sampled, peak: Sampled) -> tuple[float, int]:
    """Resemblance of both sides together, and the degrees of freedom it rests on.

    Where something was never seen, nothing tells how it clusters: as on the other side then.
    """
    known = [
        (alike, side.slices - 1)
        for side in (base, peak)
        if (alike := side.resemblance()) is not None
    ]
    freedom = sum(count for _, count in known)
    if not freedom:
        return 0.0, base.slices + peak.slices - 2
    return sum(alike * count for alike, count in known) / freedom, freedom


def _wilson(
    sampled: Sampled, alike: float, freedom: int, level: float
) -> tuple[float, float] | tuple[None, None]:
    if sampled.slices < 2:
        return None, None
    p, z = sampled.value, NormalDist().inv_cdf((1 + level) / 2)
    if p in (0.0, 1.0):
        unseen = _unseen(tuple(sampled.samples), alike, level)
        return (0.0, unseen) if p == 0 else (1 - unseen, 1.0)
    effect = 1 + max(0.0, sampled.size - 1) * alike
    size = sampled.total / effect * (z / student(freedom, level)) ** 2
    middle = (p + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * math.sqrt(p * (1 - p) / size + (z / (2 * size)) ** 2)
    # Rounding must not put the share outside its own interval.
    return max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half))


@lru_cache(maxsize=4096)
def _unseen(samples: tuple[int, ...], alike: float, level: float) -> float:
    """The largest share that no sample would show with a probability of (1 - level) / 2."""
    if alike >= 1:  # a slice is one draw
        return 1 - math.pow((1 - level) / 2, 1 / sum(1 for n in samples if n))
    step = alike / (1 - alike)
    low, high, wanted = 0.0, 1.0, math.log((1 - level) / 2)
    # Samples of a slice add the factors (1 - p + j step) / (1 + j step), j = 0, 1, …
    reach = [sum(1 for n in samples if n > j) for j in range(max(samples))]
    for _ in range(50):
        p = (low + high) / 2
        log = sum(count * math.log1p(-p / (1 + j * step)) for j, count in enumerate(reach))
        low, high = (p, high) if log > wanted else (low, p)
    return high


@cache
def student(freedom: int, level: float) -> float:
    """The two-sided quantile of Student's t: P(\\|t\\| < it) = level.

    By bisection of the closed form for whole degrees of freedom (Abramowitz and Stegun, 26.7.3
    and 26.7.4).
    """
    low, high = 0.0, 2.0
    while _covered(high, freedom) < level:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _covered(middle, freedom) < level else (low, middle)
    return (low + high) / 2


def _covered(t: float, freedom: int) -> float:
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 1.0)
    if odd and freedom > 1:
        total = term
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine**2 * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
