"""Tail sampling: what is kept, what is counted, how much is held."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from loadkit.collect import otlp_decode
from loadkit.collect.otlp_keep import Keeper, Limits

MS = 1_000_000
REMOTE, LOCAL = 0x300, 0x100


def _trace(
    number: int, ms: float, *, failed: bool = False, name: str = "POST /x", at_ms: int = 0
) -> list[tuple[str, Span]]:
    trace_id, root_id = number.to_bytes(16, "big"), (number * 2 + 1).to_bytes(8, "big")
    start = 10**15 + at_ms * MS
    root = Span(
        trace_id=trace_id,
        span_id=root_id,
        parent_span_id=b"generat.",
        name=name,
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=start,
        end_time_unix_nano=start + round(ms * MS),
        flags=REMOTE,
    )
    child = Span(
        trace_id=trace_id,
        span_id=(number * 2 + 2).to_bytes(8, "big"),
        parent_span_id=root_id,
        name="store_cost",
        start_time_unix_nano=start + MS // 10,
        end_time_unix_nano=start + MS // 5,
        flags=LOCAL,
    )
    if failed:
        root.status.code = Status.STATUS_CODE_ERROR
    return [("svc", child), ("svc", root)]


def _kept(rows: list[dict[str, Any]]) -> dict[int, str]:
    return {int(row["trace_id"], 16): row["kept"] for row in rows}


def test_slowest_failed_and_sample_of_each_second() -> None:
    keeper = Keeper(Limits(slowest=5, failed=3, sample=2), seed=1)
    for number in range(1, 101):
        keeper.add(_trace(number, number, failed=number <= 10), now_s=0.0)
    assert keeper.decide(1.9) == []
    assert keeper.decide(2.0) == []  # decided, but more of that second may come
    rows = keeper.decide(4.5)
    kept = _kept(rows)
    by_kind = Counter(kept.values())
    assert by_kind["sample"] == 2
    assert {number for number in kept if number > 95} == {96, 97, 98, 99, 100}
    assert sum(number <= 10 for number in kept) >= 3
    assert len(rows) == 2 * len(kept)
    counts = keeper.take_counts()
    assert (counts.spans, counts.traces, counts.kept_traces) == (200, 100, len(kept))
    assert counts.dropped == 0
    assert keeper.held_spans == 0


def test_slowest_of_each_name() -> None:
    keeper = Keeper(Limits(slowest=1, sample=0))
    keeper.add(_trace(1, 500, name="slow"), 0.0)
    keeper.add(_trace(2, 400, name="slow"), 0.0)
    keeper.add(_trace(3, 1, name="quick"), 0.0)
    assert _kept(keeper.decide(0.0, final=True)) == {1: "slowest", 3: "slowest"}


def test_sample_is_fair() -> None:
    hits: Counter[int] = Counter()
    for seed in range(600):
        keeper = Keeper(Limits(slowest=0, failed=0, sample=2), seed)
        for number in range(1, 11):
            keeper.add(_trace(number, number), 0.0)
        hits.update(list(_kept(keeper.decide(0.0, final=True))))
    # 600 · 2/10 = 120 expected, standard deviation 9.8
    assert set(hits) == set(range(1, 11))
    assert all(75 < count < 165 for count in hits.values())


def test_same_seed_same_choice() -> None:
    def choice(seed: int) -> dict[int, str]:
        keeper = Keeper(Limits(slowest=0, sample=3), seed)
        for number in range(1, 60):
            keeper.add(_trace(number, 5), 0.0)
        return _kept(keeper.decide(0.0, final=True))

    assert choice(7) == choice(7)
    assert choice(7) != choice(8)


def test_trace_waits_for_late_spans() -> None:
    keeper = Keeper(Limits(second_s=0.0))
    child, root = _trace(1, 5)
    keeper.add([root], 0.0)
    keeper.add([child], 1.5)
    assert keeper.decide(2.5) == []
    assert len(keeper.decide(3.6)) == 2


def test_trace_without_its_root_is_decided_later() -> None:
    keeper = Keeper(Limits(second_s=0.0))
    keeper.add(_trace(1, 5)[:1], 0.0)
    assert keeper.decide(5.0) == []
    assert [row["name"] for row in keeper.decide(10.0)] == ["store_cost"]
    assert keeper.take_counts().traces == 0


def test_memory_is_bounded_and_what_is_given_up_is_counted() -> None:
    keeper = Keeper(Limits(held_spans=100))
    for number in range(1, 201):
        keeper.add(_trace(number, 5), 0.0)
        assert keeper.held_spans <= 100
    counts = keeper.take_counts()
    assert (counts.spans, counts.dropped) == (400, 300)


def test_one_endless_trace_is_bounded() -> None:
    keeper = Keeper(Limits(held_spans=10**6))
    for _ in range(12_000):
        keeper.add(_trace(1, 5)[:1], 0.0)
    assert keeper.held_spans == 10_000
    assert keeper.take_counts().dropped == 2_000


@pytest.mark.parametrize(
    ("parent", "flags", "kind", "begins"),
    [
        (b"", 0, 1, True),
        (b"12345678", REMOTE, 1, True),
        (b"12345678", LOCAL, 2, False),
        (b"12345678", 0, 2, True),
        (b"12345678", 0, 1, False),
    ],
)
def test_where_a_process_begins(parent: bytes, flags: int, kind: int, begins: bool) -> None:
    span = Span(parent_span_id=parent, flags=flags, kind=kind)  # type: ignore[arg-type]
    assert otlp_decode.begins_here(span) is begins


def test_row_of_a_span() -> None:
    span = _trace(1, 12.5, failed=True)[1][1]
    span.attributes.add(key="http.response.status_code").value.int_value = 503
    span.attributes.add(key="http.request.header.authorization").value.string_value = "s3cret"
    span.attributes.add(key="url.query").value.string_value = "api_key=s3cret&x=1"
    event = span.events.add(name="exception")
    event.attributes.add(key="exception.type").value.string_value = "QueueFull"
    row = otlp_decode.row("svc", span, "failed")
    assert row["duration_ns"] == 12_500_000
    assert (row["kind"], row["status"], row["kept"]) == ("server", "error", "failed")
    attributes = json.loads(row["attributes"])
    assert attributes["http.response.status_code"] == 503
    assert attributes["exception.type"] == "QueueFull"
    assert "s3cret" not in row["attributes"]


def test_json_has_hexadecimal_ids() -> None:
    body = {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]
                },
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": "0af7651916cd43dd8448eb211c80319c",
                                "spanId": "b7ad6b7169203331",
                                "name": "GET /",
                                "kind": 2,
                                "startTimeUnixNano": "1000",
                                "endTimeUnixNano": "3000",
                                "somethingNew": 1,
                            }
                        ]
                    }
                ],
            }
        ]
    }
    request = otlp_decode.decode_json(json.dumps(body).encode())
    ((service, span),) = otlp_decode.spans(request)
    assert service == "web"
    assert span.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert otlp_decode.row(service, span, "sample")["duration_ns"] == 2_000


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"\x0a\x05abc"])
def test_broken_protobuf_is_malformed(body: bytes) -> None:
    with pytest.raises(otlp_decode.Malformed):
        otlp_decode.decode(body)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"resourceSpans":1}',
             b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}'],
)  # fmt: skip
def test_broken_json_is_malformed(body: bytes) -> None:
    with pytest.raises(otlp_decode.Malformed):
        otlp_decode.decode_json(body)


def test_empty_request_is_a_request() -> None:
    assert otlp_decode.decode(b"") == ExportTraceServiceRequest()
