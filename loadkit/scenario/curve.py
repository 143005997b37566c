"""Λ of a load in a stage, and its inverse, for many arrivals at once.

Every number is computed by itself: the answer for one arrival does not depend on which others are
asked for with it, so that each of many workers finds the same due times.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

import numpy as np
import numpy.typing as npt

from loadkit.model.shapes.pieces import Linear, Piece, Wave

Floats = npt.NDArray[np.float64]

_CLOSE_S = 1e-11  # a hundredth of a nanosecond: where the search for an instant ends
_MOST_ROUNDS = 100
_TABLE = 4096  # instants of a period


class Formula(Protocol):
    """One piece: x counts seconds from its beginning."""

    def count_by(self, x: Floats) -> Floats:
        """Λ(x)."""

    def inverse(self, wanted: Floats) -> Floats:
        """The x at which Λ reaches each number, all above 0; within the piece."""


class _Line:
    """Λ(x) = rate·x + slope·x²."""

    def __init__(self, piece: Linear) -> None:
        self._rate = float(piece.rate)
        self._slope = piece.slope
        self._length = float(piece.length)

    def count_by(self, x: Floats) -> Floats:
        return self._rate * x + self._slope * x * x

    def inverse(self, wanted: Floats) -> Floats:
        # Multiplied out with the conjugate, the root needs no difference of nearly equal numbers,
        # whether the rate rises, falls or stays. A ramp down to zero may ask a hair beyond its
        # vertex.
        root = np.sqrt(np.maximum(0.0, self._rate * self._rate + 4.0 * self._slope * wanted))
        return np.minimum(2.0 * wanted / (self._rate + root), self._length)


class _Wave:
    """Λ(x) = mean·x + swing·(cos 2π·phase − cos 2π(phase + x/period)): no inverse in closed form.

    The cosine bounds how far x is from wanted/mean; between these bounds Newton's method looks for
    it, and halves the interval where a step would leave it or converge slowly. It begins with a
    guess from a table of one period, which all the others repeat.
    """

    def __init__(self, piece: Wave) -> None:
        self._mean = float(piece.mean)
        self._amplitude = float(piece.amplitude)
        self._length = float(piece.length)
        self._turn = math.tau / float(piece.period)
        self._begin = math.tau * float(piece.phase % 1)
        self._swing = self._amplitude / self._turn
        self._cosine = math.cos(self._begin)
        self._period = float(piece.period)
        self._instants = np.linspace(0.0, self._period, _TABLE + 1)
        self._counts = np.maximum.accumulate(self.count_by(self._instants))

    def count_by(self, x: Floats) -> Floats:
        angle = self._begin + self._turn * x
        result: Floats = self._mean * x + self._swing * (self._cosine - np.cos(angle))
        return result

    def inverse(self, wanted: Floats) -> Floats:
        low = np.clip((wanted - self._swing * (self._cosine + 1)) / self._mean, 0.0, self._length)
        high = np.clip((wanted - self._swing * (self._cosine - 1)) / self._mean, 0.0, self._length)
        x = np.clip(self._guess(wanted), low, high)
        result = x.copy()
        at = np.arange(len(x))
        last = high - low
        for _ in range(_MOST_ROUNDS):
            off = self.count_by(x) - wanted
            low, high = np.where(off < 0, x, low), np.where(off < 0, high, x)
            rate = self._mean + self._amplitude * np.sin(self._begin + self._turn * x)
            with np.errstate(divide="ignore", invalid="ignore"):
                guess = x - off / rate
            halve = ~((guess > low) & (guess < high) & (np.abs(guess - x) < 0.5 * last))
            after = np.where(off == 0, x, np.where(halve, (low + high) / 2, guess))
            last = np.abs(after - x)
            result[at] = x = after
            going = last > np.maximum(_CLOSE_S, 4.0 * np.spacing(x))
            if not going.any():
                break
            at, x, low, high = at[going], x[going], low[going], high[going]
            wanted, last = wanted[going], last[going]
        return result

    def _guess(self, wanted: Floats) -> Floats:
        each = self._mean * self._period
        periods = np.floor(wanted / each)
        within = np.interp(wanted - periods * each, self._counts, self._instants)
        result: Floats = periods * self._period + within
        return result


def formula(piece: Piece) -> Formula:
    """A piece, ready for arrays."""
    return _Line(piece) if isinstance(piece, Linear) else _Wave(piece)


class Curve:
    """The pieces of a load in a stage as one function of the seconds into it."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.starts = [float(piece.start) for piece in pieces]
        self.formulas = [formula(piece) for piece in pieces]
        befores = [Fraction(0)]
        for piece in pieces:
            befores.append(befores[-1] + piece.count)
        self.befores = [float(before) for before in befores]

    def count_by(self, seconds: Floats) -> Floats:
        """Λ at instants in ascending order."""
        result = np.empty_like(seconds)
        edges = [0, *np.searchsorted(seconds, self.starts[1:], side="right"), len(seconds)]
        for i, rule in enumerate(self.formulas):
            part = slice(edges[i], edges[i + 1])
            result[part] = self.befores[i] + rule.count_by(seconds[part] - self.starts[i])
        return result

    def inverse(self, wanted: Floats) -> Floats:
        """The seconds at which Λ reaches each of these numbers, which ascend."""
        result = np.empty_like(wanted)
        at = 0
        while at < len(wanted):
            # The last piece that begins below the number: one without arrivals is passed over.
            index = max(0, _below(self.befores, float(wanted[at])))
            end = int(np.searchsorted(wanted, self.befores[index + 1], side="right"))
            end = len(wanted) if index == len(self.formulas) - 1 else max(end, at + 1)
            found = self.formulas[index].inverse(wanted[at:end] - self.befores[index])
            result[at:end] = self.starts[index] + found
            at = end
        return result


def _below(befores: Sequence[float], value: float) -> int:
    index = bisect_right(befores, value, hi=len(befores) - 1) - 1
    while index > 0 and befores[index] >= value:
        index -= 1
    return index
