"""What Locust does on signals and wrong options, done our way."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import gevent
from locust.argument_parser import LocustArgumentParser

from loadkit.errors import LoadError
from loadkit.load.patching import wrap


def take_over_signals(interrupt: Callable[[], None], early: Callable[[], None]) -> None:
    """SIGTERM calls ``interrupt`` in the loop, or ``early`` while Locust has not got so far.

    SIGINT is ignored: the supervisor decides, by SIGTERM. A wrong option raises LoadError.
    """

    def make(original: Any) -> Any:
        def signal_handler(number: int, handler: Any, *args: Any, **kwargs: Any) -> Any:
            if number == signal.SIGTERM and handler.__module__ == "locust.main":
                return original(number, interrupt)
            return original(number, handler, *args, **kwargs)

        return signal_handler

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wrap(gevent, "signal_handler", make)
    signal.signal(signal.SIGTERM, lambda *_: early())
    wrap(LocustArgumentParser, "error", lambda _: _usage_error)


def _usage_error(parser: Any, message: str) -> None:
    raise LoadError(message)
