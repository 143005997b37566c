"""Faults of the running service: they do what they say, from and until when they say."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from reference_service import TOKEN, Running, call, collecting, running

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("faults"), "--pool-size", "4") as started:
        yield started


@pytest.fixture
def service(shared: Running) -> Iterator[Running]:
    yield shared
    for fault in shared.fault("GET", "/faults").json["active"]:
        shared.fault("DELETE", f"/faults/{fault['id']}")


def start(service: Running, **fault: object) -> dict[str, Any]:
    answer = service.fault("POST", "/faults", fault)
    assert answer.status == 201, answer.body
    started: dict[str, Any] = answer.json
    return started


def took(service: Running, path: str = "/api/v1/costs") -> float:
    began = time.perf_counter()
    if path == "/api/v1/costs":
        assert service.post().status == 201
    else:
        assert service.call("GET", path).status == 200
    return time.perf_counter() - began


def test_errors_are_evenly_spread_from_the_first_request_on(service: Running) -> None:
    start(service, kind="error_rate", value=0.08)
    statuses = []
    for number in range(100):
        if number % 10 == 0:
            assert service.call("GET", "/api/v1/health").status == 200
            assert service.call("GET", "/api/v1/ready").status == 200
        statuses.append(service.call("GET", "/api/v1/pricing").status)
    failed = [number for number, status in enumerate(statuses, 1) if status == 500]
    assert failed == [13, 25, 38, 50, 63, 75, 88, 100]
    assert set(statuses) == {200, 500}


def test_a_fault_ends_by_itself_on_time(service: Running) -> None:
    fault = start(service, kind="error_rate", value=1, duration=0.4)
    assert service.call("GET", "/api/v1/pricing").status == 500
    time.sleep(0.45)
    assert service.call("GET", "/api/v1/pricing").status == 200
    listing = service.fault("GET", "/faults").json
    assert listing["active"] == []
    ended = listing["history"][-1]
    assert ended["id"] == fault["id"]
    assert ended["end_reason"] == "expired"
    assert ended["requests"] == 1
    for clock in ("monotonic", "wall"):
        begin, end = ended[f"start_{clock}_ns"], ended[f"end_{clock}_ns"]
        assert isinstance(begin, str) and isinstance(end, str)
        assert int(end) - int(begin) == 400_000_000
    assert abs(int(ended["end_monotonic_ns"]) - time.monotonic_ns()) < 2e9
    assert abs(int(ended["end_wall_ns"]) - time.time_ns()) < 2e9


def test_a_fault_can_be_ended_before_its_time(service: Running) -> None:
    fault = start(service, kind="latency", value=5)
    ended = service.fault("DELETE", f"/faults/{fault['id']}")
    assert (ended.status, ended.json["end_reason"]) == (200, "removed")
    assert service.fault("DELETE", f"/faults/{fault['id']}").status == 404
    assert took(service) < 1


def test_latency_is_added_to_every_route_or_at_one_step(service: Running) -> None:
    fault = start(service, kind="latency", value=0.15)
    assert 0.15 <= took(service) < 0.4
    assert took(service, "/api/v1/pricing") >= 0.15
    assert took(service, "/api/v1/health") < 0.15
    service.fault("DELETE", f"/faults/{fault['id']}")
    start(service, kind="latency", value=0.15, step="apply_discount")
    assert 0.15 <= took(service) < 0.4
    assert took(service, "/api/v1/pricing") < 0.15


def test_cpu_is_really_burned(service: Running) -> None:
    start(service, kind="cpu", value=0.1, step="calculate_total")
    before = service.value("process_cpu_seconds_total")
    for _ in range(5):
        assert took(service) >= 0.1
    assert 0.5 <= service.value("process_cpu_seconds_total") - before < 0.8


def test_fewer_slots_make_requests_wait(service: Running) -> None:
    start(service, kind="latency", value=0.2, step="fetch_user_from_db")
    assert in_parallel(service, 4) < 0.5
    start(service, kind="pool_slots", value=1, duration=5)
    assert service.value("database_pool_size") == 1
    assert in_parallel(service, 4) >= 0.8
    assert service.value("database_pool_wait_seconds_total") > 1


def test_those_who_wait_go_on_when_the_slots_come_back(service: Running) -> None:
    start(service, kind="pool_slots", value=0, duration=0.5)
    seen: list[float] = []
    thread = threading.Thread(target=lambda: seen.append(took(service)))
    thread.start()
    time.sleep(0.2)
    assert service.value("database_pool_waiting") == 1
    thread.join()
    assert 0.3 < seen[0] < 1.5
    assert service.value("database_pool_size") == 4


def in_parallel(service: Running, number: int) -> float:
    threads = [threading.Thread(target=took, args=(service,)) for _ in range(number)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "not JSON"),
        ([], "must be an object"),
        ({"kind": "nix", "value": 1}, "the kinds are cache_evicted, cpu, db_unavailable, error_"),
        ({"kind": "error_rate"}, "value must be a number"),
        ({"kind": "error_rate", "value": "1"}, "value must be a number"),
        ({"kind": "error_rate", "value": 1.01}, "at most 1"),
        ({"kind": "error_rate", "value": 0}, "above 0"),
        ({"kind": "error_rate", "value": 0.1, "step": "store_cost"}, "takes no step"),
        ({"kind": "latency", "value": 1, "step": "nix"}, "unknown step 'nix'"),
        (b'{"kind": "latency", "value": NaN}', "finite"),
        (b'{"kind": "latency", "value": 1' + b"0" * 400 + b"}", "too large"),
        ({"kind": "latency", "value": 1, "duration": 0}, "duration must be"),
        ({"kind": "latency", "value": 1, "duration": "1s"}, "number of seconds"),
        ({"kind": "cpu", "value": -1}, "CPU seconds"),
        ({"kind": "pool_slots", "value": 1.5}, "whole number"),
        ({"kind": "cpu", "value": 1, "much": 1}, "unknown field 'much'"),
    ],
)
def test_faults_that_make_no_sense_are_refused(service: Running, body: object, text: str) -> None:
    answer = service.fault("POST", "/faults", body)
    assert answer.status == 422
    assert text in answer.json["detail"]
    assert service.fault("GET", "/faults").json["active"] == []


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], TOKEN + "x"])
def test_without_the_token_nothing_is_said_or_done(service: Running, token: str | None) -> None:
    assert service.faults is not None
    headers = {} if token is None else {"X-Fault-Token": token}
    for method, path in (("GET", "/faults"), ("POST", "/faults"), ("DELETE", "/faults/f1")):
        answer = call(service.faults, method, path, {"kind": "cpu", "value": 1}, headers)
        assert answer.status == 401
        assert set(answer.json) == {"type", "title", "status", "detail"}
    assert service.fault("GET", "/faults").json["active"] == []


def test_an_injected_error_looks_like_any_other(service: Running, tmp_path: Any) -> None:
    with collecting() as collector:
        endpoint = f"http://127.0.0.1:{collector.port}"
        with running(tmp_path, "--otlp-endpoint", endpoint) as traced:
            start(traced, kind="error_rate", value=1)
            answer = traced.post()
            assert answer.status == 500
            assert answer.headers["content-type"] == "application/problem+json"
            assert traced.counted()[("POST", "/api/v1/costs", "500")] == 1
            traced.stop()
        (span,) = collector.spans
        assert span.name == "POST /api/v1/costs"
        line = next(line for line in traced.lines() if line["action"] == "request_failed")
        assert line["level"] == "error"
        assert line["error_type"] == "InjectedFailure"
        assert line["trace_id"] == answer.json["trace_id"] == span.trace_id.hex()
        actions = [line["action"] for line in traced.lines()]
        assert actions.count("fault_started") == actions.count("fault_ended") == 1
