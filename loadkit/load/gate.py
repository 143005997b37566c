"""Where Locust's users are held: before they begin, and between iterations.

An iteration is one task of the user; a nested TaskSet, until it interrupts itself, is one. The
gate stands before each, so it holds in whatever way the one before ended. ``on_start`` runs when a
user is let through for the first time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent import getcurrent
from locust.exception import StopUser
from locust.user.task import DefaultTaskSet
from locust.user.users import User

from loadkit.load.iterate import iterate
from loadkit.load.patching import wrap
from loadkit.load.pool import Pool
from loadkit.load.seat import KEY, seat_of

__all__ = ["install", "mark_sleeps", "seat_of"]


def install(pool: Pool, gone: Callable[[Any], None]) -> None:
    """Gates every user that starts from now on; ``gone`` hears of users that have ended."""
    _gate_users(pool, gone)
    _gate_tasks()


def _gate_users(pool: Pool, gone: Callable[[Any], None]) -> None:
    def make(original: Any) -> Any:
        def run(self: Any) -> None:
            seat = pool.join(self)
            self.__dict__[KEY] = seat
            served = False
            try:
                seat.enter()
                original(self)
            except StopUser:
                return  # told to stop while at the gate
            finally:
                served = seat.begun
                pool.quit(seat)
                if served and not seat.spent:
                    gone(self)

        return run

    wrap(User, "run", make)


def _gate_tasks() -> None:
    def make(original: Any) -> Any:
        def run(self: Any) -> None:
            seat = seat_of(self._user)
            if seat is None:
                original(self)
            else:
                iterate(self, seat)

        return run

    wrap(DefaultTaskSet, "run", make)


def mark_sleeps() -> None:
    """After a sleep within an iteration the next request is due when the sleep was to end."""
    original = gevent.sleep

    def sleep(seconds: float = 0, ref: bool = True) -> None:
        began = time.monotonic_ns()
        original(seconds, ref)
        args = getattr(getcurrent(), "args", None)
        seat = seat_of(args[0]) if args and isinstance(args[0], User) else None
        if seat is not None and seat.begun and seat.due_ns is not None:
            seat.due_ns = max(seat.due_ns, began + round(seconds * 1e9))

    for owner in (gevent, gevent.hub, time):
        wrap(owner, "sleep", lambda _: sleep)
