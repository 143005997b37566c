"""The arrivals of one load in one stage, by number: where in the stage each of them is due."""

from __future__ import annotations

import math
from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from loadkit.model import Open, Replay
from loadkit.scenario.chance import COUNT, key_of, poisson, uniform
from loadkit.scenario.curve import Curve

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MOST_AT_ONCE = 1 << 20  # chance is made for so many arrivals at a time


class Arrivals(Protocol):
    """Arrivals 0, 1, 2 … of a load in a stage."""

    @property
    def count(self) -> int:
        """How many there are."""

    @property
    def added(self) -> Fraction:
        """What they add to Λ."""

    def seconds(self, numbers: Ints) -> Floats:
        """When arrivals of these ascending numbers are due, seconds into the stage."""


def arrivals_of(load: Open, duration: float, before: Fraction, key: tuple[object, ...]) -> Arrivals:
    """What a load makes of a stage, where Λ was ``before`` when it began."""
    if isinstance(load, Replay):
        return Recorded(load, duration)
    if load.arrivals == "poisson":
        return Poisson(load, duration, key_of(*key))
    return Even(load, duration, before)


def rounded(value: Fraction) -> int:
    """To the nearest whole number, half up."""
    return math.floor(value + Fraction(1, 2))


class Even:
    """Arrival n of the run is due where Λ(t) = n + ½."""

    def __init__(self, load: Open, duration: float, before: Fraction) -> None:
        pieces = load.pieces(duration)
        curve = Curve(pieces)
        self._formulas, self._starts = curve.formulas, curve.starts
        begin = rounded(before)
        self.added = Fraction(0)
        self._firsts = [0]  # number of the first arrival of each piece
        self._offs: list[float] = []  # from Λ at the beginning of a piece to its first arrival
        for piece in pieces:
            at = before + self.added
            self._offs.append(float(rounded(at) + Fraction(1, 2) - at))
            self.added += piece.count
            self._firsts.append(rounded(before + self.added) - begin)

    @property
    def count(self) -> int:
        """How many there are."""
        return self._firsts[-1]

    def seconds(self, numbers: Ints) -> Floats:
        """When they are due, seconds into the stage."""
        result = np.empty(len(numbers))
        at = 0
        while at < len(numbers):
            index = bisect_right(self._firsts, int(numbers[at])) - 1
            end = at + int(np.searchsorted(numbers[at:], self._firsts[index + 1]))
            wanted = (numbers[at:end] - self._firsts[index]).astype(np.float64) + self._offs[index]
            result[at:end] = self._starts[index] + self._formulas[index].inverse(wanted)
            at = end
        return result


class Poisson:
    """A Poisson process along the rate, made of one draw a second of the stage.

    How many arrive in a second is a Poisson draw with the mean that the rate adds up to in it;
    given that, they are independent of each other and lie along the rate: each where Λ reaches a
    point chosen evenly between its values at the ends of the second. A second is made from the key
    and its own number, so none is kept; what is kept is a count a second.
    """

    def __init__(self, load: Open, duration: float, key: int) -> None:
        self._key = key
        self._curve = Curve(load.pieces(duration))
        edges = np.minimum(np.arange(math.ceil(duration) + 1, dtype=np.float64), duration)
        counted = self._curve.count_by(edges)
        self._begins = counted[:-1]
        self._means = np.maximum(np.diff(counted), 0.0)
        seconds = np.arange(len(self._means), dtype=np.int64)
        chance = uniform(key, seconds, np.full(len(seconds), COUNT, dtype=np.int64))
        counts = poisson(chance, self._means)
        self._firsts = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts)))
        self.count = int(self._firsts[-1])
        self.added = Fraction(self.count)

    def seconds(self, numbers: Ints) -> Floats:
        """When they are due, seconds into the stage."""
        if not len(numbers):
            return np.empty(0)
        first, last = np.searchsorted(self._firsts, (numbers[0], numbers[-1]), side="right") - 1
        # Cut where a stretch of whole seconds holds enough.
        bounds, at = [int(first)], int(first)
        while at <= last:
            full = int(np.searchsorted(self._firsts, self._firsts[at] + _MOST_AT_ONCE)) - 1
            at = min(max(full, at + 1), int(last) + 1)
            bounds.append(at)
        parts = []
        for begin, end in pairwise(bounds):
            low, high = np.searchsorted(numbers, (self._firsts[begin], self._firsts[end]))
            chosen = self._points(begin, end)[numbers[low:high] - self._firsts[begin]]
            parts.append(self._curve.inverse(chosen))
        return np.concatenate(parts)

    def _points(self, begin: int, end: int) -> Floats:
        """Λ at every arrival of these seconds, ascending."""
        counts = np.diff(self._firsts[begin : end + 1])
        seconds = np.repeat(np.arange(begin, end, dtype=np.int64), counts)
        places = np.arange(len(seconds), dtype=np.int64)
        places -= np.repeat(self._firsts[begin:end] - self._firsts[begin], counts)
        points = self._begins[seconds] + uniform(self._key, seconds, places) * self._means[seconds]
        points.sort()
        return points


class Recorded:
    """A recording, played."""

    def __init__(self, load: Replay, duration: float) -> None:
        self.count = int(load.count(duration))
        self.added = Fraction(self.count)
        self._seconds = np.array(load.times[: self.count], dtype=np.float64) / load.speed

    def seconds(self, numbers: Ints) -> Floats:
        """When they are due, seconds into the stage."""
        return self._seconds[numbers]
