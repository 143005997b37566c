"""The metrics page: the guide's names, the format, series that exist from the start."""

import re
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from reference_service import Running, call, running

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("metrics")) as started:
        yield started


def test_only_the_text_format_is_served_and_the_guides_names_are_exact(service: Running) -> None:
    accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
    answer = call(service.metrics, "GET", "/metrics", headers=accept)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", answer.body.decode(), re.M))
    assert {name: types.get(name) for name in GUIDE} == GUIDE
    assert "llm_total_cost_tracked_dollars_total" not in answer.body.decode()
    assert set(SATURATION) <= set(types)


GUIDE = {
    "http_requests_total": "counter",
    "http_request_duration_seconds": "histogram",
    "active_connections": "gauge",
    "database_connections_active": "gauge",
    "llm_total_cost_tracked_dollars": "counter",
    "llm_api_calls_total": "counter",
    "llm_token_usage": "histogram",
}
SATURATION = [
    "store_queue_depth", "store_queue_capacity", "database_pool_size", "database_pool_in_use",
    "database_pool_waiting", "http_requests_in_flight", "event_loop_lag_seconds",
    "event_loop_lag_max_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes",
    "python_gc_collections_total", "otel_dropped_spans_total", "notifications_queued_total",
    "notifications_dropped_total",
]  # fmt: skip


def test_the_buckets_are_the_guides(service: Running) -> None:
    found = re.findall(
        r'^http_request_duration_seconds_bucket\{le="(.*)",method="POST",path="/api/v1/costs",'
        r'status="201"\}',
        service.page(),
        re.M,
    )
    assert found == ["0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1.0", "5.0", "+Inf"]


def test_every_5xx_series_is_there_before_the_first_error(service: Running) -> None:
    counted = service.counted()
    routes = {(method, path) for method, path, status in counted if path.startswith("/api/")}
    assert ("POST", "/api/v1/costs") in routes and ("GET", "/api/v1/health") in routes
    for method, path in routes - {("PUT", "/api/v1/costs")}:
        assert counted[(method, path, "500")] == 0
        assert counted[(method, path, "503")] == 0


def test_costs_and_tokens_add_up(service: Running) -> None:
    labels = '{model="gpt-4o",provider="openai"}'
    calls = service.value(f"llm_api_calls_total{labels}")
    tokens = service.value(f"llm_token_usage_sum{labels}")
    cost = re.search(r"^llm_total_cost_tracked_dollars (\S+)$", service.page(), re.M)
    assert cost is not None
    for _ in range(3):
        assert service.post().json["total"] == "0.005850000"
    after = re.search(r"^llm_total_cost_tracked_dollars (\S+)$", service.page(), re.M)
    assert after is not None
    assert Decimal(after[1]) - Decimal(cost[1]) == 3 * Decimal("0.00585")
    assert service.value(f"llm_api_calls_total{labels}") == calls + 3
    assert service.value(f"llm_token_usage_sum{labels}") == tokens + 3 * 1550


def test_scrapes_are_counted_under_their_own_path(service: Running) -> None:
    name = 'http_requests_total{method="GET",path="/metrics",status="200"}'
    first = service.value(name)
    assert service.value(name) == first + 1
    assert call(service.metrics, "GET", "/nix").status == 404


def test_the_worst_lag_is_kept_until_it_is_read(service: Running) -> None:
    service.page()
    service.fault("POST", "/faults", {"kind": "cpu", "value": 0.3, "duration": 5})
    service.call("GET", "/api/v1/pricing")
    time.sleep(0.06)
    assert service.value("event_loop_lag_max_seconds") > 0.2
    assert service.value("event_loop_lag_max_seconds") < 0.2
