"""What moved together with the response time. Moving together is not a cause."""

from __future__ import annotations

import numpy as np

from loadkit.analyse.context import Context, Floats
from loadkit.analyse.result import Association
from loadkit.analyse.saturation import Use

FEWEST = 20
STRONG = 0.6


def ranks(values: Floats) -> Floats:
    """Ranks from 1; equals share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: Floats = (last - (counts - 1) / 2)[place]
    return shared


def spearman(x: Floats, y: Floats) -> float | None:
    """Rank correlation, -1 to 1; None when one of them never changes."""
    a, b = ranks(x), ranks(y)
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return None if scale == 0 else float((a * b).sum() / scale)


def per_second(x: Floats, y: Floats, seconds: int) -> Floats:
    """Mean of a series' points in each second; NaN in a second without any."""
    good = np.isfinite(x) & np.isfinite(y)
    second = np.floor(x[good]).astype(np.int64)
    inside = (second >= 0) & (second < seconds)
    count = np.bincount(second[inside], minlength=seconds)[:seconds]
    total = np.bincount(second[inside], weights=y[good][inside], minlength=seconds)[:seconds]
    result = np.full(seconds, np.nan)
    mean: Floats = np.divide(total, count, out=result, where=count > 0)
    return mean


def associations(
    context: Context, p95: Floats, uses: tuple[Use, ...]
) -> tuple[Association, ...]:  # fmt: skip
    """Resources whose ratio rose or fell with the p95 response time, strongest first.

    ``p95`` holds one value a second of the load (NaN: none). Only measured seconds count.
    """
    measured = np.zeros(len(p95), bool)
    measured[[second for second in context.measured_seconds if second < len(p95)]] = True
    found = []
    for use in uses:
        other = per_second(use.x, use.y, len(p95))
        both = measured & np.isfinite(other) & np.isfinite(p95)
        n = int(both.sum())
        if n < FEWEST:
            continue
        rho = spearman(other[both], p95[both])
        if rho is not None and abs(rho) >= STRONG:
            found.append(Association(use.name, rho, n))
    return tuple(sorted(found, key=lambda a: (-abs(a.rho), a.series)))
