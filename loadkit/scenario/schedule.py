"""When arrivals are due: the open model as a pure function of the stages and the seed.

Λ(t) is the number of arrivals up to t, the integral of the rate over the stages so far; stages
without arrivals add nothing. Arrival n (counted from 0) is due where Λ(t) = n + ½. So the arrivals
of a constant rate are evenly spaced with half a gap before the first, and the number due up to t
is Λ(t) rounded half up: never off by more than half an arrival, in whatever way a run is cut into
stages. Poisson arrivals are chance along the same Λ, and recorded ones are what they are; both add
whole numbers. The same stages and the same seed give the same due times.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from loadkit.model import Open, Stage
from loadkit.model.shapes.pieces import exact
from loadkit.scenario.arrivals import Arrivals, arrivals_of

_NS = 1_000_000_000
_BLOCK = 4096


def stage_bounds(stages: Iterable[Stage]) -> list[int]:
    """Where stages begin and the last one ends, ns since the start of the load.

    Returns:
        One number more than there are stages, ascending.
    """
    at = Fraction(0)
    bounds = [0]
    for stage in stages:
        at += exact(stage.duration)
        bounds.append(round(at * _NS))
    return bounds


def stage_at(bounds: list[int], offset_ns: int) -> int:
    """Index of the stage an instant belongs to (ns since the start of the load).

    A stage holds its first instant and not its last; before the start is the first stage, after
    the end the last one.
    """
    return min(max(bisect_right(bounds, offset_ns) - 1, 0), len(bounds) - 2)


def streams(stages: Iterable[Stage]) -> tuple[str | None, ...]:
    """The users that open loads are for, each once, in the order in which they come up.

    None stands for loads that name no user. Each is a stream of arrivals: a Schedule of its own.
    """
    return tuple(dict.fromkeys(load.user for stage in stages for load in stage.open_loads))


class Schedule:
    """The due times of the open loads that are for one user.

    ``user`` is a name from ``streams``; None: of the loads that name no user. ``seed`` is the
    scenario's, for Poisson arrivals.
    """

    def __init__(self, stages: Iterable[Stage], *, user: str | None = None, seed: int = 0) -> None:
        stages = tuple(stages)
        self.bounds = stage_bounds(stages)
        self._parts: list[Arrivals | None] = []
        self._firsts = [0]
        total = Fraction(0)
        for stage in stages:
            load = _open_load(stage, user)
            part = None
            if load is not None:
                key = (seed, stage.name, user or "")
                part = arrivals_of(load, stage.duration, total, key)
                total += part.added
            self._parts.append(part)
            self._firsts.append(self._firsts[-1] + (part.count if part else 0))

    def __len__(self) -> int:
        """How many arrivals there are."""
        return self._firsts[-1]

    @property
    def planned(self) -> list[int]:
        """Arrivals of each stage, in the order of the stages."""
        return [after - first for first, after in zip(self._firsts, self._firsts[1:], strict=False)]

    def stage_of(self, n: int) -> int:
        """Index of the stage that arrival ``n`` belongs to.

        Raises:
            IndexError: there is no such arrival.
        """
        if not 0 <= n < len(self):
            raise IndexError(n)
        return bisect_left(self._firsts, n + 1) - 1

    def due_ns(self, n: int) -> int:
        """When arrival ``n`` is due, ns since the start of the load; within its stage.

        Raises:
            IndexError: there is no such arrival.
        """
        if not 0 <= n < len(self):
            raise IndexError(n)
        return int(self.due_array(n, 1, 1)[0])

    def due_block(self, first: int, step: int, count: int) -> list[int]:
        """When arrivals ``first``, ``first + step`` … are due, at most ``count`` of them.

        Worker k of n asks for those from k on in steps of n. Times are those of ``due_ns``; there
        are fewer than asked for where the schedule ends.

        Raises:
            ValueError: ``first`` or ``count`` is negative, or ``step`` is below 1.
        """
        due: list[int] = self.due_array(first, step, count).tolist()
        return due

    def due_array(self, first: int, step: int, count: int) -> npt.NDArray[np.int64]:
        """``due_block`` as an array."""
        if first < 0 or step < 1 or count < 0:
            raise ValueError(f"no block of arrivals: {first}, {step}, {count}")
        end = min(len(self), first + step * count)
        numbers = np.arange(first, max(first, end), step, dtype=np.int64)
        result = np.empty_like(numbers)
        at = 0
        while at < len(numbers):
            stage = self.stage_of(int(numbers[at]))
            stop = at + int(np.searchsorted(numbers[at:], self._firsts[stage + 1]))
            result[at:stop] = self._stage_dues(stage, numbers[at:stop] - self._firsts[stage])
            at = stop
        return result

    def _stage_dues(self, stage: int, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        part = self._parts[stage]
        assert part is not None
        start, end = self.bounds[stage : stage + 2]
        due = np.rint(part.seconds(numbers) * _NS).astype(np.int64) + start
        return np.clip(due, start, end - 1)

    def __iter__(self) -> Iterator[int]:
        """All due times, ascending, ns since the start of the load."""
        for first in range(0, len(self), _BLOCK):
            yield from self.due_block(first, 1, _BLOCK)

    def due_by(self, offset_ns: int) -> int:
        """How many arrivals are due up to an instant, that instant included."""
        return bisect_right(range(len(self)), offset_ns, key=self.due_ns)


def _open_load(stage: Stage, user: str | None) -> Open | None:
    return next((load for load in stage.open_loads if load.user == user), None)


def closed_users(stage: Stage, share: float, user: str | None = None) -> int:
    """How many users of a closed load run after a share (0 to 1) of the stage; 0 without one."""
    return sum(load.users_at(share) for load in stage.closed_loads if load.user == user)
