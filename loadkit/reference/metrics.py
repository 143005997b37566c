"""The metrics of the service, by the guide's names, and what saturation needs beside them.

Served in Prometheus' text format 0.0.4 only. OpenMetrics demands `_total` on every counter, and
the client library adds it in both formats: `llm_total_cost_tracked_dollars`, which the guide
names without it, is therefore written by this module, and nothing else is ever negotiated.
"""

from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from loadkit.reference.exposition import Child, Family
from loadkit.reference.pricing import nano_text

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
TOKENS = (100.0, 500.0, 1_000.0, 5_000.0, 10_000.0, 50_000.0, 100_000.0, 1_000_000.0)

COST = "llm_total_cost_tracked_dollars"
COST_HELP = "Total cost tracked in dollars"

Reading = tuple[str, str, Callable[[], float]]


class Readings:
    """A collector that asks for its values when it is scraped."""

    def __init__(self, gauges: Iterable[Reading], counters: Iterable[Reading]) -> None:
        """Each reading is a name (a counter's ends in `_total`), its help, and the question."""
        self._gauges = tuple(gauges)
        self._counters = tuple(counters)

    def collect(self) -> Iterable[Metric]:
        """Ask everything."""
        for name, text, ask in self._gauges:
            yield GaugeMetricFamily(name, text, value=ask())
        for name, text, ask in self._counters:
            yield CounterMetricFamily(name.removesuffix("_total"), text, value=ask())

    def describe(self) -> Iterable[Metric]:
        """Nothing is registered by name: asking at start would be too early."""
        return ()


class Metrics:
    """Everything that is counted. One registry an instance."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        labels, models = ("method", "path", "status"), ("provider", "model")
        self._requests = Family("http_requests_total", "Total number of HTTP requests", labels, ())
        self._durations = Family(
            "http_request_duration_seconds", "HTTP request duration in seconds", labels, SECONDS
        )
        self._calls = Family("llm_api_calls_total", "Total number of LLM API calls", models, ())
        self._tokens = Family("llm_token_usage", "Tokens of an LLM call", models, TOKENS)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._series: dict[tuple[str, str, int], tuple[Child, Child]] = {}
        self._models: dict[tuple[str, str], tuple[Child, Child]] = {}
        self.in_flight = 0
        self._cost_nano = 0

    def declare(self, method: str, path: str, statuses: Iterable[int]) -> None:
        """Make series exist at 0, so that `rate` works from the first event on."""
        for status in statuses:
            self._of(method, path, status)

    def declare_model(self, provider: str, model: str) -> None:
        """The same for a model."""
        self._of_model(provider, model)

    def count(self, method: str, path: str, status: int, seconds: float) -> None:
        """One answered request."""
        counter, histogram = self._of(method, path, status)
        counter.inc()
        histogram.observe(seconds)

    def track_call(self, provider: str, model: str, tokens: int, cost_nano: int) -> None:
        """One recorded LLM call."""
        counter, histogram = self._of_model(provider, model)
        counter.inc()
        histogram.observe(tokens)
        self._cost_nano += cost_nano

    def watch(self, gauges: Iterable[Reading], counters: Iterable[Reading]) -> None:
        """Add values that are asked for at each scrape."""
        self.registry.register(Readings(gauges, counters))

    def render(self) -> bytes:
        """The page."""
        head = f"# HELP {COST} {COST_HELP}\n# TYPE {COST} counter\n"
        families = (self._requests, self._durations, self._calls, self._tokens)
        text = "".join(line for family in families for line in family.lines())
        own = f"{text}{head}{COST} {nano_text(self._cost_nano)}\n"
        return generate_latest(self.registry) + own.encode()

    def _of(self, method: str, path: str, status: int) -> tuple[Child, Child]:
        key = (method, path, status)
        series = self._series.get(key)
        if series is None:
            labels = (method, path, str(status))
            series = self._requests.child(*labels), self._durations.child(*labels)
            self._series[key] = series
        return series

    def _of_model(self, provider: str, model: str) -> tuple[Child, Child]:
        series = self._models.get((provider, model))
        if series is None:
            series = self._calls.child(provider, model), self._tokens.child(provider, model)
            self._models[(provider, model)] = series
        return series
