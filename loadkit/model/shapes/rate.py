"""A constant rate, or a ramp from one to another."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from loadkit.model.shapes.open_load import OpenLoad, check_common, check_rates
from loadkit.model.shapes.pieces import Linear, exact


@dataclass(frozen=True, slots=True)
class Rate(OpenLoad):
    """Open model: iterations arrive at ``rate`` a second whether or not earlier ones are done.

    ``to`` makes it a linear ramp that ends at that rate. ``max_users`` bounds how many iterations
    may run at once (default: ten times the highest rate, at least 1); arrivals beyond wait for a
    free user and are counted as late. ``user`` names the class that serves them (default: every
    class that no other load of the stage names, by weight). ``arrivals="poisson"`` makes them
    independent of each other instead of evenly spaced.

    Raises:
        ScenarioError: a rate is negative or not finite, a constant rate is zero, ``max_users`` is
            below 1, or ``arrivals`` is neither ``even`` nor ``poisson``.
    """

    kind: ClassVar[str] = "rate"

    rate: float
    to: float | None = None
    max_users: int | None = None
    user: str | None = None
    arrivals: str = "even"

    def __post_init__(self) -> None:
        check_rates(self.rate, *(() if self.to is None else (self.to,)))
        check_common(self)

    @property
    def end(self) -> float:
        """Arrivals a second when the stage ends."""
        return self.rate if self.to is None else self.to

    @property
    def peak(self) -> float:
        """The highest rate in the stage."""
        return max(self.rate, self.end)

    @property
    def highest(self) -> float:
        """The highest rate, a second."""
        return self.peak

    def pieces(self, duration: float) -> tuple[Linear, ...]:
        """One line."""
        return (Linear(Fraction(0), exact(duration), exact(self.rate), exact(self.end)),)
