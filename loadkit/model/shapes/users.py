"""The closed model: a fixed number of users."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from loadkit.errors import ScenarioError
from loadkit.model.checks import is_int, is_number
from loadkit.model.shapes.open_load import check_user


@dataclass(frozen=True, slots=True)
class Users:
    """Closed model: ``users`` of them, each waiting its think time after every iteration.

    ``to`` makes it a linear ramp that ends at that number. ``user`` names their class (default:
    every class that no other load of the stage names, by weight). ``pacing`` is how many seconds
    at least lie between the beginnings of two iterations of one user.

    Raises:
        ScenarioError: a number of users is negative or not whole, none ever run, or the pacing is
            not positive.
    """

    open: ClassVar[bool] = False
    kind: ClassVar[str] = "users"

    users: int
    to: int | None = None
    user: str | None = None
    pacing: float | None = None

    def __post_init__(self) -> None:
        for value in (self.users, self.to):
            if value is not None and not (is_int(value) and value >= 0):
                raise ScenarioError(
                    f"users must be a whole number, got {value!r}",
                    remedy="Give how many run at once, for example load=Users(20).",
                )
        if self.peak == 0:
            raise ScenarioError(
                "users must be positive, got 0",
                remedy="Give how many run at once, for example load=Users(20).",
            )
        check_user(self.user)
        if self.pacing is not None and not (is_number(self.pacing) and self.pacing > 0):
            raise ScenarioError(
                f"pacing must be positive, got {self.pacing!r}",
                remedy="Give seconds from one iteration of a user to its next, or leave it out.",
            )

    @property
    def end(self) -> int:
        """Users when the stage ends."""
        return self.users if self.to is None else self.to

    @property
    def peak(self) -> int:
        """The highest number of users in the stage."""
        return max(self.users, self.end)

    @property
    def pool(self) -> int:
        """How many users the stage needs."""
        return self.peak

    def users_at(self, share: float) -> int:
        """Users after a share (0 to 1) of the stage, rounded half up."""
        part = min(max(share, 0.0), 1.0)
        return math.floor(self.users + (self.end - self.users) * part + 0.5)

    def check(self, duration: float) -> None:
        """Users fit into a stage of any duration."""
