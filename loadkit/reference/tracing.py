"""OpenTelemetry: the tracer of the service, and how a parent arrives with a request."""

from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from loadkit.reference.logs import JsonLog
from loadkit.reference.spans import CountingProcessor, OtlpSender

SERVICE = "llm-cost-ops"
Attributes = Mapping[str, str | int]

_propagator = TraceContextTextMapPropagator()
_EMPTY = Context()


def service_version() -> str:
    """The version of the installed distribution, or 0 where there is none."""
    try:
        return version("loadkit-tools")
    except PackageNotFoundError:
        return "0"


class _Resource(Resource):
    """A resource that knows its hash: the encoder asks for it with every span."""

    _known: int | None = None

    def __hash__(self) -> int:
        if self._known is None:
            self._known = super().__hash__()
        return self._known


class Tracing:
    """A tracer whose spans go to one OTLP endpoint, and the count of what was lost."""

    def __init__(self, endpoint: str, log: JsonLog) -> None:
        self.processor = CountingProcessor(OtlpSender(endpoint), log)
        resource = _Resource(
            {
                "service.name": SERVICE,
                "service.version": service_version(),
                "telemetry.sdk.language": "python",
                "telemetry.sdk.name": "opentelemetry",
                "telemetry.sdk.version": version("opentelemetry-sdk"),
            }
        )
        self._provider = TracerProvider(
            sampler=ParentBased(ALWAYS_ON), resource=resource, shutdown_on_exit=False
        )
        self._provider.add_span_processor(self.processor)
        self.tracer: Tracer = self._provider.get_tracer("loadkit.reference")

    def close(self) -> None:
        """Send what is queued and stop; takes less than a second."""
        self._provider.shutdown()


def parent_context(headers: Iterable[tuple[bytes, bytes]]) -> Context:
    """The context of the caller as in its `traceparent` and `tracestate`, or an empty one."""
    carrier = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in headers
        if name in (b"traceparent", b"tracestate")
    }
    return _propagator.extract(carrier, context=_EMPTY) if carrier else _EMPTY
