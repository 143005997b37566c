"""Spans as a collector gets them."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from reference_service import BEARER, COST, Collector, Running, attributes, collecting, running

pytestmark = pytest.mark.integration

TREE = {
    "POST /api/v1/costs": None,
    "authenticate_user": "POST /api/v1/costs",
    "fetch_user_from_db": "authenticate_user",
    "validate_request": "POST /api/v1/costs",
    "calculate_cost": "POST /api/v1/costs",
    "fetch_pricing_data": "calculate_cost",
    "calculate_tokens": "calculate_cost",
    "calculate_total": "calculate_cost",
    "apply_discount": "calculate_cost",
    "store_cost": "POST /api/v1/costs",
    "insert_database": "store_cost",
    "send_notification": "POST /api/v1/costs",
}


def wait_for(condition: Callable[[], bool], seconds: float = 4) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


def tracing_service(collector: Collector) -> list[str]:
    return ["--otlp-endpoint", f"http://127.0.0.1:{collector.port}"]


def check_tree(spans: list[Span]) -> dict[str, Span]:
    names = {span.span_id: span.name for span in spans}
    parents = {span.name: names.get(span.parent_span_id) for span in spans}
    assert parents == TREE
    by_name = {span.name: span for span in spans}
    for span in spans:
        if span.name != "POST /api/v1/costs":
            parent = by_name[TREE[span.name] or ""]
            assert parent.start_time_unix_nano <= span.start_time_unix_nano
            assert span.end_time_unix_nano <= parent.end_time_unix_nano
    starts = [by_name[name].start_time_unix_nano for name in TREE]
    assert starts == sorted(starts)
    return by_name


def test_the_tree_the_parent_and_the_conventions(tmp_path: Path) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with collecting() as collector, running(tmp_path, *tracing_service(collector)) as service:
        headers = {**BEARER, "traceparent": f"00-{trace}-{parent}-01"}
        assert service.call("POST", "/api/v1/costs", COST, headers).status == 201
        unsampled = {**BEARER, "traceparent": f"00-{'1' * 32}-{parent}-00"}
        assert service.call("POST", "/api/v1/costs", COST, unsampled).status == 201
        refused = service.call("POST", "/api/v1/costs", {**COST, "model": "nix"})
        assert refused.status == 422
        service.stop()
        spans = [span for span in collector.spans if span.trace_id.hex() == trace]
        others = {span.trace_id.hex() for span in collector.spans} - {trace}
        by_name = check_tree(spans)
        root = by_name["POST /api/v1/costs"]
        assert root.parent_span_id.hex() == parent
        assert root.kind == Span.SPAN_KIND_SERVER
        found = attributes(root)
        assert found["http.request.method"] == "POST"
        assert found["http.route"] == found["url.path"] == "/api/v1/costs"
        assert found["http.response.status_code"] == 201
        assert found["server.port"] == service.api
        insert = attributes(by_name["insert_database"])
        assert insert["db.system.name"] == "sqlite"
        assert insert["db.operation.name"] == "INSERT"
        assert insert["db.collection.name"] == "costs"
        assert attributes(by_name["fetch_user_from_db"])["db.operation.name"] == "SELECT"
        assert {resource["service.name"] for resource in collector.resources} == {"llm-cost-ops"}
        # Not the one whose caller did not sample; the refused one has an id of its own.
        assert others == {refused.json["trace_id"]}
        failed = [span for span in collector.spans if span.trace_id.hex() in others]
        assert {s.name for s in failed if s.status.code == Status.STATUS_CODE_ERROR} == {
            "calculate_cost",
            "fetch_pricing_data",
        }
        line = next(line for line in service.lines() if line["action"] == "cost_recorded")
        assert (line["trace_id"], line["span_id"]) == (trace, root.span_id.hex())


def test_every_request_leaves_all_its_spans(tmp_path: Path) -> None:
    with collecting() as collector, running(tmp_path, *tracing_service(collector)) as service:
        for _ in range(150):
            assert service.post().status == 201
        service.stop()
        assert len(collector.spans) == 150 * len(TREE)
        roots = [span for span in collector.spans if span.name == "POST /api/v1/costs"]
        assert len({span.trace_id for span in roots}) == 150


def count_dropped(service: Running) -> float:
    return service.value("otel_dropped_spans_total")


def test_a_dead_collector_disturbs_nobody_and_is_counted(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with running(tmp_path, "--otlp-endpoint", endpoint) as service:
            for _ in range(5):
                assert service.post().status == 201
            wait_for(lambda: count_dropped(service) == 5 * len(TREE))
            assert service.post().status == 201
            wait_for(lambda: count_dropped(service) == 6 * len(TREE))
            assert service.stop() < 2
        failures = [line for line in service.lines() if line["action"] == "span_export_failed"]
        assert len(failures) == 1
        assert failures[0]["error_type"] == "ConnectionRefusedError"


def test_a_collector_that_never_answers_holds_nothing_up(tmp_path: Path) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(8)
        endpoint = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with running(tmp_path, "--otlp-endpoint", endpoint) as service:
            began = time.monotonic()
            for _ in range(20):
                assert service.post().status == 201
            assert time.monotonic() - began < 8
            assert service.stop() < 2


def test_without_an_endpoint_there_are_no_ids(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        assert service.call("GET", "/api/v1/costs", headers={}).json["trace_id"] is None
        assert count_dropped(service) == 0
