"""An answer that the scenario judges itself, in a with block."""

from __future__ import annotations

from typing import Any

from gevent import GreenletExit
from locust.exception import CatchResponseError, LocustError, ResponseError

from loadkit.load.client.response import Response


class CaughtResponse(Response):
    """What ``catch_response=True`` gives::

        with self.client.get("/stock", catch_response=True) as response:
            if response.json()["left"] == 0:
                response.failure("sold out")

    A block that ends without a word is judged by the status. One that raises makes the request
    count as raised, and the exception goes on.
    """

    _entered = False
    _open = False  # whether the books wait for a verdict
    _judged = False
    _verdict: Exception | None = None  # why it failed, once judged

    def opened(self) -> None:
        """The answer is there, its verdict is not."""
        self._open = True

    def __enter__(self) -> CaughtResponse:
        self._entered = True
        return self

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> bool:
        if not self._open:
            return False
        self._open = False
        reporter = self.session.reporter
        if self._judged:
            reporter.judged(self, self._verdict)
            return kind is None
        if kind is None:
            reporter.judged(self, self.failed())
        elif isinstance(value, ResponseError):
            reporter.judged(self, value)
        else:
            reporter.broke(self, value)
            return False
        return True

    def success(self) -> None:
        """Counts the request as successful, whatever its status."""
        self._check()
        self._judged, self._verdict = True, None

    def failure(self, exc: Any) -> None:
        """Counts it as failed, for a reason given as text or exception."""
        self._check()
        self._judged = True
        self._verdict = exc if isinstance(exc, Exception) else CatchResponseError(exc)

    def _check(self) -> None:
        if not self._entered:
            raise LocustError("Judge the answer within a with block.")

    def raise_for_status(self) -> None:
        """As without catch_response, but by the verdict if one was given."""
        if self._verdict is not None:
            raise self._verdict
        if not self._judged:
            super().raise_for_status()

    def __del__(self) -> None:
        if self._open:
            self._open = False
            self.session.reporter.unjudged(self)


def is_cancel(error: BaseException | None) -> bool:
    """Whether a user was ended in the middle of it."""
    return isinstance(error, GreenletExit)
