"""Every request of Locust's own clients, from the call of the session to its outcome.

``events.request`` fires at completion, and not at all when a ``catch_response`` block raises, so
requests are counted where they start. Session call and event are matched by what the greenlet is
doing: the event fires within the session's ``request`` or within the ``__exit__`` of the response,
so hooks of the locustfile see the context and arguments they always see.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests
import requests.sessions
from gevent import GreenletExit, getcurrent
from locust import clients
from locust.contrib import fasthttp
from locust.exception import StopUser

from loadkit.load.client import reporter
from loadkit.load.kinds import kind_of, status_of, text_of
from loadkit.load.patching import wrap
from loadkit.load.recorder import CANCELLED, FAILED, OK, RAISED, Recorder
from loadkit.load.seat import seat_of
from loadkit.load.tracing import TraceIds, trace_id_of
from loadkit.model import Finding, Severity

_CALL = "_loadkit_call"
_TOLD = "_loadkit_told"
_TRACE = "traceparent"


class Call:
    """A request under way."""

    __slots__ = ("__weakref__", "books", "code", "done", "due_ns", "sent_ns", "trace")

    def __init__(self, books: Sessions, code: int, due_ns: int, trace: int) -> None:
        self.books = books
        self.code = code
        self.due_ns = due_ns
        self.sent_ns = 0
        self.trace = trace
        self.done = False

    def __del__(self) -> None:
        # A response asked for with catch_response that nobody entered: no event will come.
        if not self.done and self.sent_ns:
            self.books.unjudged(self)


class Sessions:
    """Wraps the sessions of HttpUser and FastHttpUser, and listens to ``events.request``."""

    def __init__(
        self, recorder: Recorder, *, trace_ratio: float, note: Callable[[Finding], None]
    ) -> None:
        self._recorder = recorder
        self._traces = recorder.traces = TraceIds(trace_ratio)
        self._note = note
        self._active: dict[Any, Call] = {}
        self.closing = False
        self.known = True

    def install(self) -> None:
        """Wraps both of Locust's clients, in this process, for good, and puts ours to the books."""
        self._wrap(clients.HttpSession, _plain_name)
        self._wrap(fasthttp.FastHttpSession, _fast_name)
        self._wrap_exit(clients.ResponseContextManager)
        self._wrap_exit(fasthttp.ResponseContextManager)
        reporter.install(self._recorder, self._note, self._traces.ratio)

    def close(self) -> None:
        """The load is over: users of a closed model send nothing new."""
        self.closing = True
        reporter.close()

    def finish(self) -> None:
        """Says what was noticed on the way."""
        reporter.finish()

    def listen(self, event: Any) -> None:
        """Hears of every request first: a hook of the locustfile may stop the user."""
        event._handlers.insert(0, self.on_request)

    # -- the call ------------------------------------------------------------------------------

    def _wrap(self, cls: Any, name_of: Callable[..., str]) -> None:
        def make(original: Any) -> Any:
            def request(session: Any, method: Any, url: Any, *args: Any, **kwargs: Any) -> Any:
                user = session.user
                self._refuse(user)
                name = name_of(session, url, args, kwargs)
                code = self._recorder.code(_text(method), name, told=True)
                args, trace = self._traced(session, args, kwargs)
                return self._send(
                    code,
                    trace,
                    user,
                    lambda: original(session, method, url, *args, **kwargs),
                )

            return request

        wrap(cls, "request", make)

    def _send(self, code: int, trace: int, user: Any, send: Callable[[], Any]) -> Any:
        seat = seat_of(user)
        greenlet = getcurrent()
        before = self._active.get(greenlet)
        now = time.monotonic_ns()
        due = seat.due_ns if seat is not None and seat.due_ns is not None else now
        call = Call(self, code, due, trace)
        self._active[greenlet] = call
        call.sent_ns = now
        self._recorder.sent(code, due, now)
        try:
            response = send()
        except BaseException as error:
            self._broke(call, error)
            raise
        finally:
            self._restore(greenlet, before)
            if seat is not None and seat.begun:
                seat.due_ns = time.monotonic_ns()
        if not call.done:
            if getattr(response, "_catch_response", False):
                response.__dict__[_CALL] = call
            else:
                self._unreported(call, response)
        return response

    def _restore(self, greenlet: Any, before: Call | None) -> None:
        if before is None:
            self._active.pop(greenlet, None)
        else:
            self._active[greenlet] = before

    def _refuse(self, user: Any) -> None:
        """When the load is over, users of a closed model send nothing new; said once to each."""
        if not self.closing or user is None or getcurrent() is not user._greenlet:
            return
        seat = seat_of(user)
        if (seat is not None and seat.open) or _TOLD in user.__dict__:
            return
        user.__dict__[_TOLD] = True
        raise StopUser

    def _traced(
        self, session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], int]:
        """Adds a traceparent unless the caller has set one; the trace's number either way."""
        place = 4  # of headers among FastHttpSession's arguments after the URL
        positional = len(args) > place and isinstance(session, fasthttp.FastHttpSession)
        given = args[place] if positional else kwargs.get("headers")
        for headers in (given, _default_headers(session)):
            own = _find(headers)
            if own is not None:
                found = trace_id_of(own)
                return args, self._recorder.foreign_trace(found) if found is not None else 0
        trace = self._traces.next()
        headers = dict(given) if given else {}
        headers[_TRACE] = self._traces.value(trace)
        if positional:
            args = (*args[:place], headers, *args[place + 1 :])
        else:
            kwargs["headers"] = headers
        return args, trace

    # -- the outcome ---------------------------------------------------------------------------

    def _wrap_exit(self, cls: Any) -> None:
        def make(original: Any) -> Any:
            def __exit__(response: Any, exc: Any, value: Any, traceback: Any) -> Any:
                call = response.__dict__.get(_CALL)
                if call is None:
                    return original(response, exc, value, traceback)
                greenlet = getcurrent()
                before = self._active.get(greenlet)
                self._active[greenlet] = call
                try:
                    return original(response, exc, value, traceback)
                finally:
                    self._restore(greenlet, before)
                    if not call.done:
                        self._raised(call, response, exc, value)

            return __exit__

        wrap(cls, "__exit__", make)

    def on_request(
        self,
        request_type: Any,
        name: Any,
        response_time: Any,
        response: Any = None,
        exception: Any = None,
        **_: Any,
    ) -> None:
        """Listener of ``events.request``."""
        call = self._active.get(getcurrent())
        service = _to_ns(response_time)
        if call is None or call.done:
            self._unknown(_text(request_type), _text(name), service, exception, response)
            return
        status = status_of(response)
        outcome = FAILED if exception else OK
        self._finish(call, outcome, service, answered=status > 0)
        if exception:
            self._error(call, exception, status)

    def _finish(self, call: Call, outcome: int, service_ns: int | None, *, answered: bool) -> None:
        now = time.monotonic_ns()
        if service_ns is None:
            service_ns = now - call.sent_ns
        call.done = True
        self._recorder.ended(
            call.code,
            outcome,
            call.due_ns,
            now,
            service_ns,
            call.sent_ns - call.due_ns + service_ns,
            answered,
            call.trace,
        )

    def _error(self, call: Call, error: Any, status: int) -> None:
        self._recorder.error(call.code, call.due_ns, kind_of(error, status), text_of(error, status))

    def _broke(self, call: Call, error: BaseException) -> None:
        """The session's request itself raised."""
        if call.done:
            return
        if isinstance(error, GreenletExit):
            self._finish(call, CANCELLED, None, answered=False)
        else:
            self._finish(call, RAISED, None, answered=False)
            self._error(call, error, 0)

    def _raised(self, call: Call, response: Any, exc: Any, value: Any) -> None:
        """A ``catch_response`` block raised, so Locust reports nothing."""
        status = status_of(response)
        killed = exc is not None and issubclass(exc, GreenletExit)
        outcome = CANCELLED if killed else RAISED
        service = _to_ns(response.request_meta.get("response_time"))
        self._finish(call, outcome, service, answered=status > 0)
        if not killed:
            self._error(call, value if value is not None else "no reason given", status)

    def _unreported(self, call: Call, response: Any) -> None:
        """The session reports to an event of its own: judged by the status."""
        status = status_of(response)
        self._finish(call, OK if 0 < status < 400 else FAILED, None, answered=status > 0)
        if not 0 < status < 400:
            self._recorder.error(call.code, call.due_ns, f"HTTP {status}", "")

    def unjudged(self, call: Call) -> None:
        """A ``catch_response`` answer that was dropped without a with-block."""
        self._finish(call, RAISED, None, answered=True)
        self._recorder.error(
            call.code,
            call.due_ns,
            "NoVerdict",
            "catch_response=True was asked for, but the response was not used in a with block",
        )

    def _unknown(
        self, method: str, name: str, service: int | None, exception: Any, response: Any
    ) -> None:
        """An event from a client that we did not see start."""
        if self.known:
            self.known = False
            self._note(
                Finding(
                    "sent-unknown",
                    Severity.WARNING,
                    "Requests were reported by a client loadkit does not know: how many were sent "
                    "is unknown, and of a request that never ended there is no trace.",
                    {"first": f"{method} {name}"},
                )
            )
        service = service or 0
        now = time.monotonic_ns()
        code = self._recorder.code(method, name, told=True)
        due = now - service
        status = status_of(response)
        outcome = FAILED if exception else OK
        self._recorder.unseen(code, outcome, due, now, service, not exception or status > 0)
        if exception:
            self._recorder.error(code, due, kind_of(exception, status), text_of(exception, status))


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _to_ns(milliseconds: Any) -> int | None:
    return round(milliseconds * 1e6) if isinstance(milliseconds, int | float) else None


def _given_name(session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    name = args[0] if args else kwargs.get("name")
    return str(name or session.request_name) if name or session.request_name else None


def _fast_name(session: Any, url: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return _given_name(session, args, kwargs) or _text(url)


def _plain_name(session: Any, url: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """What HttpSession will call the request: the path with its query, as requests encodes it."""
    name = _given_name(session, args, kwargs)
    if name:
        return name
    prepared = requests.PreparedRequest()
    try:
        merge: Any = requests.sessions.merge_setting
        params = merge(kwargs.get("params"), session.params)
        prepared.prepare_url(session._build_url(_text(url)), params)
        return str(prepared.path_url)
    except (requests.RequestException, ValueError):
        return _text(url)


def _default_headers(session: Any) -> Any:
    if isinstance(session, fasthttp.FastHttpSession):
        return getattr(session.client, "default_headers", None)
    return session.headers


def _find(headers: Any) -> str | None:
    """The traceparent among headers."""
    if not headers:
        return None
    for key in headers:
        if _text(key).lower() == _TRACE:
            return _text(headers[key])
    return None
