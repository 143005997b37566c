"""The terminal's numbers, from frames as the load child sends them."""

from __future__ import annotations

from typing import Any

from loadkit.bundle.histogram import Histogram
from loadkit.run.live import WINDOW_S, Gauge, Live


def tick(latencies_ms: list[int], failed: int = 0, late: int = 0) -> dict[str, Any]:
    histogram = Histogram()
    for latency in latencies_ms:
        histogram.record(latency * 1_000_000)
    order = sorted(histogram.buckets)
    row = {
        "measure": "response",
        "outcome": "ok",
        "count": histogram.count,
        "sum_ns": histogram.sum_ns,
        "min_ns": histogram.min_ns,
        "max_ns": histogram.max_ns,
        "buckets": order,
        "counts": [histogram.buckets[index] for index in order],
    }
    total = len(latencies_ms)
    flow = {"completed": total, "ok": total - failed, "failed": failed, "late": late}
    return {
        "intervals": [row, {**row, "measure": "service"}],
        "flow": [{"event": event, "count": count} for event, count in flow.items()],
        "errors": [{"kind": "HTTP 503", "count": failed}] if failed else [],
    }


def test_the_last_seconds_only() -> None:
    gauge = Gauge()
    gauge.tick(tick([9000] * 10))
    for _ in range(WINDOW_S):
        gauge.tick(tick([10] * 95 + [100] * 5, failed=2, late=1))
    live = gauge.fill(Live())
    assert live.achieved == 100
    assert live.p50 is not None and abs(live.p50 - 0.010) < 1e-5
    assert live.p99 is not None and abs(live.p99 - 0.100) < 1e-4
    assert live.max == 0.1
    assert live.error_ratio == 0.02
    assert live.errors == {"HTTP 503": 10}
    assert live.late == 5


def test_nothing_seen_is_not_zero() -> None:
    live = Gauge().fill(Live())
    assert (live.achieved, live.p95, live.error_ratio) == (None, None, None)


def test_the_busiest_come_first() -> None:
    gauge = Gauge()
    gauge.resources([("a", 0.2), ("b", 0.9), ("c", 0.5)])
    gauge.resources([("a", 0.3), ("b", 0.1), ("c", 0.5)])
    assert [(n, r) for n, r, _ in gauge.fill(Live()).busiest] == [("c", 0.5), ("a", 0.3)]
