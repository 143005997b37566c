"""Stretches of a rate that have one formula. A shape is a row of them.

The rate r(x) and the arrivals up to x, Λ(x) = ∫₀ˣ r, where x counts seconds from the beginning of
the piece. Numbers are exact: the decimals that were written, as fractions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction


def exact(value: float) -> Fraction:
    """The decimal that was written, not the binary float nearest to it: 0.1/s for 5 s is ½."""
    return Fraction(repr(float(value)))


def plain(value: Fraction) -> float:
    """The number as one would write it: 100 and not 100.0."""
    number = float(value)
    return int(number) if number.is_integer() else number


@dataclass(frozen=True, slots=True)
class Linear:
    """From one rate to another along a line; both alike where it is constant.

    r(x) = rate + (to − rate)·x/length, Λ(x) = rate·x + (to − rate)/(2·length)·x².
    """

    start: Fraction  # seconds into the stage
    length: Fraction  # seconds
    rate: Fraction  # a second
    to: Fraction

    @property
    def count(self) -> Fraction:
        """Arrivals of the whole piece."""
        return (self.rate + self.to) / 2 * self.length

    @property
    def slope(self) -> float:
        """Half the change of the rate a second."""
        return float((self.to - self.rate) / (2 * self.length))

    def rate_at(self, x: float) -> float:
        """r(x)."""
        return float(self.rate) + 2 * self.slope * x

    def count_by(self, x: float) -> float:
        """Λ(x)."""
        return float(self.rate) * x + self.slope * x * x


@dataclass(frozen=True, slots=True)
class Wave:
    """A sine about a mean.

    r(x) = mean + amplitude·sin 2π(phase + x/period),
    Λ(x) = mean·x + amplitude·period/2π · (cos 2π·phase − cos 2π(phase + x/period)).
    """

    start: Fraction  # seconds into the stage
    length: Fraction  # seconds
    mean: Fraction  # a second
    amplitude: Fraction
    period: Fraction  # seconds
    phase: Fraction  # in periods, where the piece begins

    @property
    def count(self) -> Fraction:
        """Arrivals of the whole piece: exact over whole periods, else to the precision of cos."""
        turns = self.length / self.period
        if turns.denominator == 1:
            return self.mean * self.length
        return self.mean * self.length + Fraction(self._swing(self.phase + turns))

    def rate_at(self, x: float) -> float:
        """r(x)."""
        turns = float(self.phase) + x / float(self.period)
        return float(self.mean) + float(self.amplitude) * math.sin(math.tau * turns)

    def count_by(self, x: float) -> float:
        """Λ(x)."""
        turns = float(self.phase) + x / float(self.period)
        return float(self.mean) * x + self._swing(turns)

    def _swing(self, turns: Fraction | float) -> float:
        """What the sine adds from the beginning of the piece on."""
        scale = float(self.amplitude * self.period) / math.tau
        begin, end = (math.cos(math.tau * float(value % 1)) for value in (self.phase, turns))
        return scale * (begin - end)


Piece = Linear | Wave
