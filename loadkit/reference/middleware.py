"""What surrounds every request: count it, trace it, let faults at it, and turn errors to answers.

Pure ASGI. A request is counted before the last bytes of its answer are handed to the server, so
that whoever has read the answer finds it counted.
"""

import asyncio
import time
import traceback
from collections.abc import Callable

from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loadkit.reference.errors import InjectedFailure, ServiceError, Unavailable
from loadkit.reference.exchange import KEY, Exchange
from loadkit.reference.faults import Faults
from loadkit.reference.faults.base import ROOT
from loadkit.reference.logs import JsonLog, redact
from loadkit.reference.metrics import Metrics
from loadkit.reference.paths import UNMATCHED, Labels, method_label
from loadkit.reference.problems import problem_response
from loadkit.reference.tracing import parent_context

FAULTS_SPARE = frozenset({"/api/v1/health", "/api/v1/ready"})


class Observed:
    """The application with everything around it."""

    def __init__(
        self,
        app: ASGIApp,
        labels: Labels,
        metrics: Metrics,
        log: JsonLog,
        tracer: Tracer | None,
        faults: Faults | None,
    ) -> None:
        self._app = app
        self._labels = labels
        self._metrics = metrics
        self._log = log
        self._tracer = tracer
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route = self._labels.of(scope["path"])
        faulty = route.startswith("/api/") and route not in FAULTS_SPARE
        exchange = Exchange(
            method_label(scope["method"]), route, self._tracer, self._faults if faulty else None
        )
        scope[KEY] = exchange
        self._open_span(exchange, scope)
        self._metrics.in_flight += 1
        answer = Answer(send, lambda status: self._count(exchange, status))
        try:
            await self._serve(exchange, scope, receive, answer)
        finally:
            self._metrics.in_flight -= 1
            self._close_span(exchange)

    async def _serve(
        self, exchange: Exchange, scope: Scope, receive: Receive, answer: "Answer"
    ) -> None:
        try:
            faults = exchange.faults
            if faults is not None and faults.any_active:
                # Asked at arrival: requests count in the order in which they come.
                failing = faults.fails()
                await faults.at(ROOT)
                if failing:
                    raise InjectedFailure("The request could not be completed.")
            await self._app(scope, receive, answer)
        except asyncio.CancelledError:
            # Only the end of the service cancels a request. Its client still gets an answer.
            exchange.error = Unavailable("the service is stopping")
        except Exception as error:
            exchange.error = error
        if exchange.error is not None and not answer.begun:
            await problem_response(exchange.error, exchange)(scope, receive, answer)
        if exchange.error is not None:
            self._log_failure(exchange)

    def _count(self, exchange: Exchange, status: int) -> None:
        exchange.status = status
        seconds = time.perf_counter() - exchange.started
        self._metrics.count(exchange.method, exchange.route, status, seconds)

    def _log_failure(self, exchange: Exchange) -> None:
        error = exchange.error
        known = isinstance(error, ServiceError)
        status = exchange.status or 500
        fields: dict[str, object] = {
            "error_type": type(error).__name__,
            "error": redact(str(error)) if status >= 500 else getattr(error, "title", ""),
            "method": exchange.method,
            "path": exchange.route,
            "status": status,
            "duration_ms": exchange.elapsed_ms,
            "user_id": exchange.user_id,
        }
        if error is not None and not known:
            fields["stack"] = redact("".join(traceback.format_tb(error.__traceback__)))
        level = "error" if status >= 500 else "warning"
        message = "Request processing failed" if status >= 500 else "Request refused"
        self._log.write(level, "request_failed", message, exchange.ids, **fields)

    def _open_span(self, exchange: Exchange, scope: Scope) -> None:
        if self._tracer is None:
            return
        parent = parent_context(scope["headers"])
        server = scope.get("server") or ("", None)
        attributes: dict[str, str | int] = {
            "http.request.method": scope["method"],
            "url.path": scope["path"],
            "url.scheme": scope["scheme"],
            "server.address": server[0],
            "network.protocol.version": scope["http_version"],
        }
        name = exchange.method
        if exchange.route != UNMATCHED:
            attributes["http.route"] = exchange.route
            name = f"{exchange.method} {exchange.route}"
        if server[1] is not None:
            attributes["server.port"] = server[1]
        exchange.span = self._tracer.start_span(
            name, parent, kind=SpanKind.SERVER, attributes=attributes
        )
        exchange.context = set_span_in_context(exchange.span, parent)

    def _close_span(self, exchange: Exchange) -> None:
        span = exchange.span
        if span is None:
            return
        if exchange.status is not None:
            span.set_attribute("http.response.status_code", exchange.status)
        if exchange.error is not None:
            span.set_attribute("error.type", type(exchange.error).__name__)
        if exchange.status is None or exchange.status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end()


class Answer:
    """Holds the head of an answer back until its body comes, and counts before the last of it.

    A client with a Content-Length knows that it has everything by the bytes, not by our last
    message; so the count comes before the head where one message is the whole body.
    """

    __slots__ = ("_count", "_head", "_send", "_status", "begun")

    def __init__(self, send: Send, count: Callable[[int], None]) -> None:
        self._send = send
        self._count = count
        self._head: Message | None = None
        self._status = 500
        self.begun = False

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            self._head = message
            self._status = message["status"]
            return
        if kind == "http.response.body" and not message.get("more_body", False):
            self._count(self._status)
        if self._head is not None:
            head, self._head = self._head, None
            self.begun = True
            await self._send(head)
        await self._send(message)
