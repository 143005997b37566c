"""An alarm clock for the event loop, exact to the kernel's timers.

``gevent.sleep`` rounds to the milliseconds of epoll. A timerfd watched by the loop does not; where
there is none (outside Linux) the loop's own timer serves.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import time
from collections.abc import Callable
from typing import Any, Protocol

import gevent

_CLOCK_MONOTONIC = 1
_NONBLOCK, _CLOEXEC, _ABSOLUTE = 0o4000, 0o2000000, 1
_READ = 1
_NS = 1_000_000_000


class Alarm(Protocol):
    """Calls back, in the loop, when the instant that was set has come."""

    def set(self, at_ns: int) -> None:
        """Rings once at an instant (CLOCK_MONOTONIC, ns); at once if it is past."""

    def close(self) -> None:
        """Rings no more."""


_timerspec = struct.Struct("@4l").pack  # interval and value, each in s and ns


class TimerfdAlarm:
    """By timerfd.

    Raises:
        OSError: the system has none.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        libc = ctypes.CDLL(None, use_errno=True)
        try:
            self._settime = libc.timerfd_settime
            self._fd = libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK | _CLOEXEC)
        except AttributeError as error:
            raise OSError("no timerfd") from error
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        self._watcher = gevent.get_hub().loop.io(self._fd, _READ)
        self._watcher.start(self._on_ready)

    def set(self, at_ns: int) -> None:
        """As Alarm."""
        # All zero would disarm it.
        at = max(at_ns, 1)
        if self._settime(self._fd, _ABSOLUTE, _timerspec(0, 0, at // _NS, at % _NS), None) != 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime failed")

    def _on_ready(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 8)
        self._ring()

    def close(self) -> None:
        """As Alarm."""
        if self._fd >= 0:
            self._watcher.stop()
            self._watcher.close()
            os.close(self._fd)
            self._fd = -1


class LoopAlarm:
    """By the loop's own timer, to its own resolution."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._timer: Any = None

    def set(self, at_ns: int) -> None:
        """As Alarm."""
        self.close()
        loop = gevent.get_hub().loop
        # The loop's clock stands still during an iteration.
        loop.update_now()
        self._timer = loop.timer(max(0.0, (at_ns - time.monotonic_ns()) / _NS))
        self._timer.start(self._ring)

    def close(self) -> None:
        """As Alarm."""
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None


def make_alarm(ring: Callable[[], None]) -> Alarm:
    """The best alarm there is here."""
    try:
        return TimerfdAlarm(ring)
    except OSError:
        return LoopAlarm(ring)
