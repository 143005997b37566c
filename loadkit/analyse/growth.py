"""How many bytes a request leaves behind: a slope over requests, with its interval.

The points are put into blocks of equal numbers of requests, and each block is its median: what is
only in use while a request is worked on comes and goes within a block. The slope is that of least
squares through the blocks, at an equal number of requests under way: where more and more of them
pile up, memory grows with the pile. Neighbouring blocks resemble each other, so the interval is
computed as if there were fewer: n (1 - r) / (1 + r) of them, r the correlation of neighbouring
residuals (Santer et al., Journal of Geophysical Research 105, 2000, 7337-7356), with Student's t
for that many less two. Where that leaves none to speak of, as after a single step, the interval is
the range of what the line leaves, twice, over all requests, to either side. Pure.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from loadkit.analyse.context import Floats
from loadkit.analyse.memory_result import Growth

WARM_UP = 0.25
"""Share of the requests left out at the start: caches fill, and what a tracker did not see being
allocated is replaced by what it does see."""
MOST_BLOCKS = 24
LEAST_BLOCKS = 8
LEAST_REQUESTS = 200
_Z = 1.959964
_LEAST_FREEDOM = 3.0  # below it the expansion of t does not hold

GROWTH, NONE, INCONCLUSIVE = "growth", "none", "inconclusive"


def growth(requests: Floats, size: Floats, relevant: float, busy: Floats | None = None) -> Growth:
    """Bytes a request, and whether that is growth.

    Args:
        requests: completed since some start, ascending.
        size: bytes at each of those moments.
        relevant: bytes a request below which nothing is called growth.
        busy: requests under way at those moments; None where it is not known.

    The verdict is ``growth`` when the whole interval (95 %) lies above ``relevant``, ``none`` when
    it lies below, else ``inconclusive`` with the reason in ``why``.
    """
    pile = np.zeros(len(requests)) if busy is None else busy
    good = np.isfinite(requests) & np.isfinite(size) & np.isfinite(pile)
    x, y, w = requests[good], size[good], pile[good]
    done = float(x[-1] - x[0]) if len(x) else 0.0
    if done < LEAST_REQUESTS:
        return _unknown(done, f"{done:.0f} requests are too few, {LEAST_REQUESTS} are needed")
    late = x >= x[0] + WARM_UP * done
    x, y, w = x[late], y[late], w[late]
    bx, by, bw = _blocks(x, y, w)
    used = float(x[-1] - x[0])
    if len(bx) < LEAST_BLOCKS:
        return _unknown(used, f"it was looked at {len(x)} times only while requests completed")
    slope, level, low, high = _line(bx, by, bw)
    if not math.isfinite(slope):
        return _unknown(used, "requests piled up as fast as they were completed")
    verdict = GROWTH if low > relevant else NONE if high < relevant else INCONCLUSIVE
    why = "" if verdict != INCONCLUSIVE else f"the interval holds {relevant:g} bytes a request"
    return Growth(slope, low, high, used, verdict, why, _pairs(bx, by), level)


def _unknown(requests: float, why: str) -> Growth:
    return Growth(None, None, None, requests, INCONCLUSIVE, why, (), None)


def _pairs(x: Floats, y: Floats) -> tuple[tuple[float, float], ...]:
    return tuple(zip(x.tolist(), y.tolist(), strict=True))


def _blocks(x: Floats, *values: Floats) -> tuple[Floats, ...]:
    """Medians of blocks of equal numbers of requests; empty blocks are left out."""
    edges = np.linspace(x[0], x[-1], MOST_BLOCKS + 1)
    which: npt.NDArray[np.intp] = np.clip(
        np.searchsorted(edges, x, side="right") - 1, 0, MOST_BLOCKS - 1
    )
    found = np.unique(which)
    return tuple(
        np.array([np.median(column[which == block]) for block in found]) for column in (x, *values)
    )


def _without(values: Floats, other: Floats) -> Floats:
    """What of them is not explained by a line through the others; both have a mean of 0."""
    spread = float(other @ other)
    return values - (values @ other) / spread * other if spread > 1e-9 else values


def _line(x: Floats, y: Floats, busy: Floats) -> tuple[float, float, float, float]:
    """(slope, value at x = 0, lower end, upper end); NaN when requests only piled up.

    With ``busy`` it is a regression on two things, in two steps (Frisch and Waugh).
    """
    pile = busy - busy.mean()
    told = float(pile @ pile) > 1e-9
    own = _without(x - x.mean(), pile)
    sized = _without(y - y.mean(), pile)
    spread = float(own @ own)
    if spread <= 1e-9 * float((x - x.mean()) @ (x - x.mean())):
        return math.nan, math.nan, math.nan, math.nan
    slope = float(own @ sized) / spread
    level = float(y.mean() - slope * x.mean())
    rest = sized - slope * own
    squares = float(rest @ rest)
    if squares <= 1e-18 * max(1.0, float(y @ y)):
        return slope, level, slope, slope
    alike = float(rest[1:] @ rest[:-1]) / squares
    # Around a fitted line it comes out too small by about this much (Marriott and Pope 1954).
    alike += (2 + 4 * alike) / len(x)
    alike = min(max(alike, 0.0), 0.999)
    effective = len(x) * (1 - alike) / (1 + alike)
    freedom = effective - (3 if told else 2)
    if freedom < _LEAST_FREEDOM:
        # Too alike to be counted. One step alone makes a slope of up to 1.5 times its height.
        widest = 2 * float(rest.max() - rest.min()) / float(x[-1] - x[0])
        return slope, level, slope - widest, slope + widest
    error = math.sqrt(squares / freedom / spread)
    half = student(freedom) * error
    return slope, level, slope - half, slope + half


def student(freedom: float) -> float:
    """Two-sided 95 % quantile of Student's t (Abramowitz and Stegun 26.7.5), from 3 degrees on."""
    z = _Z
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))
