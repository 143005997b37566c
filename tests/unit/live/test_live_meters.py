"""loadkit's own metrics: what is counted, and how a Prometheus reads it."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from loadkit.bundle.histogram import FINE, Histogram
from loadkit.bundle.manifest import Manifest
from loadkit.collect.httpd import Request
from loadkit.live.exposition import Exposition
from loadkit.live.meters import EDGES_S, Meters, Now
from loadkit.stack.binaries import ensure

MS = 1_000_000


def _manifest() -> Manifest:
    return Manifest(
        name="peak",
        run_id="ab12",
        created="2026-11-26T00:00:00Z",
        loadkit_version="0.1.0",
        stages=[
            {"name": "warm-up", "start_s": 0, "duration_s": 5, "warmup": True},
            {"name": "peak", "start_s": 5, "duration_s": 60},
        ],
        slos=["p95 < 300 ms", "errors < 10 %", "GET /a@peak: service max < 1 s", "rate > 3 /s"],
    )


def _interval(values_ms: list[float], measure: str, outcome: str = "ok") -> dict[str, Any]:
    histogram = Histogram(FINE)
    for value in values_ms:
        histogram.record(round(value * MS))
    return {
        "stage": "peak",
        "second": 7,
        "operation": "GET /a",
        "outcome": outcome,
        "measure": measure,
        "count": histogram.count,
        "sum_ns": histogram.sum_ns,
        "min_ns": histogram.min_ns,
        "max_ns": histogram.max_ns,
        "buckets": sorted(histogram.buckets),
        "counts": [histogram.buckets[index] for index in sorted(histogram.buckets)],
    }


def _flow(event: str, count: int, operation: str = "GET /a") -> dict[str, Any]:
    where = {"stage": "peak", "second": 7, "operation": operation}
    return where | {"event": event, "count": count}


def _tick() -> dict[str, list[dict[str, Any]]]:
    response = _interval([1.5, 9, 299, 301, 40_000], "response")
    return {
        "intervals": [
            response,
            _interval([1, 8, 200, 250, 900], "service"),
            _interval([5], "response", "failed"),
            _interval([7], "iteration"),
        ],
        "flow": [
            *(_flow(event, 6, "") for event in ("planned", "started")),
            _flow("late", 2, ""),
            _flow("sent", 7),
            _flow("completed", 6),
            _flow("ok", 5),
            _flow("failed", 1),
        ],
        "errors": [{"kind": "HTTP 503", "count": 1}],
        "generator": [{"cpu_ratio": 0.95, "loop_lag_ns": 2 * MS, "rss_bytes": 5e7, "worker": None}],
    }


def _scraped(meters: Meters, accept: str = "") -> str:
    request = Request("GET", "/metrics", {"host": "127.0.0.1:1", "accept": accept}, b"")
    response = Exposition(meters, "127.0.0.1").handle(request)
    assert response.status == 200
    return response.body.decode()


def _values(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def meters() -> Meters:
    made = Meters(_manifest())
    now = Now("peak", 7.5, planned=6.0, achieved=5.5, users=9, in_flight=1)
    made.tick(_tick(), now)
    made.tick(_tick(), now)
    return made


def test_what_is_counted_is_what_was_sent(meters: Meters) -> None:
    values = _values(_scraped(meters))
    ok = (("operation", "GET /a"), ("outcome", "ok"))
    assert values["loadkit_requests_total", ok] == 10
    assert values["loadkit_requests_total", (ok[0], ("outcome", "failed"))] == 2
    assert values["loadkit_requests_sent_total", ok[:1]] == 14
    assert values["loadkit_responses_total", ok[:1]] == 12
    assert values["loadkit_arrivals_planned_total", ()] == 12
    assert values["loadkit_arrivals_late_total", ()] == 4
    assert values["loadkit_arrivals_never_started_total", ()] == 0
    assert values["loadkit_failures_total", (("kind", "HTTP 503"),)] == 2
    assert values["loadkit_planned_arrivals_per_second", ()] == 6.0
    assert values["loadkit_responses_per_second", ()] == 5.5
    assert values["loadkit_users", ()] == 9
    assert values["loadkit_requests_in_flight", ()] == 1
    stage = (("kind", "measured"), ("number", "2"), ("stage", "peak"))
    assert values["loadkit_stage_info", stage] == 1


def test_histograms_are_cumulative_and_have_the_objectives_as_edges(meters: Meters) -> None:
    values = _values(_scraped(meters))
    where = {"operation": "GET /a", "outcome": "ok"}

    def up_to(edge: str, measure: str = "response") -> float:
        labels = tuple(sorted({**where, "le": edge}.items()))
        return values[f"loadkit_{measure}_time_seconds_bucket", labels]

    assert 0.3 in meters.edges_s and set(EDGES_S) <= set(meters.edges_s)
    assert [up_to(edge) for edge in ("0.001", "0.002", "0.01", "0.3", "0.5", "30.0", "+Inf")] == [
        *(0, 2, 4, 6, 8, 8, 10)
    ]
    labels = tuple(sorted(where.items()))
    assert values["loadkit_response_time_seconds_count", labels] == 10
    total = values["loadkit_response_time_seconds_sum", labels]
    assert total == pytest.approx(2 * (0.0015 + 0.009 + 0.299 + 0.301 + 40))
    assert up_to("0.2", "service") == 6


def test_objectives_are_shown_so_far_and_rates_are_left_to_the_end(meters: Meters) -> None:
    values = _values(_scraped(meters))

    def of(name: str, objective: str) -> float:
        return values[f"loadkit_objective_{name}", (("objective", objective), ("stage", "peak"))]

    assert of("value", "p95 < 300 ms") == pytest.approx(40, rel=1e-3)
    assert of("met", "p95 < 300 ms") == 0
    assert of("value", "errors < 10 %") == pytest.approx(2 / 12)
    assert of("threshold", "errors < 10 %") == pytest.approx(0.1)
    assert of("met", "GET /a@peak: service max < 1 s") == 1
    assert (
        "loadkit_objective_met",
        (("objective", "rate > 3 /s"), ("stage", "peak")),
    ) not in values


def test_a_generator_without_a_core_is_invalid(meters: Meters) -> None:
    values = _values(_scraped(meters))
    assert values["loadkit_generator_health", (("state", "invalid"),)] == 1
    assert values["loadkit_generator_health", (("state", "valid"),)] == 0
    assert values["loadkit_generator_cpu_ratio", (("worker", ""),)] == 0.95


def test_kinds_of_failures_are_capped(meters: Meters) -> None:
    rows = [{"kind": f"Error{n}", "count": 1} for n in range(100)]
    meters.tick({"errors": rows}, Now("peak"))
    assert len(meters.failures) == 31
    assert meters.failures["other"] == 100 - 29


def test_before_the_first_second_there_is_a_run_and_nothing_is_made_up() -> None:
    values = _values(_scraped(Meters(_manifest())))
    names = {name for name, _ in values}
    assert "loadkit_run_info" in names
    assert not names & {"loadkit_users", "loadkit_planned_arrivals_per_second"}


def test_openmetrics_is_spoken_to_who_asks(meters: Meters) -> None:
    text = _scraped(meters, "application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")
    assert "# TYPE loadkit_stage info" in text


@pytest.mark.parametrize(
    ("method", "path", "host", "named", "status"),
    [
        ("GET", "/metrics", "localhost:9646", "127.0.0.1", 200),
        ("GET", "/metrics", "evil.example", "127.0.0.1", 421),
        ("GET", "/metrics", "load.example:9646", "0.0.0.0", 200),
        ("GET", "/", "127.0.0.1", "127.0.0.1", 404),
        ("POST", "/metrics", "127.0.0.1", "127.0.0.1", 405),
    ],
)
def test_only_metrics_are_served(
    meters: Meters, method: str, path: str, host: str, named: str, status: int
) -> None:
    answer = Exposition(meters, named).handle(Request(method, path, {"host": host}, b""))
    assert answer.status == status


@pytest.mark.integration
def test_promtool_finds_nothing_wrong_with_the_names(meters: Meters) -> None:
    promtool = ensure(lambda text: None, ["promtool"])["promtool"].path
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=_scraped(meters),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr + done.stdout) == (0, "")
