"""What a scenario would do, counted: arrivals, rates and users, by stage, class and worker. Pure.

Numbers are those of the schedule that a run follows, so they are exact; only how the arrivals of
a load that names no class fall to the classes is by weight, to the nearest whole number.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from loadkit.load.allot import Kind, serving, shares, split
from loadkit.model import Load, Open, Scenario, Stage, Users
from loadkit.scenario.schedule import Schedule, streams
from loadkit.scenario.words import load_words

_NS = 1_000_000_000
_BLOCK = 1 << 16
_SAMPLES = 8
_LOOKS = 256
K = TypeVar("K", str, int)


@dataclass(frozen=True, slots=True)
class LoadCount:
    """One load of a stage.

    ``arrivals`` is None in the closed model. ``highest`` is a rate a second, or users. ``pool``
    is how many users it may have at work at once. ``by_class`` are arrivals, or users.
    ``words`` say what it is, without the user it is for.
    """

    load: Load
    words: str
    arrivals: int | None
    highest: float
    pool: int
    by_class: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StageCount:
    """A stage. ``highest_rate`` is of all its open loads together, None without any.

    ``curves`` are those of the open loads, by their place in the stage.
    """

    stage: Stage
    start_s: float
    loads: tuple[LoadCount, ...]
    arrivals: int
    highest_rate: float | None
    users: int
    curves: Mapping[int, Curve]


@dataclass(frozen=True, slots=True)
class WorkerCount:
    """The share of worker ``number``, counted from 1."""

    number: int
    arrivals: int
    users: int


@dataclass(frozen=True, slots=True)
class Second:
    """A second of the load: arrivals due in it, planned rate and closed users in its middle."""

    second: int
    arrivals: int
    rate: float
    users: int


class Outlook:
    """A scenario and the user classes of its file, counted.

    Args:
        scenario: what is to happen.
        classes: user classes of the file.
        workers: how many processes share the load.
    """

    def __init__(self, scenario: Scenario, classes: Sequence[Kind], *, workers: int = 1) -> None:
        self.scenario = scenario
        self.classes = tuple(classes)
        self.duration_s = float(scenario.duration)
        self._schedules = {
            user: Schedule(scenario.stages, user=user, seed=scenario.seed)
            for user in streams(scenario.stages)
        }
        self.arrivals = sum(len(schedule) for schedule in self._schedules.values())
        starts = scenario.starts()
        self.stages = tuple(
            self._stage(index, stage, starts[stage.name])
            for index, stage in enumerate(scenario.stages)
        )
        self._starts = [stage.start_s for stage in self.stages]
        rates = [s.highest_rate for s in self.stages if s.highest_rate is not None]
        self.highest_rate = max(rates) if rates else None
        self.users = max(stage.users for stage in self.stages)
        self.workers = tuple(self._worker(k, workers) for k in range(workers))

    # -- stages and loads ---------------------------------------------------------------------

    def _stage(self, index: int, stage: Stage, start_s: float) -> StageCount:
        arrivals = self._arrivals(index, stage)
        curves = {
            place: Curve(load, stage.duration)
            for place, load in enumerate(stage.loads)
            if not isinstance(load, Users)
        }
        loads = tuple(
            LoadCount(
                load=load,
                words=load_words(load, stage.duration).removeprefix(f"{load.user} "),
                arrivals=arrivals.get(place),
                highest=float(load.peak if isinstance(load, Users) else load.highest),
                pool=load.pool,
                by_class=self._by_class(stage, load, arrivals.get(place, load.pool)),
            )
            for place, load in enumerate(stage.loads)
        )
        return StageCount(
            stage=stage,
            start_s=start_s,
            loads=loads,
            arrivals=sum(arrivals.values()),
            highest_rate=_highest_rate(stage, curves),
            users=sum(load.pool for load in stage.loads),
            curves=curves,
        )

    def _arrivals(self, index: int, stage: Stage) -> dict[int, int]:
        """Place of each open load in the stage → its arrivals; a stream has one there at most."""
        return {
            place: self._schedules[load.user].planned[index]
            for place, load in enumerate(stage.loads)
            if load.open
        }

    def _by_class(self, stage: Stage, load: Load, number: int) -> dict[str, int]:
        if load.user is not None:
            return {load.user: number}
        # As the load itself allots its users, so that both agree.
        return shared(number, shares(load.pool, serving(stage, load, self.classes)))

    @property
    def arrivals_by_class(self) -> dict[str, int]:
        """Arrivals of each class of users over all stages."""
        total = {cls.name: 0 for cls in self.classes}
        for stage in self.stages:
            for load in stage.loads:
                if load.arrivals is not None:
                    for name, number in load.by_class.items():
                        total[name] = total.get(name, 0) + number
        return total

    # -- workers ------------------------------------------------------------------------------

    def _worker(self, k: int, workers: int) -> WorkerCount:
        """Worker k takes every n-th arrival of each stream, and its share of the users."""
        arrivals = sum(
            len(range(k, len(schedule), workers)) for schedule in self._schedules.values()
        )
        users = max(
            sum(split(load.pool, k, workers) for load in stage.loads)
            for stage in self.scenario.stages
        )
        return WorkerCount(k + 1, arrivals, users)

    # -- over time ----------------------------------------------------------------------------

    def seconds(self) -> Iterator[Second]:
        """Every second of the load; the arrivals add up to all of them."""
        number = math.ceil(self.duration_s)
        arrivals = np.zeros(number, dtype=np.int64)
        for schedule in self._schedules.values():
            for first in range(0, len(schedule), _BLOCK):
                due = schedule.due_array(first, 1, _BLOCK) // _NS
                arrivals += np.bincount(due, minlength=number)
        for second, due_then in enumerate(arrivals.tolist()):
            count, at = self._at(min(second + 0.5, (second + self.duration_s) / 2))
            yield Second(
                second=second,
                arrivals=due_then,
                rate=sum(curve.rate_at(at) for curve in count.curves.values()),
                users=users_at(count.stage, at),
            )

    def _at(self, seconds: float) -> tuple[StageCount, float]:
        """The stage at an instant, and seconds into it."""
        count = self.stages[max(0, bisect_right(self._starts, seconds) - 1)]
        return count, seconds - count.start_s


class Curve:
    """The rate of an open load over its stage, with its formula worked out once."""

    def __init__(self, load: Open, duration: float) -> None:
        self._load = load
        self._duration = duration
        self._pieces = load.pieces(duration)
        self.corners = tuple(float(piece.start) for piece in self._pieces)

    def rate_at(self, seconds: float) -> float:
        """Arrivals a second, so many seconds into the stage."""
        if not self._pieces:  # recorded ones have no formula
            return self._load.rate_at(seconds, self._duration)
        n = max(0, bisect_right(self.corners, seconds) - 1)
        return max(0.0, self._pieces[n].rate_at(seconds - self.corners[n]))

    def highest(self, low: float, high: float) -> float:
        """The highest rate from one second of the stage to another, the latter left out.

        Straight pieces are exact; waves and recordings are looked at in several places.
        """
        places = {low + (high - low) * n / _SAMPLES for n in range(_SAMPLES)}
        before = bisect_left(self.corners, low)
        after = bisect_left(self.corners, high)
        for corner in self.corners[before:after]:
            places |= {corner, max(low, math.nextafter(corner, 0.0))}
        places.add(math.nextafter(high, 0.0))
        return max(self.rate_at(place) for place in places)


def users_at(stage: Stage, seconds: float) -> int:
    """Users of all closed loads of a stage, so many seconds into it."""
    share = seconds / stage.duration
    return sum(load.users_at(share) for load in stage.closed_loads)


def _highest_rate(stage: Stage, curves: Mapping[int, Curve]) -> float | None:
    """The highest rate of all open loads of a stage together; None without any."""
    if len(curves) < 2:
        return float(stage.open_loads[0].highest) if curves else None
    places = {stage.duration * n / _LOOKS for n in range(_LOOKS)}
    for curve in curves.values():
        for corner in (*curve.corners, stage.duration):
            places |= {corner, max(0.0, math.nextafter(corner, 0.0))}
    places.discard(stage.duration)
    return max(sum(curve.rate_at(place) for curve in curves.values()) for place in places)


def shared(number: int, parts: Mapping[K, float]) -> dict[K, int]:
    """A whole number split in proportion, by largest remainder: the parts add up to it."""
    total = sum(parts.values())
    if not parts:
        return {}
    if total <= 0:
        parts, total = dict.fromkeys(parts, 1.0), float(len(parts))
    exact = {key: number * part / total for key, part in parts.items()}
    found = {key: math.floor(value) for key, value in exact.items()}
    left = number - sum(found.values())
    for key in sorted(exact, key=lambda key: found[key] - exact[key])[:left]:
        found[key] += 1
    return found
