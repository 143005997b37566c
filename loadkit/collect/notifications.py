"""Receives what Alertmanager sends: loadkit stands in for Slack, PagerDuty and webhooks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from loadkit.collect import messages
from loadkit.collect.httpd import LOOPBACK, HttpServer, Request, Response
from loadkit.model import Finding, Severity
from loadkit.ports import Notes, Sink

_READERS: Mapping[str, Callable[[Mapping[str, Any]], list[messages.Row]]] = {
    "slack": messages.slack,
    "pagerduty": messages.pagerduty,
}
# Alertmanager takes 202 from PagerDuty for success and nothing else; Slack says "ok".
_ANSWERS: Mapping[str, Response] = {
    "slack": Response(200, b"ok"),
    "pagerduty": Response(
        202,
        b'{"status":"success","message":"Event processed","dedup_key":"loadkit"}',
        "application/json",
    ),
}
_DONE = Response(200, b"{}", "application/json")


class NotificationReceiver:
    """A collector of ``notifications``.

    Listens on loopback and takes ``POST /notify/RECEIVER/KIND``; KIND is ``slack``, ``pagerduty``,
    or any other name, and then the body is Alertmanager's webhook.

    Args:
        sink: takes the rows.
        note: takes the finding ``notification-unreadable``.
        port: 0 for a free one.
    """

    name = "notifications"

    def __init__(self, *, sink: Sink, note: Notes, port: int = 0) -> None:
        self._sink = sink
        self._note = note
        self._server = HttpServer(self._handle, port)
        self._complained = False
        self.count = 0
        """Messages taken so far."""

    @property
    def url(self) -> str:
        """Its root, such as ``http://127.0.0.1:40000``; known once it was started."""
        return f"http://{LOOPBACK}:{self._server.port}"

    async def start(self) -> None:
        """See Collector."""
        await self._server.start()

    async def stop(self) -> None:
        """See Collector."""
        await self._server.stop()

    def _handle(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        if len(parts) != 3 or parts[0] != "notify":
            return Response(404, b"POST /notify/RECEIVER/KIND")
        if request.method != "POST":
            return Response(405, b"POST only")
        mono_ns = time.monotonic_ns()
        receiver, kind = unquote(parts[1]), unquote(parts[2])
        try:
            rows = _READERS.get(kind, messages.webhook)(json.loads(request.body))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            self._complain(receiver, kind, error)
            return Response(400, b"not a notification")
        integration = kind if kind in _READERS else "webhook"
        self.count += 1
        self._sink.append(
            "notifications",
            [
                {"mono_ns": mono_ns, "receiver": receiver, "integration": integration, **row}
                for row in rows
            ],
        )
        return _ANSWERS.get(kind, _DONE)

    def _complain(self, receiver: str, kind: str, error: Exception) -> None:
        if self._complained:
            return
        self._complained = True
        self._note(
            Finding(
                "notification-unreadable",
                Severity.WARNING,
                f"A notification for receiver {receiver} was not what {kind} is sent; it and "
                "further ones like it are not in the bundle.",
                {"error": type(error).__name__},
            )
        )
