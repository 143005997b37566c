"""When arrivals are due: the open model as a pure function of the stages.

Λ(t) is the number of arrivals up to t, the integral of the rate over the stages so far; closed
stages add nothing. Arrival n (counted from 0) is due where Λ(t) = n + ½. So the arrivals of a
constant rate are evenly spaced with half a gap before the first, and the number due up to t is
Λ(t) rounded half up: never off by more than half an arrival, in whatever way a run is cut into
stages. Nothing is random: the same stages give the same due times.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from loadkit.model import Rate, Stage

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Part:
    """A stage on the two axes: time (ns) and arrivals (exact)."""

    start_ns: int
    end_ns: int
    before: Fraction  # Λ where the stage begins
    first: int  # number of its first arrival
    rate: float
    slope: float  # half the change of the rate a second: Λ(x) = rate·x + slope·x²


def _exact(value: float) -> Fraction:
    # The decimal that was written, not the binary float nearest to it: 0.1/s for 5 s is ½.
    return Fraction(repr(float(value)))


def stage_bounds(stages: Iterable[Stage]) -> list[int]:
    """Where stages begin and the last one ends, ns since the start of the load.

    Returns:
        One number more than there are stages, ascending.
    """
    at = Fraction(0)
    bounds = [0]
    for stage in stages:
        at += _exact(stage.duration)
        bounds.append(round(at * _NS))
    return bounds


def stage_at(bounds: list[int], offset_ns: int) -> int:
    """Index of the stage an instant belongs to (ns since the start of the load).

    A stage holds its first instant and not its last; before the start is the first stage, after
    the end the last one.
    """
    return min(max(bisect_right(bounds, offset_ns) - 1, 0), len(bounds) - 2)


class Schedule:
    """The due times of all open stages."""

    def __init__(self, stages: Iterable[Stage]) -> None:
        stages = tuple(stages)
        self.bounds = stage_bounds(stages)
        self._parts: list[_Part] = []
        total = Fraction(0)
        for index, stage in enumerate(stages):
            load = stage.load
            before, first = total, _rounded(total)
            rate = slope = 0.0
            if isinstance(load, Rate):
                duration = _exact(stage.duration)
                total += (_exact(load.rate) + _exact(load.end)) / 2 * duration
                rate, slope = load.rate, (load.end - load.rate) / (2 * stage.duration)
            self._parts.append(
                _Part(self.bounds[index], self.bounds[index + 1], before, first, rate, slope)
            )
        self._integral = total
        self._firsts = [part.first for part in self._parts]
        self._firsts.append(_rounded(total))

    def __len__(self) -> int:
        """How many arrivals there are."""
        return self._firsts[-1]

    @property
    def planned(self) -> list[int]:
        """Arrivals of each stage, in the order of the stages."""
        return [after - first for first, after in zip(self._firsts, self._firsts[1:], strict=False)]

    def stage_of(self, n: int) -> int:
        """Index of the stage that arrival ``n`` belongs to.

        Raises:
            IndexError: there is no such arrival.
        """
        if not 0 <= n < len(self):
            raise IndexError(n)
        return bisect_left(self._firsts, n + 1) - 1

    def due_ns(self, n: int) -> int:
        """When arrival ``n`` is due, ns since the start of the load; within its stage.

        Raises:
            IndexError: there is no such arrival.
        """
        part = self._parts[self.stage_of(n)]
        wanted = float(n + Fraction(1, 2) - part.before)
        seconds = _inverse(wanted, part.rate, part.slope)
        return min(max(part.start_ns + round(seconds * _NS), part.start_ns), part.end_ns - 1)

    def __iter__(self) -> Iterator[int]:
        """All due times, ascending, ns since the start of the load."""
        return (self.due_ns(n) for n in range(len(self)))

    def due_by(self, offset_ns: int) -> int:
        """How many arrivals are due up to an instant, that instant included."""
        return bisect_right(range(len(self)), offset_ns, key=self.due_ns)


def _rounded(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


def _inverse(wanted: float, rate: float, slope: float) -> float:
    """The x at which rate·x + slope·x² reaches ``wanted``, without cancellation.

    Multiplied out with the conjugate, the root needs no difference of nearly equal numbers,
    whether the rate rises, falls or stays. A ramp down to zero may ask a hair beyond its vertex.
    """
    root = math.sqrt(max(0.0, rate * rate + 4.0 * slope * wanted))
    return 2.0 * wanted / (rate + root) if wanted > 0 else 0.0


def users_at(load_from: int, load_to: int, share: float) -> int:
    """Users of a closed stage after a share (0 to 1) of its duration, rounded half up."""
    return math.floor(load_from + (load_to - load_from) * min(max(share, 0.0), 1.0) + 0.5)
