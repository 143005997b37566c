"""Each fault leaves its traces where one would look: metrics, spans, log, answers."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import psutil
import pytest
from reference_service import Collector, Running, collecting, running

pytestmark = pytest.mark.integration


@pytest.fixture
def traced(tmp_path: Any) -> Iterator[tuple[Running, Collector]]:
    with collecting() as collector:
        endpoint = f"http://127.0.0.1:{collector.port}"
        with running(tmp_path, "--otlp-endpoint", endpoint, "--pool-size", "4") as service:
            yield service, collector


def start(service: Running, **fault: object) -> str:
    answer = service.fault("POST", "/faults", fault)
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


def spans(service: Running, collector: Collector, name: str) -> list[Any]:
    """The spans of a name once the service has ended and so sent them all."""
    service.stop()
    return [span for span in collector.spans if span.name == name]


def seconds(span: Any) -> float:
    return float(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9


def until(said: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not said():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_leak_is_resident_and_stays(traced: tuple[Running, Collector]) -> None:
    service, _ = traced
    for _ in range(20):
        service.post()
    process = psutil.Process(service.process.pid)
    before = process.memory_info().rss
    fault = start(service, kind="leak", value=1 << 20)
    for _ in range(40):
        assert service.post().status == 201
    ended = service.fault("DELETE", f"/faults/{fault}").json
    assert ended["requests"] == 40
    kept = process.memory_info().rss - before
    assert 40 << 20 <= kept < 48 << 20
    assert service.value("process_resident_memory_bytes") >= before + (40 << 20)
    for _ in range(20):
        service.post()
    assert 40 << 20 <= process.memory_info().rss - before < 48 << 20


def test_a_lock_shows_in_its_step_and_as_a_resource(traced: tuple[Running, Collector]) -> None:
    service, collector = traced
    assert "step_lock" not in service.page()
    start(service, kind="lock", value=0.1, step="calculate_total")
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(service.post) for _ in range(8)]
        until(lambda: service.value("step_lock_waiting") > 0)
        assert {answer.result().status for answer in answers} == {201}
    assert service.value("step_lock_busy_seconds_total") >= 0.8
    assert service.value("step_lock_waiting") == 0
    took = sorted(seconds(span) for span in spans(service, collector, "calculate_total"))
    assert took[0] >= 0.1
    assert took[-1] >= 0.75  # the last of eight has waited for all others
    others = [seconds(span) for span in collector.spans if span.name == "apply_discount"]
    assert median(others) < 0.05


def test_slow_pricing_shows_in_its_step_and_holds_connections(
    traced: tuple[Running, Collector],
) -> None:
    service, collector = traced
    service.post()
    misses = service.value("pricing_cache_misses_total")
    busy = service.value("database_pool_busy_seconds_total")
    start(service, kind="pricing_slow", value=0.1)
    for _ in range(5):
        assert service.post().status == 201
    assert service.value("database_pool_busy_seconds_total") - busy >= 0.5
    assert service.value("pricing_cache_misses_total") == misses  # the cache was not even asked
    found = spans(service, collector, "fetch_pricing_data")
    assert [seconds(span) >= 0.1 for span in found] == [False] + [True] * 5
    hits = [
        pair.value.string_value
        for span in found
        for pair in span.attributes
        if pair.key == "cache.hit"
    ]
    assert hits == ["false"] * 6


def test_a_blocked_loop_shows_as_its_lag(traced: tuple[Running, Collector]) -> None:
    service, _ = traced
    service.value("event_loop_lag_max_seconds")
    fault = start(service, kind="loop_blocked", value=0.4)
    worst: list[float] = []

    def seen() -> bool:
        began = time.perf_counter()
        service.call("GET", "/api/v1/health")
        worst.append(time.perf_counter() - began)
        return len([took for took in worst if took > 0.2]) > 2

    until(seen)
    assert service.value("event_loop_lag_max_seconds") > 0.3
    ended = service.fault("DELETE", f"/faults/{fault}").json
    assert ended["requests"] >= 3
    lasted = (int(ended["end_monotonic_ns"]) - int(ended["start_monotonic_ns"])) / 1e9
    assert ended["requests"] <= lasted + 1.5  # about once a second


def test_an_unavailable_database_shows_in_answers_log_and_spans(
    traced: tuple[Running, Collector],
) -> None:
    service, collector = traced
    fault = start(service, kind="db_unavailable", value=1)
    answer = service.post()
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert service.call("GET", "/api/v1/pricing").status == 503
    assert service.call("GET", "/api/v1/health").status == 200
    assert service.counted()[("POST", "/api/v1/costs", "503")] == 1
    service.fault("DELETE", f"/faults/{fault}")
    assert service.post().status == 201
    start(service, kind="db_unavailable", value=0.25)
    # Two calls a request once the price is known: the second of every two requests fails.
    assert [service.post().status for _ in range(6)] == [201, 503] * 3
    failed = [span for span in spans(service, collector, "fetch_user_from_db") if span.status.code]
    assert len(failed) == 1
    stored = [span for span in collector.spans if span.name == "insert_database"]
    assert sum(bool(span.status.code) for span in stored) == 3
    lines = [line for line in service.lines() if line["action"] == "request_failed"]
    assert {line["error_type"] for line in lines} == {"StorageFailed"}


def test_an_evicted_cache_shows_as_misses(traced: tuple[Running, Collector]) -> None:
    service, _ = traced
    for _ in range(3):
        service.post()
    assert service.value("pricing_cache_misses_total") == 1
    fault = start(service, kind="cache_evicted", value=2)
    for _ in range(10):
        service.post()
    assert service.value("pricing_cache_misses_total") == 6
    assert service.value("pricing_cache_hits_total") == 7
    assert service.value("pricing_cache_evictions_total") == 5
    assert service.fault("DELETE", f"/faults/{fault}").json["requests"] == 5
    service.post()
    assert service.value("pricing_cache_misses_total") == 6
