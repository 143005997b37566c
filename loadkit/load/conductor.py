"""What the ways of running need of the engine, and how they wait."""

from __future__ import annotations

import time
from typing import Any, Protocol

import gevent

from loadkit.load.plan import Plan
from loadkit.load.recorder import Recorder
from loadkit.load.sessions import Sessions

_NS = 1_000_000_000


class Conductor(Protocol):
    """The engine as a mode sees it."""

    plan: Plan
    recorder: Recorder
    sessions: Sessions
    environment: Any
    begun: bool
    reason: str | None
    message: str | None

    def start_at(self, users: int) -> int:
        """Time zero of a load whose users are ready (CLOCK_MONOTONIC, ns); may wait for others."""

    def begin(self, t0_ns: int, users: int) -> None:
        """The load begins."""

    def stage(self, name: str, mono_ns: int) -> None:
        """A stage begins."""

    def quit(self) -> None:
        """Ends the load in an orderly way."""


def wait(seconds: float) -> None:
    """Not gevent.sleep, which the gate watches for think time."""
    hub = gevent.get_hub()
    hub.wait(hub.loop.timer(seconds))


def wait_until(mono_ns: int) -> None:
    """Returns when an instant has come (CLOCK_MONOTONIC, ns)."""
    while (left := mono_ns - time.monotonic_ns()) > 0:
        wait(left / _NS)
