"""Arrivals as they were recorded."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, Literal

from loadkit.errors import ScenarioError
from loadkit.model.checks import is_number
from loadkit.model.shapes.open_load import OpenLoad, check_common
from loadkit.model.shapes.pieces import Piece, exact
from loadkit.model.shapes.recording import read_times


@dataclass(frozen=True, slots=True, init=False)
class Replay(OpenLoad):
    """Open model: an arrival at each of these times, in seconds since the beginning of the stage.

    ``speed`` 2 plays the recording twice as fast. What lies at or beyond the end of the stage is
    not played. The other arguments are those of Rate, except that there is no ``arrivals``.

    Raises:
        ScenarioError: there are no times, one is negative or not finite, they do not ascend, or
            the speed is not positive.
    """

    kind: ClassVar[str] = "replay"
    arrivals: ClassVar[str] = "even"  # type: ignore[misc]

    times: tuple[float, ...]
    speed: float
    max_users: int | None
    user: str | None

    def __init__(
        self,
        times: Iterable[float],
        *,
        speed: float = 1.0,
        max_users: int | None = None,
        user: str | None = None,
    ) -> None:
        if isinstance(times, str | bytes) or not isinstance(times, Iterable):
            raise ScenarioError(
                f"a replay needs a list of times, got {times!r}",
                remedy='Give seconds, or Replay.from_file("arrivals.txt").',
            )
        object.__setattr__(self, "times", tuple(times))
        object.__setattr__(self, "speed", speed)
        object.__setattr__(self, "max_users", max_users)
        object.__setattr__(self, "user", user)
        _check_times(self.times)
        if not (is_number(speed) and speed > 0):
            raise ScenarioError(
                f"the speed of a replay must be positive, got {speed!r}",
                remedy="2 is twice as fast as it was recorded.",
            )
        check_common(self)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        column: str | int = 0,
        origin: float | Literal["first"] = 0,
        sort: bool = False,
        speed: float = 1.0,
        max_users: int | None = None,
        user: str | None = None,
    ) -> Replay:
        """The times in a text or CSV file, one a line, read at once.

        A relative path starts at the folder of the scenario file that calls this. ``column`` is
        the number (from 0) or the heading of the column that holds the times. ``origin`` is the
        time in the file at which the stage begins, or ``"first"`` for the first one. Blank lines,
        lines that begin with ``#`` and one heading are left out.

        Raises:
            ScenarioError: the file cannot be read, a line holds no time, there is none, or they
                do not ascend and ``sort`` is not set; with file and line.
        """
        caller = sys._getframe(1).f_globals.get("__file__")
        file = (Path(caller).parent if caller else Path()) / path
        times = read_times(file, column, origin, sort)
        return cls(times, speed=speed, max_users=max_users, user=user)

    @property
    def span(self) -> float:
        """Seconds from the beginning of the stage to the last arrival, as it is played."""
        return float(exact(self.times[-1]) / exact(self.speed))

    @property
    def highest(self) -> float:
        """The most arrivals from one on for a second, as it is played."""
        window, first, most = float(self.speed), 0, 1
        for last, time in enumerate(self.times):
            while time - self.times[first] >= window:
                first += 1
            most = max(most, last - first + 1)
        return float(most)

    def pieces(self, duration: float) -> tuple[Piece, ...]:
        """None: a recording has no formula."""
        return ()

    def rate_at(self, seconds: float, duration: float) -> float:
        """Arrivals in the whole second of the stage that holds this instant."""
        if not 0 <= seconds <= duration:
            return 0.0
        second = int(seconds)
        return self.count_by(second + 1.0, duration) - self.count_by(float(second), duration)

    def count_by(self, seconds: float, duration: float) -> float:
        """How many are due before so many seconds of the stage have passed."""
        played = exact(min(max(seconds, 0.0), duration)) * exact(self.speed)
        return float(bisect_left(self.times, played, key=exact))

    def count(self, duration: float) -> Fraction:
        """How many lie within the stage."""
        return Fraction(self.count_by(duration, duration))


def _check_times(times: tuple[float, ...]) -> None:
    if not times:
        raise ScenarioError("a replay needs at least one time")
    before = 0.0
    for number, time in enumerate(times):
        if not (is_number(time) and time >= 0):
            raise ScenarioError(
                f"times of a replay must be seconds of at least 0, got {time!r} as number {number}"
            )
        if time < before:
            raise ScenarioError(
                f"times of a replay must ascend: number {number} is {time!r} after {before!r}",
                remedy="Give sorted(times).",
            )
        before = time
