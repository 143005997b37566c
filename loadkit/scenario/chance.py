"""Chance that can be asked for anywhere: numbers that depend on a key and a place, not on order.

The generator is SplitMix64 read at a counter: number i of second s of a key is its output number
s·2³² + i. It needs whole numbers only, so every machine makes the same.
"""

from __future__ import annotations

import math
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COUNT = 0xFFFFFFFF  # the place within a second that its number of arrivals is drawn with
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_SMALLEST = 1e-18  # probabilities below add nothing to a double near 1


def key_of(*parts: object) -> int:
    """A key of 64 bits from anything that can be written down."""
    digest = blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def uniform(key: int, seconds: Ints, places: Ints) -> Floats:
    """Numbers strictly between 0 and 1, one for each second and place in it."""
    counter = (seconds.astype(np.uint64) << np.uint64(32)) | places.astype(np.uint64)
    z = np.full(counter.shape, key, dtype=np.uint64) + (counter + np.uint64(1)) * _GAMMA
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    z ^= z >> np.uint64(31)
    result: Floats = ((z >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
    return result


def poisson(chance: Floats, means: Floats) -> Ints:
    """Poisson draws with these means, each from one number between 0 and 1.

    The values are tried from the most probable one outwards, their probabilities taken off the
    number until nothing is left of it: some √mean steps, for all draws together.
    """
    mode = np.floor(means)
    result = mode.astype(np.int64)
    at = np.flatnonzero(means > 0)
    mean, k0 = means[at], mode[at]
    factorials = np.array([math.lgamma(k + 1.0) for k in k0])
    up = np.exp(k0 * np.log(mean) - mean - factorials)
    down = up.copy()
    left = chance[at] - up
    step = 0.0
    while True:
        going = (left >= 0) & (up + down > _SMALLEST)
        if not going.any():
            return result
        at, mean, k0, up, down, left = (a[going] for a in (at, mean, k0, up, down, left))
        step += 1.0
        up *= mean / (k0 + step)
        down *= np.maximum(k0 - step + 1.0, 0.0) / mean
        for change, sign in ((up, 1.0), (down, -1.0)):
            hit = (left >= 0) & (left < change)
            result[at[hit]] = (k0 + sign * step)[hit].astype(np.int64)
            left -= change
