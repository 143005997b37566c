"""When the level of a series changed, and how well that moment is known.

Detection: segments of constant mean with the least squared deviation and a penalty a change, found
exactly by PELT (Killick, Fearnhead and Eckley, "Optimal detection of changepoints with a linear
computational cost", JASA 107, 2012). The penalty is three times the logarithm of the length, the
leading term of the modified BIC of Zhang and Siegmund (Biometrics 63, 2007). Deviations are
measured in the long-run variance, because neighbouring points of a load test are alike: it is
estimated from differences, which a change of level hardly touches (Tecuapetla-Gomez and Munk,
Scandinavian Journal of Statistics 44, 2017), as if the noise were autoregressive of order one.
Lone outliers are drawn in to three standard deviations of a running median first.

Location: with a flat prior, the posterior of the last point of the old level given its neighbours
(Smith, "A Bayesian approach to inference about a change-point", Biometrika 62, 1975). The interval
is the smallest set of gaps between points that holds 95 % of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from loadkit.analyse.context import Floats

FEWEST = 30
"""Points below which nothing is said."""

SHORTEST = 5
"""Points of the shortest level."""

MOST = 1200
"""Points above which neighbours are averaged first."""

HELD = 0.95
_PENALTY = 3.0
_LEAST_PENALTY = 14.0  # by simulation: short series of correlated noise change in < 5 of 100
_OUTLIER = 3.0
_WINDOW = 7
_MOST_ALIKE = 0.9


@dataclass(frozen=True, slots=True)
class Change:
    """One change of level.

    ``cells`` are the gaps between points in which it may lie, ``(start_s, end_s, probability)``
    in order of time, adding up to 1; ``low_s`` to ``high_s`` holds 95 % of it, ``at_s`` halves it.
    ``before`` and ``after`` are medians of the levels in the series' own unit.
    """

    at_s: float
    low_s: float
    high_s: float
    before: float
    after: float
    cells: tuple[tuple[float, float, float], ...]


def changes(
    x: Floats, y: Floats, least: float, *, logarithm: bool = False, width_s: float = 0.0
) -> tuple[Change, ...]:
    """The changes of level of a series, in order of time; none of fewer than 30 points.

    Args:
        x: times in seconds, ascending.
        y: values, finite.
        least: a smaller change is not told; of the logarithm where that is taken.
        logarithm: whether levels are compared by ratio, as latencies are; values must be above 0.
        width_s: seconds that each point stands for, centred on it; 0 for an instant.
    """
    good = np.isfinite(x) & np.isfinite(y) & ((y > 0) if logarithm else True)
    t, raw = _binned(x[good], y[good])
    if len(t) < FEWEST:
        return ()
    z = np.log(raw) if logarithm else raw
    z, variance = _calmed(z, least)
    penalty = max(_PENALTY * math.log(len(z)), _LEAST_PENALTY)
    ends = _merged(z, _pelt(z / math.sqrt(variance), penalty), least)
    edges = [0, *ends, len(z)]
    return tuple(
        _located(t, raw, z, variance, (edges[n], edges[n + 1], edges[n + 2]), width_s)
        for n in range(len(ends))
    )


def _binned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    size = math.ceil(len(x) / MOST)
    if size <= 1:
        return x, y
    whole = len(x) // size * size
    return x[:whole].reshape(-1, size).mean(1), y[:whole].reshape(-1, size).mean(1)


# -- noise --------------------------------------------------------------------------------------


def _calmed(z: Floats, least: float) -> tuple[Floats, float]:
    """The series without lone outliers, and the long-run variance of its noise."""
    scale = max(_spread(np.diff(z)) / math.sqrt(2), least / 4)
    padded = np.pad(z, _WINDOW // 2, mode="reflect")
    middle = np.median(sliding_window_view(padded, _WINDOW), axis=1)
    calm: Floats = middle + np.clip(z - middle, -_OUTLIER * scale, _OUTLIER * scale)
    return calm, max(_long_run(calm), (least / 4) ** 2)


def _spread(values: Floats) -> float:
    """Standard deviation by the median absolute deviation."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def _long_run(z: Floats) -> float:
    """Long-run variance of noise of order one by variances of differences, changes drawn in."""
    one, two = (_half_variance(z[lag:] - z[:-lag]) for lag in (1, 2))
    if one <= 0:
        return 0.0
    alike = max(two / one - 1.0, 0.0)
    alike = min(alike + (1 + 4 * alike) / len(z), _MOST_ALIKE)  # short series look less alike
    return one * (1 + alike) / (1 - alike) ** 2


def _half_variance(differences: Floats) -> float:
    limit = 3 * _spread(differences)
    kept = np.clip(differences, -limit, limit) if limit > 0 else differences * 0
    return float(np.mean(kept**2)) / 2


# -- detection ----------------------------------------------------------------------------------


def _pelt(z: Floats, penalty: float) -> list[int]:
    """First points of new levels, of noise with variance 1."""
    n = len(z)
    sums, squares = (np.concatenate([[0.0], np.cumsum(v)]) for v in (z, z * z))
    best = np.full(n + 1, np.inf)
    best[0] = -penalty
    last = np.zeros(n + 1, np.int64)
    starts = np.array([0])
    for end in range(SHORTEST, n + 1):
        lengths = end - starts
        total = sums[end] - sums[starts]
        cost = best[starts] + (squares[end] - squares[starts] - total * total / lengths)
        pick = int(np.argmin(cost))
        best[end], last[end] = cost[pick] + penalty, starts[pick]
        starts = starts[cost <= best[end]]
        fresh = end - SHORTEST + 1
        if fresh >= SHORTEST and math.isfinite(best[fresh]):
            starts = np.append(starts, fresh)
    found, end = [], n
    while last[end] > 0:
        end = int(last[end])
        found.append(end)
    return found[::-1]


def _merged(z: Floats, starts: list[int], least: float) -> list[int]:
    """Without changes that are too small to matter, the smallest first."""
    left = list(starts)
    while left:
        edges = [0, *left, len(z)]
        means = [float(np.mean(z[a:b])) for a, b in pairwise(edges)]
        jumps = [abs(b - a) for a, b in pairwise(means)]
        smallest = int(np.argmin(jumps))
        if jumps[smallest] >= least:
            break
        del left[smallest]
    return left


# -- location -----------------------------------------------------------------------------------


def _located(
    t: Floats,
    raw: Floats,
    z: Floats,
    variance: float,
    levels: tuple[int, int, int],
    width_s: float,
) -> Change:
    """Where between its neighbours one change lies."""
    first, found, end = levels
    part = z[first:end]
    n = len(part)
    cut = np.arange(2, n - 1)
    total = np.cumsum(part)
    left, right = total[cut - 1], total[-1] - total[cut - 1]
    explained = left**2 / cut + right**2 / (n - cut)
    weight = (explained - explained.max()) / (2 * variance) - 0.5 * np.log(cut * (n - cut))
    share = np.exp(weight - weight.max())
    share /= share.sum()
    keep = _most_likely(share)
    cells = tuple(
        (float(t[first + at - 1] - width_s / 2), float(t[first + at] + width_s / 2), float(p))
        for at, p in zip(cut[keep], share[keep] / share[keep].sum(), strict=True)
    )
    return Change(
        at_s=quantile(cells, 0.5),
        low_s=cells[0][0],
        high_s=cells[-1][1],
        before=float(np.median(raw[first:found])),
        after=float(np.median(raw[found:end])),
        cells=cells,
    )


def _most_likely(share: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The fewest places that hold 95 % together, in order."""
    order = np.argsort(-share, kind="stable")
    enough = int(np.searchsorted(np.cumsum(share[order]), HELD)) + 1
    return np.sort(order[:enough])


def density(
    cells: tuple[tuple[float, float, float], ...], start_s: float, step_s: float, bins: int
) -> Floats:
    """Probability in each of ``bins`` steps from ``start_s`` on, even within each cell."""
    edges = start_s + step_s * np.arange(bins + 1)
    result = np.zeros(bins)
    for low, high, probability in cells:
        inside = np.clip((edges - low) / max(high - low, 1e-9), 0.0, 1.0)
        result += probability * np.diff(inside)
    return result


def quantile(cells: tuple[tuple[float, float, float], ...], q: float) -> float:
    """The moment before which a share ``q`` of the probability lies."""
    edges = np.unique([edge for low, high, _ in cells for edge in (low, high)])
    below = np.zeros(len(edges))
    for low, high, probability in cells:
        below += probability * np.clip((edges - low) / max(high - low, 1e-9), 0.0, 1.0)
    return float(np.interp(q, below, edges))
