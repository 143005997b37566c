"""loadkit's own metrics as a Prometheus reads them; docs/live.md lists them."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from loadkit.collect.httpd import Request, Response
from loadkit.live.address import may_be_called
from loadkit.live.meters import MEASURES, OUTCOMES, STATES, Meters

_ARRIVALS = (
    ("planned", "Arrivals that came due by the plan."),
    ("started", "Arrivals that a user took up."),
    ("late", "Arrivals that found no user free when they were due."),
    ("never_started", "Arrivals that were given up."),
)
_TIMES = {
    "response": "Response time, from when a request was due until its end.",
    "service": "Service time, from when a request was sent until its end.",
}
_GENERATOR = (
    ("cpu_ratio", "cpu_ratio", 1.0, "Share of one core that the load generator used."),
    ("loop_lag_ns", "loop_lag_seconds", 1e-9, "Worst lag of its event loop in the last second."),
    ("run_delay_ns", "cpu_wait_seconds", 1e-9, "Time in the last second that it waited for a CPU."),
    ("gc_pause_ns", "gc_pause_seconds", 1e-9, "Time in the last second that it collected garbage."),
    ("rss_bytes", "resident_memory_bytes", 1.0, "Resident memory of the load generator."),
)


class Exposition(Collector):
    """Answers a scrape of one run's meters."""

    def __init__(self, meters: Meters, named_host: str) -> None:
        self._meters = meters
        self._named = named_host
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def handle(self, request: Request) -> Response:
        """See Handler."""
        if _is_loopback(self._named) and not may_be_called(
            request.headers.get("host", ""), self._named
        ):
            return Response(421, b"these metrics are not served under that name\n")
        if request.method != "GET":
            return Response(405, b"GET only\n", headers=(("Allow", "GET"),))
        if request.path not in ("/metrics", "/metrics/"):
            return Response(404, b"there is /metrics and nothing else\n")
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        headers = (("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"))
        return Response(200, encode(self._registry), content_type, headers)

    def collect(self) -> Iterator[Metric]:
        """All metrics of this instant."""
        yield from self._run()
        yield from self._load()
        yield from self._requests()
        yield from self._latencies()
        yield from self._generator()
        yield from self._objectives()

    def _run(self) -> Iterator[Metric]:
        manifest, now = self._meters.manifest, self._meters.now
        labels = {
            "run": manifest.name,
            "run_id": manifest.run_id,
            "version": manifest.loadkit_version,
            "stack": str(manifest.stack.get("kind") or "none"),
        }
        yield InfoMetricFamily("loadkit_run", "The run that is going on.", value=labels)
        stage = self._meters.stage(now.stage)
        if stage is not None:
            number = self._meters.manifest.stages.index(stage) + 1
            kind = "warm-up" if stage.get("warmup") else "profile" if stage.get("profile") else ""
            labels = {"stage": now.stage, "number": str(number), "kind": kind or "measured"}
            yield InfoMetricFamily("loadkit_stage", "The stage that the run is in.", value=labels)
        yield GaugeMetricFamily(
            "loadkit_elapsed_seconds", "Time since the load began.", value=now.elapsed_s
        )

    def _load(self) -> Iterator[Metric]:
        now = self._meters.now
        for name, value, text in (
            ("planned_arrivals_per_second", now.planned, "Planned rate at this moment, open load."),
            ("responses_per_second", now.achieved, "Responses a second, over the last 5 s."),
            ("users", now.users, "Users that are running."),
            ("requests_in_flight", now.in_flight, "Requests sent and not yet ended."),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"loadkit_{name}", text, value=value)
        for event, text in _ARRIVALS:
            yield CounterMetricFamily(
                f"loadkit_arrivals_{event}", text, value=self._meters.events[event, ""]
            )

    def _requests(self) -> Iterator[Metric]:
        events = self._meters.events
        sent = CounterMetricFamily(
            "loadkit_requests_sent", "Requests that were sent.", labels=["operation"]
        )
        answered = CounterMetricFamily(
            "loadkit_responses", "Responses that came, good or bad.", labels=["operation"]
        )
        ended = CounterMetricFamily(
            "loadkit_requests", "Requests that ended.", labels=["operation", "outcome"]
        )
        for (event, operation), count in sorted(events.items()):
            if event == "sent":
                sent.add_metric([operation], count)
            elif event == "completed":
                answered.add_metric([operation], count)
            elif event in (*OUTCOMES, "cancelled"):
                ended.add_metric([operation, event], count)
        failures = CounterMetricFamily(
            "loadkit_failures", "Requests that failed, by kind.", labels=["kind"]
        )
        for kind, count in sorted(self._meters.failures.items()):
            failures.add_metric([kind], count)
        yield from (sent, answered, ended, failures)

    def _latencies(self) -> Iterator[Metric]:
        for measure in MEASURES:
            family = HistogramMetricFamily(
                f"loadkit_{measure}_time_seconds",
                _TIMES[measure],
                labels=["operation", "outcome"],
            )
            for (which, operation, outcome), spread in sorted(self._meters.spreads.items()):
                if which == measure:
                    buckets = [
                        (_edge(edge), float(count))
                        for edge, count in self._meters.cumulative(spread)
                    ]
                    family.add_metric([operation, outcome], buckets, spread.sum_ns / 1e9)
            yield family

    def _generator(self) -> Iterator[Metric]:
        health = self._meters.health
        for column, name, scale, text in _GENERATOR:
            family = GaugeMetricFamily(f"loadkit_generator_{name}", text, labels=["worker"])
            for worker, row in sorted(health.rows.items()):
                if row.get(column) is not None:
                    family.add_metric([worker], row[column] * scale)
            yield family
        state = GaugeMetricFamily(
            "loadkit_generator_health",
            "1 for the state of the load generator so far, 0 for the others.",
            labels=["state"],
        )
        for name in STATES:
            state.add_metric([name], float(name == health.state))
        yield state

    def _objectives(self) -> Iterator[Metric]:
        labels = ["objective", "stage"]
        value = GaugeMetricFamily(
            "loadkit_objective_value", "What an objective is about, so far.", labels=labels
        )
        threshold = GaugeMetricFamily(
            "loadkit_objective_threshold", "What it is compared with.", labels=labels
        )
        met = GaugeMetricFamily(
            "loadkit_objective_met", "1 while it is met so far; no verdict.", labels=labels
        )
        for found in self._meters.objectives.so_far():
            names = [found.objective, found.stage]
            value.add_metric(names, found.value)
            threshold.add_metric(names, found.threshold)
            met.add_metric(names, float(found.met))
        yield from (value, threshold, met)


def _edge(seconds: float) -> str:
    return "+Inf" if math.isinf(seconds) else str(seconds)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
