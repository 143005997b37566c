"""What all loads of the open model have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

from loadkit.errors import ScenarioError
from loadkit.model.checks import is_int, is_number
from loadkit.model.shapes.pieces import Piece, exact

ARRIVALS = ("even", "poisson")


class OpenLoad:
    """Iterations arrive at a rate that depends on time, whether or not earlier ones are done.

    ``user`` names the class of users that serves the arrivals; None: every class that no other
    load of the stage names, by weight. ``arrivals`` is ``even`` (evenly spaced along the rate) or
    ``poisson`` (independent of each other, repeatable by the scenario's seed).
    """

    __slots__ = ()

    open: ClassVar[bool] = True
    kind: ClassVar[str]
    user: str | None
    max_users: int | None
    arrivals: str

    @property
    def highest(self) -> float:
        """The highest rate, a second."""
        raise NotImplementedError

    def pieces(self, duration: float) -> Sequence[Piece]:
        """The rate over a stage of that many seconds, piece by piece without gaps."""
        raise NotImplementedError

    def check(self, duration: float) -> None:
        """Nothing to object to a stage of that many seconds.

        Raises:
            ScenarioError: the shape does not fit into it.
        """

    @property
    def pool(self) -> int:
        """How many users may serve arrivals at once: ``max_users``, or ten an arrival a second."""
        return self.max_users or max(1, math.ceil(10 * self.highest))

    def rate_at(self, seconds: float, duration: float) -> float:
        """The planned rate so many seconds into a stage of that duration; 0 outside of it."""
        if not 0 <= seconds <= duration:
            return 0.0
        pieces = self.pieces(duration)
        piece = next((p for p in reversed(pieces) if p.start <= seconds), pieces[0])
        return max(0.0, piece.rate_at(seconds - float(piece.start)))

    def count_by(self, seconds: float, duration: float) -> float:
        """Λ: how many arrivals the rate adds up to from the beginning of the stage on."""
        total = 0.0
        for piece in self.pieces(duration):
            x = min(seconds - float(piece.start), float(piece.length))
            if x <= 0:
                break
            total += piece.count_by(x)
        return total

    def count(self, duration: float) -> Fraction:
        """Λ at the end of the stage, exact."""
        return sum((piece.count for piece in self.pieces(duration)), Fraction(0))

    def average(self, duration: float) -> float:
        """The mean rate over the stage, a second."""
        return float(self.count(duration) / exact(duration))


def check_rates(*rates: object, what: str = "rate") -> None:
    """Every one is a finite number of at least 0, and one of them is above.

    Raises:
        ScenarioError: they are not.
    """
    remedy = "Give the arrivals a second, for example load=Rate(150)."
    for value in rates:
        if not (is_number(value) and value >= 0):
            raise ScenarioError(f"{what} must be positive, got {value!r}", remedy=remedy)
    if not any(rates):
        raise ScenarioError(f"{what} must be positive, got 0", remedy=remedy)


def check_common(load: OpenLoad) -> None:
    """What every open load has: ``max_users``, ``user`` and ``arrivals``.

    Raises:
        ScenarioError: one of them cannot be meant.
    """
    if load.max_users is not None and not (is_int(load.max_users) and load.max_users >= 1):
        raise ScenarioError(
            f"max_users must be a whole number of at least 1, got {load.max_users!r}",
            remedy="Leave it out for ten users per arrival a second.",
        )
    check_user(load.user)
    if load.arrivals not in ARRIVALS:
        raise ScenarioError(
            f"arrivals must be 'even' or 'poisson', got {load.arrivals!r}",
            remedy='Leave it out for even spacing, or say arrivals="poisson".',
        )


def check_user(user: object) -> None:
    """The name of a class, or None.

    Raises:
        ScenarioError: it is neither.
    """
    if user is not None and not (isinstance(user, str) and user.isidentifier()):
        raise ScenarioError(
            f"user must be the name of a user class, got {user!r}",
            remedy='Give its name as text, for example user="Shopper".',
        )
