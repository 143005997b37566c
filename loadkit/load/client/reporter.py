"""What becomes of a request: to Locust's event, or straight into the books of a run.

Under plain ``locust -f`` every request fires ``events.request`` as those of Locust's own clients
do. In a run of loadkit it goes to the recorder instead, without an event, unless the locustfile
listens to the event itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from gevent import getcurrent
from locust import log
from locust.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopTest,
    StopUser,
)

from loadkit.load.client.caught import is_cancel
from loadkit.load.client.response import Response
from loadkit.load.kinds import kind_of, text_of
from loadkit.load.tracing import TraceIds
from loadkit.model import Finding, Severity

_SEAT = "_loadkit_seat"
_TOLD = "_loadkit_told"
_LISTENERS_NS = 1_000_000_000
OK, FAILED, RAISED, CANCELLED = range(4)
_CONTROL = (StopUser, StopTest, RescheduleTask, RescheduleTaskImmediately, InterruptTaskSet)


class Events:
    """Plain Locust: one event a request."""

    def __init__(self, traces: TraceIds | None = None) -> None:
        self.traces = traces if traces is not None else TraceIds()
        self.retried = 0
        self.unsolicited = 0

    def begin(self, response: Response) -> None:
        """A request is about to be sent."""
        response.due_ns = response.sent_ns = monotonic_ns()

    def foreign(self, trace_id: str) -> int:
        """What stands for a trace id that the caller has set."""
        return 0

    def judged(self, response: Response, error: BaseException | None) -> None:
        """It ended; ``error`` is why it failed."""
        event = response.session.event
        if event is not None:
            fire(event._handlers, response, error)

    def broke(self, response: Response, error: BaseException) -> None:
        """The block or the call raised: as with Locust's own clients, no event comes."""

    def unjudged(self, response: Response) -> None:
        """A catch_response answer that was never used in a with block: no event either."""

    def over(self, response: Response) -> None:
        """The call returns."""


class Books(Events):
    """A run of loadkit: the recorder."""

    def __init__(self, recorder: Any, note: Callable[[Finding], None], traces: TraceIds) -> None:
        super().__init__(traces)
        self._recorder = recorder
        self._note = note
        self._code = recorder.code
        self._sent = recorder.sent
        self._ended = recorder.ended
        self._listeners: list[Any] = []
        self._listeners_until = 0
        self.closing = False

    def begin(self, response: Response) -> None:
        """A request is about to be sent; when its turn was is known to the user's seat.

        Raises:
            StopUser: The load is over; said once to each user of a closed model.
        """
        now = monotonic_ns()
        session = response.session
        seat = session.shared.get(_SEAT)
        if self.closing:
            self._refuse(session.user, seat)
        due = now
        if seat is not None and seat.due_ns is not None:
            due = seat.due_ns
        response.code = code = self._code(response._prepared.method, response.name)
        response.due_ns = due
        response.sent_ns = now
        self._sent(code, due, now)

    def foreign(self, trace_id: str) -> int:
        """What stands for a trace id that the caller has set."""
        return int(self._recorder.foreign_trace(trace_id)) if trace_id else 0

    def over(self, response: Response) -> None:
        """The call returns: the user's next request is due now."""
        seat = response.session.shared.get(_SEAT)
        if seat is not None:
            seat.yielded = True
            if seat.begun:
                seat.due_ns = response.ended_ns

    def judged(self, response: Response, error: BaseException | None) -> None:
        """It ended; ``error`` is why it failed."""
        # _close(), written out: this is the way of nearly every request.
        due, ended = response.due_ns, response.ended_ns
        self._ended(
            response.code,
            OK if error is None else FAILED,
            due,
            ended,
            ended - response.sent_ns,
            ended - due,
            response.status_code > 0,
            response.trace,
        )
        if error is not None:
            self._error(response, error)
        if response.ended_ns >= self._listeners_until:
            self._look_for_listeners(response)
        if self._listeners:
            fire(self._listeners, response, error)

    def broke(self, response: Response, error: BaseException) -> None:
        """The block or the call raised."""
        cancelled = is_cancel(error)
        self._close(response, CANCELLED if cancelled else RAISED)
        if not cancelled:
            self._error(response, error)

    def unjudged(self, response: Response) -> None:
        """A catch_response answer that was dropped without a with block."""
        self._close(response, RAISED)
        self._recorder.error(
            response.code,
            response.due_ns,
            "NoVerdict",
            "catch_response=True was asked for, but the response was not used in a with block",
        )

    def _close(self, response: Response, outcome: int) -> None:
        due, ended = response.due_ns, response.ended_ns
        self._ended(
            response.code,
            outcome,
            due,
            ended,
            ended - response.sent_ns,
            ended - due,
            response.status_code > 0,
            response.trace,
        )

    def _error(self, response: Response, error: BaseException) -> None:
        status = response.status_code
        self._recorder.error(
            response.code, response.due_ns, kind_of(error, status), text_of(error, status)
        )

    def _refuse(self, user: Any, seat: Any) -> None:
        if user is None or getcurrent() is not user._greenlet or (seat is not None and seat.open):
            return
        if _TOLD not in user.__dict__:
            user.__dict__[_TOLD] = True
            raise StopUser

    def _look_for_listeners(self, response: Response) -> None:
        """Once a second: a hook may add one in the middle of a run."""
        self._listeners_until = response.ended_ns + _LISTENERS_NS
        self._listeners = [
            handler
            for handler in response.session.event._handlers
            if (getattr(handler, "__module__", None) or "").partition(".")[0]
            not in ("locust", "loadkit")
        ]

    def finish(self) -> None:
        """The load is over: what was noticed on the way."""
        if self.retried:
            self._note(
                Finding(
                    "connection-retried",
                    Severity.INFO,
                    f"The server closed a kept connection at the moment it was used {self.retried} "
                    "times: the request was sent again on a new one and counted once.",
                    {"requests": str(self.retried)},
                )
            )
        if self.unsolicited:
            self._note(
                Finding(
                    "connection-unsolicited",
                    Severity.INFO,
                    f"The server sent more than its answer on {self.unsolicited} connections, "
                    "which were closed for that.",
                    {"connections": str(self.unsolicited)},
                )
            )


def fire(handlers: list[Any], response: Response, error: BaseException | None) -> None:
    """Tells listeners of ``events.request`` about a request, as Locust's event does."""
    meta = response.told()
    meta["exception"] = error
    for handler in list(handlers):
        try:
            handler(**meta)
        except _CONTROL:
            raise
        except Exception:
            logging.getLogger(__name__).exception("a listener of events.request raised")
            log.unhandled_greenlet_exception = True


current: Events = Events()
"""The reporter of this process."""


def install(recorder: Any, note: Callable[[Finding], None], trace_ratio: float) -> None:
    """From now on requests go to the books of a run."""
    global current
    traces = getattr(recorder, "traces", None)
    if traces is None:
        traces = TraceIds(trace_ratio)
        try:
            recorder.traces = traces
        except AttributeError:
            logging.getLogger(__name__).debug("the recorder keeps no trace ids")
    current = Books(recorder, note, traces)


def close() -> None:
    """The load is over: users of a closed model send nothing new."""
    if isinstance(current, Books):
        current.closing = True


def finish() -> None:
    """Says what was noticed on the way; call before the last findings are handed over."""
    if isinstance(current, Books):
        current.finish()
