"""A staircase of rates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from loadkit.errors import ScenarioError
from loadkit.model.checks import is_int, is_number
from loadkit.model.shapes.open_load import OpenLoad, check_common, check_rates
from loadkit.model.shapes.pieces import Linear, exact, plain

_REMEDY = "Give Steps([50, 100, 150]) or Steps(start=50, step=50, count=3)."


@dataclass(frozen=True, slots=True, init=False)
class Steps(OpenLoad):
    """Open model: one constant rate after another, each for an equal part of the stage.

    Either the rates themselves, ``Steps([50, 100, 75])``, or where they begin, how far apart they
    are and how many: ``Steps(start=50, step=25, count=6)``. A rate may be 0 as long as one is not;
    ``step`` may be negative. The other arguments are those of Rate.

    Raises:
        ScenarioError: neither form or both, a rate is negative or not finite, or all are 0.
    """

    kind: ClassVar[str] = "steps"

    levels: tuple[float, ...]
    max_users: int | None
    user: str | None
    arrivals: str

    def __init__(
        self,
        levels: Iterable[float] | None = None,
        *,
        start: float | None = None,
        step: float | None = None,
        count: int | None = None,
        max_users: int | None = None,
        user: str | None = None,
        arrivals: str = "even",
    ) -> None:
        given = [value is not None for value in (start, step, count)]
        if (levels is not None) if any(given) else (levels is None):
            raise ScenarioError("steps are either a list of rates or a staircase", remedy=_REMEDY)
        rates = _listed(levels) if levels is not None else _staircase(start, step, count)
        object.__setattr__(self, "levels", rates)
        object.__setattr__(self, "max_users", max_users)
        object.__setattr__(self, "user", user)
        object.__setattr__(self, "arrivals", arrivals)
        if not rates:
            raise ScenarioError("steps need at least one rate", remedy=_REMEDY)
        check_rates(*rates, what="a step's rate")
        check_common(self)

    @property
    def highest(self) -> float:
        """The highest rate, a second."""
        return max(self.levels)

    def pieces(self, duration: float) -> tuple[Linear, ...]:
        """One a level, of equal length."""
        length = exact(duration) / len(self.levels)
        rates = (exact(level) for level in self.levels)
        return tuple(Linear(i * length, length, rate, rate) for i, rate in enumerate(rates))


def _listed(levels: object) -> tuple[float, ...]:
    if isinstance(levels, str) or not isinstance(levels, Iterable):
        raise ScenarioError(f"steps must be a list of rates, got {levels!r}", remedy=_REMEDY)
    return tuple(levels)


def _staircase(start: object, step: object, count: object) -> tuple[float, ...]:
    if not (is_number(start) and is_number(step) and is_int(count) and count >= 1):
        raise ScenarioError(
            "a staircase needs start and step (rates) and count (a whole number of at least 1), "
            f"got start={start!r}, step={step!r}, count={count!r}",
            remedy=_REMEDY,
        )
    return tuple(plain(exact(start) + i * exact(step)) for i in range(count))
