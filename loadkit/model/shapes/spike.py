"""A sudden burst over an ordinary rate."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from loadkit.errors import ScenarioError
from loadkit.model.checks import is_number
from loadkit.model.shapes.open_load import OpenLoad, check_common, check_rates
from loadkit.model.shapes.pieces import Linear, exact

_REMEDY = "For example Spike(50, 300, begin=20, length=10): from second 20 to 30 of the stage."


@dataclass(frozen=True, slots=True)
class Spike(OpenLoad):
    """Open model: ``base`` a second, and once, for a while, ``peak``.

    The rate leaves the base ``begin`` seconds into the stage and is back at it ``length`` seconds
    later. ``edge`` is how many of these it takes to rise, and again to fall (default 0: at once).
    The other arguments are those of Rate.

    Raises:
        ScenarioError: a number cannot be meant, the peak is not above the base, or the edges are
            longer than the spike.
    """

    kind: ClassVar[str] = "spike"

    base: float
    peak: float
    begin: float
    length: float
    edge: float = 0.0
    max_users: int | None = None
    user: str | None = None
    arrivals: str = "even"

    def __post_init__(self) -> None:
        check_rates(self.base, self.peak, what="a spike's rate")
        if self.peak <= self.base:
            raise ScenarioError(
                f"a spike's peak must be above its base, got {self.peak!r} over {self.base!r}",
                remedy="Use Steps for a dip.",
            )
        for what in ("begin", "length", "edge"):
            value = getattr(self, what)
            if not (is_number(value) and (value > 0 if what == "length" else value >= 0)):
                raise ScenarioError(
                    f"a spike's {what} must be seconds, got {value!r}", remedy=_REMEDY
                )
        if 2 * exact(self.edge) > exact(self.length):
            raise ScenarioError(
                f"a spike of {self.length:g} s has no room for two edges of {self.edge:g} s",
                remedy="length holds both edges: give at least twice the edge.",
            )
        check_common(self)

    @property
    def highest(self) -> float:
        """The highest rate, a second."""
        return self.peak

    def check(self, duration: float) -> None:
        """The spike ends within the stage.

        Raises:
            ScenarioError: it does not.
        """
        end = exact(self.begin) + exact(self.length)
        if end > exact(duration):
            raise ScenarioError(
                f"the spike ends {float(end):g} s into a stage of {duration:g} s",
                remedy="Make the stage longer, or the spike earlier or shorter.",
            )

    def pieces(self, duration: float) -> tuple[Linear, ...]:
        """Base, rise, peak, fall, base; those without length left out."""
        base, peak = exact(self.base), exact(self.peak)
        begin, edge = exact(self.begin), exact(self.edge)
        end = begin + exact(self.length)
        corners = (
            (Fraction(0), base, base),
            (begin, base, peak),
            (begin + edge, peak, peak),
            (end - edge, peak, base),
            (end, base, base),
        )
        ends = (*(corner[0] for corner in corners[1:]), exact(duration))
        return tuple(
            Linear(start, after - start, rate, to)
            for (start, rate, to), after in zip(corners, ends, strict=True)
            if after > start
        )
