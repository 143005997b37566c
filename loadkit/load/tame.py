"""Locust's master, kept to what we want of it: hand the users out, once, and end once."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import gevent
import locust.main
import locust.runners
from gevent import getcurrent
from gevent.event import Event
from locust.runners import MasterRunner

from loadkit.load.patching import wrap

_NEVER = -(1 << 60)
_LOOK_S = 0.05


def tame(*, staged: bool) -> None:
    """Changes Locust's master for good; ``staged`` when a scenario is the load."""
    # Else it forgets a missing worker after a minute and hands its users to the others.
    wrap(locust.runners, "HEARTBEAT_DEAD_INTERNAL", lambda _: _NEVER)
    wrap(MasterRunner, "start", _start_once)
    wrap(MasterRunner, "stop", _stop_once)
    wrap(MasterRunner, "quit", _quit_once)
    # It looks for workers once a second otherwise.
    quick = {**vars(time), "sleep": lambda seconds: gevent.sleep(min(seconds, _LOOK_S))}
    wrap(locust.main, "time", lambda _: SimpleNamespace(**quick))
    if staged:
        wrap(locust.main, "create_environment", _without_shape)


def _start_once(original: Any) -> Any:
    """Users are handed out once, or as a LoadTestShape says; never anew when a worker is gone."""
    started: list[bool] = []

    def start(self: Any, *args: Any, **kwargs: Any) -> None:
        if started and getcurrent() is not self.shape_greenlet:
            return
        started.append(True)
        original(self, *args, **kwargs)

    return start


def _stop_once(original: Any) -> Any:
    """While the first stop waits for the workers, the last one's leave-taking would be another."""
    stopped: list[Event] = []

    def stop(self: Any, *args: Any, **kwargs: Any) -> None:
        if stopped:
            stopped[0].wait()
            return
        stopped.append(Event())
        try:
            original(self, *args, **kwargs)
        finally:
            stopped[0].set()

    return stop


def _quit_once(original: Any) -> Any:
    """Locust quits again at its end, and would sleep again."""
    quitted: list[bool] = []

    def leave(self: Any) -> None:
        if quitted:
            self.greenlet.kill(block=True)
            return
        quitted.append(True)
        original(self)

    return leave


def _without_shape(original: Any) -> Any:
    """The stages are the load: a LoadTestShape of the file is kept out."""
    return lambda *args, **kwargs: original(*args, **{**kwargs, "shape_class": None})
