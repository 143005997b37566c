"""One of Locust's users seen from the pool: parked, or serving an arrival, or looping freely."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event
from gevent.hub import Waiter
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

if TYPE_CHECKING:
    from loadkit.load.pool import Pool, Stream

KEY = "_loadkit_seat"
_NS = 1_000_000_000
_TRUSTED = 16  # a request that fails before it waits must not keep everybody else waiting

_sleep = gevent.sleep  # as it is before the gate watches it for think time


def seat_of(user: Any) -> Seat | None:
    """The seat of a user; None where users are not gated."""
    return user.__dict__.get(KEY) if user is not None else None


class Seat:
    """One user. ``due_ns`` is when its next request is due; None: when it is sent.

    ``held`` says that it must pass the gate before its next iteration, ``yielded`` that others
    had their turn since the iteration began.
    """

    __slots__ = (
        "admitted",
        "arrival",
        "begun",
        "due_ns",
        "held",
        "name",
        "paced_ns",
        "pacing_ns",
        "parked",
        "pool",
        "retired",
        "spent",
        "stream",
        "turns",
        "user",
        "waiter",
        "yielded",
    )

    def __init__(self, pool: Pool, user: Any) -> None:
        self.pool = pool
        self.user = user
        self.name = type(user).__name__
        self.waiter: Waiter | None = None
        self.stream: Stream | None = None
        self.arrival: int | None = None  # due time of the arrival under way
        self.due_ns: int | None = None
        self.begun = False  # whether the arrival counts as started
        self.admitted = False  # to a closed load
        self.held = True
        self.parked = False
        self.yielded = False
        self.turns = 0  # iterations in which others were said to have had theirs
        self.pacing_ns = 0
        self.paced_ns = 0  # when its next iteration is due, with pacing
        self.spent = False  # a feeder had no row for it: nobody takes its place
        self.retired: Event = Event()

    @property
    def open(self) -> bool:
        """Whether it serves an arrival now."""
        return self.arrival is not None

    def enter(self) -> None:
        """Returns when the user may begin an iteration; waits at the gate until then."""
        if self.admitted and self.retired.is_set():
            self.admitted = False
        if not self.admitted and self.arrival is None:
            self._park()
        if self.arrival is not None and not self.begun:
            self.begun = True
            self.pool.recorder.started(self.arrival, time.monotonic_ns())
            self.due_ns = self.arrival
        self.held = not self.admitted

    def leave(self) -> None:
        """The iteration of an arrival is over."""
        if self.arrival is not None:
            self.arrival = None
            self.due_ns = None
            self.begun = False
            self.pool.freed(self)

    def _park(self) -> None:
        user = self.user
        if user._state == LOCUST_STATE_STOPPING:
            raise StopUser
        # So that Locust may stop a user who waits at the gate.
        user._state = LOCUST_STATE_WAITING
        self.waiter = Waiter()
        self.pool.park(self)
        try:
            self.waiter.get()
        finally:
            self.waiter = None
            self.pool.forget(self)
        user._state = LOCUST_STATE_RUNNING

    def admit(self, pacing_ns: int) -> None:
        """Lets it loop freely from now on."""
        self.admitted = True
        self.pacing_ns = pacing_ns
        self.paced_ns = 0
        self.retired.clear()

    def retire(self) -> None:
        """Ends its time in a closed load: it parks after the iteration it is in."""
        self.held = True
        self.retired.set()

    def rest(self, seconds: float, began_ns: int) -> None:
        """Think time, and pacing since the iteration began; cut short when it is retired."""
        if self.pacing_ns:
            self.paced_ns = began_ns + self.pacing_ns
            seconds = max(seconds, (self.paced_ns - time.monotonic_ns()) / _NS)
        if seconds > 0:
            user = self.user
            if user._state == LOCUST_STATE_STOPPING:
                raise StopUser
            user._state = LOCUST_STATE_WAITING
            self.retired.wait(seconds)
            if user._state == LOCUST_STATE_STOPPING:
                raise StopUser
            user._state = LOCUST_STATE_RUNNING
        elif self.yielded and (turns := self.turns + 1) < _TRUSTED:
            self.yielded = False
            self.turns = turns
        else:
            self.yielded = False
            self.turns = 0
            _sleep(0)  # others have their turn in any case
