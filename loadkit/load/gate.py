"""Where Locust's users are held: before they begin, and between iterations.

An iteration is one task of the user. The gate stands before each, so it holds in whatever way the
one before ended. ``on_start`` runs when a user is let through for the first time. A nested TaskSet
that never calls ``interrupt()`` would keep its user for ever, so there each task, or each pass of
a sequence, is an iteration by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent import GreenletExit, getcurrent
from locust.exception import StopTest, StopUser
from locust.user.sequential_taskset import SequentialTaskSet
from locust.user.task import (
    LOCUST_STATE_RUNNING,
    LOCUST_STATE_STOPPING,
    LOCUST_STATE_WAITING,
    DefaultTaskSet,
    TaskSet,
)
from locust.user.users import User

from loadkit.load.patching import wrap
from loadkit.load.pool import KEY, Pool, Seat

_STEPS = "_loadkit_steps"
_LEAVES = frozenset({"interrupt", "InterruptTaskSet", "StopUser", "RescheduleTask"})


def seat_of(user: Any) -> Seat | None:
    """The seat of a user; None where users are not gated."""
    return user.__dict__.get(KEY) if user is not None else None


def install(pool: Pool, gone: Callable[[Any], None]) -> None:
    """Gates every user that starts from now on; ``gone`` hears of users that have ended."""
    _gate_users(pool, gone)
    _gate_tasks()
    _gate_waits()


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
                if served:
                    gone(self)

        return run

    wrap(User, "run", make)


def _gate_tasks() -> None:
    def make(original: Any) -> Any:
        def execute_next_task(self: Any) -> None:
            seat = seat_of(self._user)
            if seat is None:
                original(self)
                return
            seat.enter()
            seat.executing = True
            try:
                original(self)
            except (GreenletExit, StopUser, StopTest):
                raise  # the end of the user, who gives up the seat as it is
            except BaseException:
                seat.leave()
                raise
            finally:
                seat.executing = False
            seat.leave()

        return execute_next_task

    wrap(DefaultTaskSet, "execute_next_task", make)


def _gate_waits() -> None:
    def make(original: Any) -> Any:
        def wait(self: Any) -> None:
            seat = seat_of(self._user)
            if seat is None:
                original(self)
            elif seat.admitted:
                _think(self, seat)
            elif self is self._user._taskset_instance:
                if seat.executing:  # the user's own wait() within a task
                    original(self)
                else:
                    seat.leave()  # still in it when no task could be chosen
                    seat.enter()
            elif never_returns(type(self)) and _pass_is_over(self):
                seat.leave()
                seat.enter()
            else:
                original(self)

        return wait

    wrap(TaskSet, "wait", make)


def _think(taskset: Any, seat: Seat) -> None:
    """Locust's wait, but one that ends when the stage does."""
    user = taskset._user
    if user._state == LOCUST_STATE_STOPPING:
        raise StopUser
    user._state = LOCUST_STATE_WAITING
    seat.pause(taskset.wait_time())
    if user._state == LOCUST_STATE_STOPPING:
        raise StopUser
    user._state = LOCUST_STATE_RUNNING
    if taskset is not user._taskset_instance:
        seat.enter()


def _pass_is_over(taskset: Any) -> bool:
    if not isinstance(taskset, SequentialTaskSet):
        return True
    steps = taskset.__dict__.get(_STEPS, 0) + 1
    taskset.__dict__[_STEPS] = steps
    return bool(steps % max(1, len(taskset.tasks)) == 0)


_known: dict[type, bool] = {}


def never_returns(cls: type) -> bool:
    """Whether nothing in a TaskSet's own tasks hands control back.

    Judged by the names that its functions use, its ``on_start`` and its bases' included: a set
    that might return counts as one that does.
    """
    if cls not in _known:
        functions = [
            value
            for base in cls.__mro__
            if base.__module__.partition(".")[0] != "locust"
            for value in vars(base).values()
            if hasattr(value, "__code__")
        ]
        tasks = [task for task in getattr(cls, "tasks", []) if hasattr(task, "__code__")]
        _known[cls] = not any(_leaves(f.__code__) for f in [*functions, *tasks])
    return _known[cls]


def _leaves(code: Any) -> bool:
    if _LEAVES.intersection(code.co_names):
        return True
    return any(_leaves(const) for const in code.co_consts if hasattr(const, "co_names"))


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
