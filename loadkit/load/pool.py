"""The users of a run, held at a gate until an arrival or a closed stage lets them through.

A seat is one of Locust's users seen from here. It is parked (free), or busy with an arrival (open
model), or admitted to loop with its own think time (closed model). Free seats are taken last in,
first out, so that few connections stay hot. An arrival belongs to a class of users by weight; it
waits for a user of its class, first come first served, if none is free or the stage's limit is
reached.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import gevent
from gevent.event import Event
from gevent.hub import Waiter
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from loadkit.load.mix import Mix
from loadkit.load.recorder import Recorder

KEY = "_loadkit_seat"
_ADMITTED = -1  # in place of an arrival's due time


class Seat:
    """One user. ``due_ns`` is when its next request is due; None: when it is sent."""

    __slots__ = (
        "admitted",
        "arrival",
        "begun",
        "due_ns",
        "executing",
        "parked",
        "pool",
        "retired",
        "user",
        "waiter",
    )

    def __init__(self, pool: Pool, user: Any) -> None:
        self.pool = pool
        self.user = user
        self.waiter: Waiter | None = None
        self.arrival: int | None = None  # due time of the arrival under way, or _ADMITTED
        self.due_ns: int | None = None
        self.begun = False  # whether the arrival counts as started
        self.executing = False  # whether the user is within a task
        self.admitted = False
        self.parked = False
        self.retired: Event = Event()

    @property
    def open(self) -> bool:
        """Whether it serves an arrival now."""
        return self.arrival is not None and self.arrival != _ADMITTED

    def enter(self) -> None:
        """Returns when the user may begin an iteration; waits at the gate until then."""
        if self.admitted and self.retired.is_set():
            self.admitted = False
            self.arrival = None
            self.pool.rested(self)
        if self.arrival is None:
            self._park()
        if self.open and not self.begun:
            assert self.arrival is not None
            self.begun = True
            self.pool.recorder.started(self.arrival, time.monotonic_ns())
            self.due_ns = self.arrival

    def leave(self) -> None:
        """An iteration is over."""
        if self.open:
            self.arrival = None
            self.due_ns = None
            self.begun = False
            self.pool.freed()

    def _park(self) -> None:
        user = self.user
        state = user._state
        if state == LOCUST_STATE_STOPPING:
            raise StopUser
        # So that Locust may stop a user who waits at the gate.
        user._state = LOCUST_STATE_WAITING
        self.waiter = Waiter()
        self.pool.park(self)
        try:
            self.arrival = self.waiter.get()
        finally:
            self.waiter = None
            self.pool.forget(self)
        user._state = LOCUST_STATE_RUNNING

    def retire(self) -> None:
        """Ends its time in a closed stage: it parks after the iteration it is in."""
        self.retired.set()

    def pause(self, seconds: float) -> None:
        """Think time in a closed stage, cut short when the user is retired."""
        if seconds > 0:
            self.retired.wait(seconds)
        else:
            gevent.sleep(0)  # others have their turn in any case


class Pool:
    """All seats, and who waits for one."""

    def __init__(self, recorder: Recorder, limit: int) -> None:
        self.recorder = recorder
        self.limit = limit
        self.seats: set[Seat] = set()
        self._free: dict[type, list[Seat]] = {}
        self._waiting: dict[type, deque[tuple[int, int]]] = {}
        self._mix: Mix[type] | None = None
        self._order: Mix[type] | None = None
        self._count = 0
        self._number = 0
        self.busy = 0
        self._closed: list[Seat] = []
        self._wanted = 0
        self._run = gevent.get_hub().loop.run_callback

    # -- coming and going ----------------------------------------------------------------------

    def join(self, user: Any) -> Seat:
        """A user arrives at the gate for the first time."""
        seat = Seat(self, user)
        self.seats.add(seat)
        return seat

    def quit(self, seat: Seat) -> None:
        """A user is gone, in whatever way."""
        self.seats.discard(seat)
        if seat.open:
            self.busy -= 1
            if not seat.begun:  # killed between being chosen and running
                assert seat.arrival is not None
                self.recorder.never_started(seat.arrival, time.monotonic_ns())
        self.rested(seat)

    def park(self, seat: Seat) -> None:
        """The seat is at the gate."""
        seat.parked = True
        self._free.setdefault(type(seat.user), []).append(seat)
        self._serve()

    def forget(self, seat: Seat) -> None:
        """The seat left the gate, let through or killed."""
        if seat.parked:
            seat.parked = False
            self._free[type(seat.user)].remove(seat)

    def freed(self) -> None:
        """A seat has finished an arrival; it will park in a moment."""
        self.busy -= 1

    def rested(self, seat: Seat) -> None:
        """The seat is in no closed stage any more."""
        if seat in self._closed:
            self._closed.remove(seat)

    @property
    def parked(self) -> int:
        """Users at the gate."""
        return sum(len(free) for free in self._free.values())

    @property
    def waiting(self) -> int:
        """Arrivals that wait for a user."""
        return sum(len(queue) for queue in self._waiting.values())

    @property
    def active(self) -> int:
        """Users at work: with an arrival or admitted."""
        return self.busy + len(self._closed)

    def ready(self, weights: Callable[[Mapping[type, int]], Mapping[type, float]]) -> None:
        """All users are at the gate: from now on arrivals are dealt out by these weights."""
        counts = {cls: len(free) for cls, free in self._free.items() if free}
        self._mix = Mix(weights(counts))
        self._order = Mix(counts)
        self._waiting = {cls: deque() for cls in counts}

    # -- open model ------------------------------------------------------------------------------

    def arrive(self, due_ns: int) -> None:
        """An arrival is due: to a free user, or into the queue."""
        assert self._mix is not None
        cls = self._mix.next()
        free = self._free.get(cls)
        queue = self._waiting[cls]
        if free and not queue and self.busy < self.limit:
            self.recorder.planned(due_ns, late=False)
            self._assign(free.pop(), due_ns)
        else:
            self.recorder.planned(due_ns, late=True)
            self._number += 1
            queue.append((self._number, due_ns))

    def _assign(self, seat: Seat, due_ns: int) -> None:
        assert seat.waiter is not None
        self.busy += 1
        seat.parked = False
        seat.arrival = due_ns
        self._run(seat.waiter.switch, due_ns)

    def _serve(self) -> None:
        """Gives users to the arrivals that have waited longest, and to a closed stage."""
        while self.busy < self.limit:
            oldest = None
            for cls, queue in self._waiting.items():
                if queue and self._free.get(cls) and (oldest is None or queue[0] < oldest[0]):
                    oldest = (queue[0], cls)
            if oldest is None:
                break
            (_, due_ns), cls = oldest
            self._waiting[cls].popleft()
            self._assign(self._free[cls].pop(), due_ns)
        if self._wanted > len(self._closed):
            self.admit(self._wanted)

    def set_limit(self, limit: int) -> None:
        """How many arrivals may be under way at once, from now on."""
        self.limit = limit
        self._serve()

    def give_up(self, now_ns: int) -> int:
        """Arrivals that still wait will never be started; returns how many."""
        count = 0
        for queue in self._waiting.values():
            for _, due_ns in queue:
                self.recorder.never_started(due_ns, now_ns)
                count += 1
            queue.clear()
        return count

    # -- closed model ----------------------------------------------------------------------------

    def admit(self, wanted: int) -> None:
        """Lets so many users loop freely; those beyond stop after their iteration."""
        self._wanted = wanted
        while len(self._closed) > wanted:
            self._closed.pop().retire()
        skipped = 0
        while len(self._closed) < wanted and self._order is not None and self.parked:
            free = self._free.get(self._order.next())
            if not free:
                skipped += 1
                if skipped > len(self.seats):
                    break
                continue
            seat = free.pop()
            assert seat.waiter is not None
            seat.admitted = True
            seat.parked = False
            seat.arrival = _ADMITTED
            seat.retired.clear()
            self._closed.append(seat)
            self._run(seat.waiter.switch, _ADMITTED)
