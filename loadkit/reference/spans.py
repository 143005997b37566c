"""Finished spans: a bounded queue, a thread that sends them as OTLP over HTTP, what was lost."""

import http.client
import threading
import time
from collections import deque
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from loadkit.reference.errors import SetupError
from loadkit.reference.logs import JsonLog

CAPACITY = 20_000
BATCH = 512
PAUSE_S = 0.5
TIMEOUT_S = 2.0
COMPLAIN_EVERY_S = 60.0


class OtlpSender:
    """Posts batches to one collector over one kept connection."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` is a base URL (`/v1/traces` is added) or the whole one.

        Raises SetupError if it isn't http or https with a host.
        """
        parts = urlsplit(endpoint)
        try:
            port = parts.port
        except ValueError as error:
            raise SetupError(f"--otlp-endpoint {endpoint}: {error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SetupError(f"--otlp-endpoint {endpoint}: not a URL such as http://127.0.0.1:4318")
        path = parts.path.rstrip("/")
        self._path = path if path.endswith("/v1/traces") else f"{path}/v1/traces"
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.hostname, port, timeout=TIMEOUT_S)

    def send(self, body: bytes) -> None:
        """Post once, twice if a kept connection had gone. Raises OSError if nobody took it."""
        kept = self._connection.sock is not None
        try:
            self._post(body)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            if not kept or isinstance(error, _Refused):
                raise _as_os_error(error) from error
            try:
                self._post(body)
            except (OSError, http.client.HTTPException) as again:
                self._connection.close()
                raise _as_os_error(again) from again

    def _post(self, body: bytes) -> None:
        headers = {"Content-Type": "application/x-protobuf"}
        self._connection.request("POST", self._path, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        if answer.status >= 300:
            raise _Refused(f"the collector answered {answer.status}")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class _Refused(OSError):
    """The collector is there and doesn't want this batch."""


def _as_os_error(error: Exception) -> OSError:
    return error if isinstance(error, OSError) else OSError(str(error) or type(error).__name__)


class CountingProcessor(SpanProcessor):
    """Queues sampled spans and exports them; never blocks or raises where a span ends.

    `dropped` counts the spans lost to a full queue or a collector that took none,
    `exported` those that were taken.
    """

    def __init__(self, sender: OtlpSender, log: JsonLog) -> None:
        self.dropped = 0
        self.exported = 0
        self._sender = sender
        self._log = log
        self._spans: deque[ReadableSpan] = deque()
        self._failing_since: float | None = None
        self._complained = float("-inf")
        self._wanted = threading.Event()
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._run, name="span-export", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Spans that wait to be sent."""
        return len(self._spans)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing to do."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue it, or count it as lost."""
        context = span.context
        if context is None or not context.trace_flags.sampled:
            return
        if len(self._spans) >= CAPACITY:
            self.dropped += 1
            return
        self._spans.append(span)
        if len(self._spans) >= BATCH and not self._wanted.is_set():
            self._wanted.set()

    def _run(self) -> None:
        while self._deadline is None:
            self._wanted.wait(PAUSE_S)
            self._wanted.clear()
            self._export_all()
        self._export_all()
        self.dropped += len(self._spans)
        self._spans.clear()
        self._sender.close()

    def _export_all(self) -> None:
        while self._spans and not self._late():
            batch = [self._spans.popleft() for _ in range(min(BATCH, len(self._spans)))]
            try:
                self._sender.send(encode_spans(batch).SerializeToString())
            except OSError as error:
                self.dropped += len(batch)
                self._complain(error)
                return
            self.exported += len(batch)
            self._failing_since = None

    def _late(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _complain(self, error: OSError) -> None:
        """One line when it begins, then one a minute."""
        now = time.monotonic()
        first = self._failing_since is None
        if first:
            self._failing_since = now
        if first or now - self._complained > COMPLAIN_EVERY_S:
            self._complained = now
            self._log.write(
                "warning",
                "span_export_failed",
                f"spans could not be exported: {error}",
                error_type=type(error).__name__,
                dropped_spans=self.dropped,
            )

    def shutdown(self) -> None:
        """Send what is queued, for half a second at most."""
        if self._deadline is None:
            self._deadline = time.monotonic() + 0.5
            self._wanted.set()
            self._thread.join(0.8)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until the queue is empty; False if that took too long."""
        deadline = time.monotonic() + timeout_millis / 1000
        while self._spans and time.monotonic() < deadline:
            self._wanted.set()
            time.sleep(0.01)
        return not self._spans
