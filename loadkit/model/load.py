"""Loads and stages: what arrives, and for how long. Seconds, and rates a second."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from loadkit.errors import ScenarioError
from loadkit.model.checks import is_number
from loadkit.model.shapes import OpenLoad, Rate, Replay, Sine, Spike, Steps, Users

PROFILE_SUFFIX = "-profile"
MEMORY_SUFFIX = "-memory"
MEMORY = "memory"
WARM_UP_NAMES = frozenset({"warm-up", "warmup"})

Open = Rate | Steps | Spike | Sine | Replay
Load = Open | Users

__all__ = ["Load", "Open", "OpenLoad", "Stage"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of the run under one load, or under several at once.

    Several loads, ``load=[Rate(100, user="Shopper"), Users(5, user="Clerk")]``, each have users of
    their own; one of them may leave ``user`` out and takes the classes that the others do not
    name. A warm-up stage is left out of every verdict; a profile stage is too, and the profiler
    runs only there; with ``profile="memory"`` it is memory that is tracked there. All follow from
    the name (``warm-up``; ``…-profile``; ``…-memory``) unless said otherwise.

    Raises:
        ScenarioError: the name is empty or has a character that options need, the duration is
            not positive, two loads are of the same users, or a load does not fit into the stage.
    """

    name: str
    load: Load | Sequence[Load]
    duration: float
    warmup: bool | None = None
    profile: bool | Literal["memory"] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(r"[A-Za-z0-9][\w-]*", self.name):
            raise ScenarioError(
                f"a stage's name must be letters, digits, '-' and '_', got {self.name!r}"
            )
        if isinstance(self.load, list):
            object.__setattr__(self, "load", tuple(self.load))
        _check_loads(self.name, self.loads)
        if not (is_number(self.duration) and self.duration > 0):
            raise ScenarioError(
                f"stage {self.name!r}: duration must be positive, got {self.duration!r}",
                remedy="Give seconds, for example duration=30.",
            )
        for load in self.loads:
            try:
                load.check(self.duration)
            except ScenarioError as error:
                raise ScenarioError(
                    f"stage {self.name!r}: {error.what}", remedy=error.remedy
                ) from error
        if self.warmup is None:
            object.__setattr__(self, "warmup", self.name.lower() in WARM_UP_NAMES)
        if self.profile is None:
            low = self.name.lower()
            of_name = MEMORY if low.endswith(MEMORY_SUFFIX) else low.endswith(PROFILE_SUFFIX)
            object.__setattr__(self, "profile", of_name)
        elif self.profile not in (True, False, MEMORY):
            raise ScenarioError(
                f"stage {self.name!r}: profile must be True, False or {MEMORY!r}, "
                f"got {self.profile!r}"
            )

    @property
    def loads(self) -> tuple[Load, ...]:
        """Its loads, one or several."""
        return self.load if isinstance(self.load, tuple) else (self.load,)

    @property
    def measured(self) -> bool:
        """Whether verdicts may rest on this stage."""
        return not (self.warmup or self.profile)

    @property
    def tracks_memory(self) -> bool:
        """Whether memory is tracked in it, instead of stacks sampled."""
        return self.profile == MEMORY

    @property
    def open_loads(self) -> tuple[Open, ...]:
        """Those of the open model."""
        return tuple(load for load in self.loads if not isinstance(load, Users))

    @property
    def closed_loads(self) -> tuple[Users, ...]:
        """Those of the closed model."""
        return tuple(load for load in self.loads if isinstance(load, Users))


def _check_loads(name: str, loads: tuple[Load, ...]) -> None:
    if not loads:
        raise ScenarioError(
            f"stage {name!r} has no load", remedy="Give at least one, for example load=Rate(150)."
        )
    for load in loads:
        if not isinstance(load, Load):
            raise ScenarioError(
                f"stage {name!r}: load must be Rate(...) or Users(...), got {load!r}",
                remedy="Or Steps, Spike, Sine or Replay; or a list of several loads.",
            )
    users = [load.user for load in loads]
    for user in users:
        if users.count(user) > 1:
            of = "of no user class" if user is None else f"of user {user}"
            raise ScenarioError(
                f"stage {name!r} has two loads {of}",
                remedy='Name the class that each is for, for example Rate(100, user="Shopper").',
            )
