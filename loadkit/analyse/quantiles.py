"""Quantiles from what services expose: classic histograms and summaries, with sure bounds.

A histogram's buckets say between which two edges a quantile lies and nothing more: the value is
interpolated within the bucket as PromQL's ``histogram_quantile`` does, the bounds are its edges.
A summary's quantiles are of a window of its own choosing and cannot be added up over series; a
quantile of several populations together lies between the smallest and the largest of theirs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loadkit.analyse.series import Series, increase


@dataclass(frozen=True, slots=True)
class Estimate:
    """A quantile, and the bounds it lies in for certain; ``high`` is infinite when unknown."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Estimate:
        """In another unit."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)


def growth(buckets: Iterable[Series], start_s: float, end_s: float) -> dict[float, float]:
    """Upper edge → how much the cumulative counts of all series grew in a stretch."""
    counts: dict[float, float] = {}
    for series in buckets:
        edge = _number(series.labels.get("le", "+Inf"))
        counts[edge] = counts.get(edge, 0.0) + increase(series, start_s, end_s)
    return counts


def of_buckets(q: float, cumulative: Mapping[float, float]) -> Estimate | None:
    """A quantile from cumulative counts by upper edge; None without a value in them.

    Beyond the last finite edge the value is that edge and the upper bound is infinite.
    """
    edges = sorted(cumulative)
    if not edges or not cumulative[edges[-1]]:
        return None
    wanted = q * cumulative[edges[-1]]
    below_edge, below = 0.0, 0.0
    for edge in edges:
        count = cumulative[edge]
        if count >= wanted and count > below:
            if math.isinf(edge):
                return Estimate(below_edge, below_edge, math.inf)
            part = (wanted - below) / (count - below)
            return Estimate(below_edge + (edge - below_edge) * part, below_edge, edge)
        below_edge, below = edge, max(below, count)
    return Estimate(below_edge, below_edge, math.inf)


def of_summaries(
    q: float, series: Sequence[Series], start_s: float, end_s: float
) -> Estimate | None:  # fmt: skip
    """The quantile that summaries showed in a stretch, the median over its samples.

    Of several series the bounds are the smallest and largest, the value is in the middle.
    """
    shown = []
    for one in series:
        if not math.isclose(_number(one.labels.get("quantile", "nan")), q, abs_tol=1e-9):
            continue
        inside = one.v[(one.t >= start_s) & (one.t <= end_s) & np.isfinite(one.v)]
        if len(inside):
            shown.append(float(np.median(inside)))
    if not shown:
        return None
    return Estimate((min(shown) + max(shown)) / 2, min(shown), max(shown))


def offered(series: Iterable[Series]) -> tuple[float, ...]:
    """The quantiles that summaries have, ascending."""
    found = {_number(one.labels.get("quantile", "nan")) for one in series}
    return tuple(sorted(q for q in found if 0 < q < 1))


def _number(text: str) -> float:
    try:
        return float(text.replace("+Inf", "inf"))
    except ValueError:
        return math.inf
