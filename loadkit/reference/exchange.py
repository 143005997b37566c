"""One request on its way through the service: its spans, its faults and what the log says of it."""

import time
from types import TracebackType
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode, Tracer, set_span_in_context

from loadkit.reference.tracing import Attributes

if TYPE_CHECKING:
    from loadkit.reference.faults import Faults

KEY = "loadkit.exchange"
"""Where the exchange is in the ASGI scope."""


class Exchange:
    """What belongs to one request. `status` is None until the answer is about to be sent."""

    __slots__ = (
        "context", "error", "faults", "method", "route", "span", "started", "status", "tracer",
        "user_id",
    )  # fmt: skip

    def __init__(
        self, method: str, route: str, tracer: Tracer | None, faults: "Faults | None"
    ) -> None:
        self.method = method
        self.route = route
        self.tracer = tracer
        self.faults = faults
        self.started = time.perf_counter()
        self.status: int | None = None
        self.span: Span | None = None
        self.context: Context | None = None
        self.error: BaseException | None = None
        self.user_id: str | None = None

    def step(
        self, name: str, attributes: Attributes | None = None, *, late: bool = False
    ) -> "Step":
        """A step of the span tree, to be entered with `async with`; steps nest.

        Faults aimed at the step act when it begins, or where it calls `strike()` if `late`.
        """
        return Step(self, name, attributes, late)

    @property
    def ids(self) -> tuple[str | None, str | None]:
        """Trace and span id of the request in hex, for the log."""
        if self.span is None:
            return None, None
        context = self.span.get_span_context()
        return f"{context.trace_id:032x}", f"{context.span_id:016x}"

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the request came in."""
        return round((time.perf_counter() - self.started) * 1000, 3)


class Step:
    """A span around a part of the work; without a tracer only the place where faults act."""

    __slots__ = ("_attributes", "_before", "_exchange", "_late", "_name", "_span")

    def __init__(
        self, exchange: Exchange, name: str, attributes: Attributes | None, late: bool
    ) -> None:
        self._exchange = exchange
        self._name = name
        self._attributes = attributes
        self._late = late
        self._span: Span | None = None
        self._before: Context | None = None

    async def __aenter__(self) -> "Step":
        exchange = self._exchange
        if exchange.tracer is not None:
            self._before = exchange.context
            self._span = exchange.tracer.start_span(
                self._name, self._before, attributes=self._attributes
            )
            exchange.context = set_span_in_context(self._span, self._before)
        if not self._late:
            await self.strike()
        return self

    async def strike(self) -> None:
        """Let the faults act that are aimed at this step."""
        faults = self._exchange.faults
        if faults is not None and faults.any_active:
            await faults.at(self._name)

    def set(self, name: str, value: str | int) -> None:
        """Add an attribute to the span."""
        if self._span is not None:
            self._span.set_attribute(name, value)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._span is not None:
            if error is not None:
                self._span.set_attribute("error.type", type(error).__name__)
                self._span.set_status(Status(StatusCode.ERROR, str(error)))
            self._span.end()
            self._exchange.context = self._before
