"""Deals the arrivals of one stream out, each when it is due."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

from loadkit.load.alarm import Alarm, make_alarm
from loadkit.scenario.schedule import Schedule

_BLOCK = 512  # due times worked out at once, in well below a millisecond
# A process that sleeps and is woken for each arrival spends more on that than on the arrival. At
# more than 5,000 a second those of 0.2 ms go out together.
_GRAIN_NS = 200_000


class Dealer:
    """This worker's arrivals of a schedule.

    ``deal(stage, turn, due_ns)`` is called in the event loop for each arrival: the index of its
    stage, its number within that stage among those of all workers, and when it was due.
    """

    def __init__(
        self,
        schedule: Schedule,
        deal: Callable[[int, int, int], None],
        worker: int = 0,
        workers: int = 1,
    ) -> None:
        self._schedule = schedule
        self._deal = deal
        self._step = workers
        self._number = worker  # of the next arrival to be fetched
        self._firsts = [0, *accumulate(schedule.planned)]
        self._block: list[int] = []
        self._at = 0
        self._t0 = 0
        self._rang = 0
        self._alarm: Alarm | None = None

    def start(self, t0_ns: int) -> None:
        """Begins to deal; ``t0_ns`` is the start of the load (CLOCK_MONOTONIC)."""
        self._t0 = t0_ns
        self._alarm = make_alarm(self.catch_up)
        self.catch_up()

    def catch_up(self) -> None:
        """Deals every arrival that is due by now, and sets the alarm for the next."""
        if self._alarm is None:
            return
        self._rang = now = time.monotonic_ns() - self._t0
        while True:
            if self._at >= len(self._block) and not self._fetch():
                return
            due = self._block[self._at]
            if due > now:
                now = time.monotonic_ns() - self._t0
                if due > now:
                    self._alarm.set(self._t0 + max(due, self._rang + _GRAIN_NS))
                    return
            number = self._number - (len(self._block) - self._at) * self._step
            self._at += 1
            stage = bisect_right(self._firsts, number) - 1
            self._deal(stage, number - self._firsts[stage], self._t0 + due)

    def _fetch(self) -> bool:
        self._block = self._schedule.due_block(self._number, self._step, _BLOCK)
        self._number += self._step * len(self._block)
        self._at = 0
        return bool(self._block)

    def close(self) -> None:
        """Deals no more."""
        if self._alarm is not None:
            self._alarm.close()
            self._alarm = None
