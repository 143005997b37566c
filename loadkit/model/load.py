"""Loads and stages: what arrives, and for how long. Seconds, and rates a second."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from loadkit.errors import ScenarioError
from loadkit.model.checks import is_int, is_number

PROFILE_SUFFIX = "-profile"
WARM_UP_NAMES = frozenset({"warm-up", "warmup"})


@dataclass(frozen=True, slots=True)
class Rate:
    """Open model: iterations arrive at ``rate`` a second whether or not earlier ones are done.

    ``to`` makes it a linear ramp that ends at that rate. ``max_users`` bounds how many iterations
    may run at once (default: ten times the highest rate, at least 1); arrivals beyond wait for a
    free user and are counted as late.

    Raises:
        ScenarioError: a rate is negative or not finite, a constant rate is zero, or ``max_users``
            is below 1.
    """

    rate: float
    to: float | None = None
    max_users: int | None = None

    def __post_init__(self) -> None:
        for value in (self.rate, self.to):
            if value is not None and not (is_number(value) and value >= 0):
                raise ScenarioError(
                    f"rate must be positive, got {value!r}",
                    remedy="Give the arrivals a second, for example load=Rate(150).",
                )
        if self.peak <= 0:
            raise ScenarioError(
                "rate must be positive, got 0",
                remedy="Give the arrivals a second, for example load=Rate(150).",
            )
        if self.max_users is not None and not (is_int(self.max_users) and self.max_users >= 1):
            raise ScenarioError(
                f"max_users must be a whole number of at least 1, got {self.max_users!r}",
                remedy="Leave it out for ten users per arrival a second.",
            )

    @property
    def end(self) -> float:
        """Arrivals a second when the stage ends."""
        return self.rate if self.to is None else self.to

    @property
    def peak(self) -> float:
        """The highest rate in the stage."""
        return max(self.rate, self.end)

    @property
    def pool(self) -> int:
        """How many users may serve arrivals at once."""
        return self.max_users or max(1, math.ceil(10 * self.peak))


@dataclass(frozen=True, slots=True)
class Users:
    """Closed model: ``users`` of them, each waiting its think time after every iteration.

    ``to`` makes it a linear ramp that ends at that number.

    Raises:
        ScenarioError: a number of users is negative or not whole, or none ever run.
    """

    users: int
    to: int | None = None

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


Load = Rate | Users


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of the run under one kind of load.

    A warm-up stage is left out of every verdict; a profile stage is too, and the profiler runs
    only there. Both follow from the name (``warm-up``; ``…-profile``) unless said otherwise.

    Raises:
        ScenarioError: the name is empty or has a character that options need, or the duration is
            not positive.
    """

    name: str
    load: Load
    duration: float
    warmup: bool | None = None
    profile: bool | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(r"[A-Za-z0-9][\w-]*", self.name):
            raise ScenarioError(
                f"a stage's name must be letters, digits, '-' and '_', got {self.name!r}"
            )
        if not isinstance(self.load, Rate | Users):
            raise ScenarioError(
                f"stage {self.name!r}: load must be Rate(...) or Users(...), got {self.load!r}"
            )
        if not (is_number(self.duration) and self.duration > 0):
            raise ScenarioError(
                f"stage {self.name!r}: duration must be positive, got {self.duration!r}",
                remedy="Give seconds, for example duration=30.",
            )
        if self.warmup is None:
            object.__setattr__(self, "warmup", self.name.lower() in WARM_UP_NAMES)
        if self.profile is None:
            object.__setattr__(self, "profile", self.name.lower().endswith(PROFILE_SUFFIX))

    @property
    def measured(self) -> bool:
        """Whether verdicts may rest on this stage."""
        return not (self.warmup or self.profile)
