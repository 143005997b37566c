"""Locust's voice: on standard error only, and only what matters."""

from __future__ import annotations

import logging
from typing import Any

import locust.main

from loadkit.load.patching import wrap

_NOISE = ("Your selected spawn rate is very high", "--run-time, --users or --spawn-rate")


class FirstError(logging.Handler):
    """Keeps the first error that was logged, for the end of a run that never began."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.text: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Takes a record's message, with the exception that caused it."""
        if self.text is not None:
            return
        text = record.getMessage().strip().splitlines()
        exception = record.exc_info[1] if record.exc_info else None
        self.text = str(exception) if exception else (text[0] if text else None)


class _Filter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(_NOISE)


def quieten(errors: FirstError) -> None:
    """Filters what Locust says about how we use it, and keeps its errors."""
    for name in ("locust.runners", "locust.main"):
        logging.getLogger(name).addFilter(_Filter())

    def make(original: Any) -> Any:
        def setup_logging(*args: Any, **kwargs: Any) -> None:
            original(*args, **kwargs)
            # Now: it takes handlers away.
            for name in (None, "locust"):
                logging.getLogger(name).addHandler(errors)
            logging.getLogger("locust.stats_logger").disabled = True

        return setup_logging

    wrap(locust.main, "setup_logging", make)
