"""A rate that comes and goes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from loadkit.errors import ScenarioError
from loadkit.model.checks import is_number
from loadkit.model.shapes.open_load import OpenLoad, check_common, check_rates
from loadkit.model.shapes.pieces import Wave, exact


@dataclass(frozen=True, slots=True)
class Sine(OpenLoad):
    """Open model: a rate that swings by ``amplitude`` about ``mean`` once every ``period`` seconds.

    ``phase`` says where in its period it begins, in periods: 0 at the mean and rising, 0.25 at
    the top, 0.5 at the mean and falling, 0.75 at the bottom. The other arguments are those of
    Rate.

    Raises:
        ScenarioError: a number cannot be meant, or the amplitude is above the mean.
    """

    kind: ClassVar[str] = "sine"

    mean: float
    amplitude: float
    period: float
    phase: float = 0.0
    max_users: int | None = None
    user: str | None = None
    arrivals: str = "even"

    def __post_init__(self) -> None:
        check_rates(self.mean, what="the mean of a sine")
        if not (is_number(self.amplitude) and 0 <= self.amplitude <= self.mean):
            raise ScenarioError(
                f"the amplitude of a sine must be from 0 to its mean, got {self.amplitude!r}",
                remedy="A rate cannot be negative: give at most the mean.",
            )
        if not (is_number(self.period) and self.period > 0):
            raise ScenarioError(
                f"the period of a sine must be seconds, got {self.period!r}",
                remedy="For example Sine(100, 50, period=60).",
            )
        if not is_number(self.phase):
            raise ScenarioError(
                f"the phase of a sine must be a number of periods, got {self.phase!r}",
                remedy="0 begins at the mean and rising, 0.75 at the bottom.",
            )
        check_common(self)

    @property
    def highest(self) -> float:
        """The highest rate, a second."""
        return float(exact(self.mean) + exact(self.amplitude))

    def pieces(self, duration: float) -> tuple[Wave, ...]:
        """One wave."""
        mean, amplitude = exact(self.mean), exact(self.amplitude)
        wave = Wave(
            Fraction(0), exact(duration), mean, amplitude, exact(self.period), exact(self.phase)
        )
        return (wave,)
