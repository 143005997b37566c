"""Whose metrics they are, what is done with corrections, and what each choice comes to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from analyse_run import Book, peak_book, stage

from loadkit.analyse import analyse
from loadkit.analyse.quantiles import of_summaries
from loadkit.analyse.result import Analysis, Line, Signal
from loadkit.analyse.series import Series
from loadkit.analyse.subject import is_instrument, subject

TIMES = [float(t) for t in range(-2, 36)]


def flat(book: Book, name: str, value: float, **labels: str) -> None:
    book.series(name, [(t, value) for t in TIMES], **labels)


def rising(book: Book, name: str, a_second: float, **labels: str) -> None:
    book.series(name, [(t, (t + 2) * a_second) for t in TIMES], **labels)


def shop(**manifest: Any) -> Book:
    """A service by its own names, scraped as job shop."""
    book = peak_book(**manifest)
    job = {"job": "shop", "instance": "127.0.0.1:8000"}
    for result, share in (("ok", 0.9), ("failed", 0.1)):
        rising(book, "shop_orders_handled_total", 20 * share, result=result, **job)
    for le, share in (("0.05", 0.5), ("0.1", 1.0), ("+Inf", 1.0)):
        rising(book, "shop_handle_seconds_bucket", 20 * share, le=le, **job)
    rising(book, "shop_handle_seconds_sum", 20 * 0.04, **job)
    rising(book, "shop_handle_seconds_count", 20, **job)
    for worker in "abc":
        flat(book, "shop_workers_busy", 1.0, worker=worker, **job)
    flat(book, "shop_workers", 4.0, **job)
    for number, (used, limit) in enumerate(((3.0, 10.0), (9.0, 10.0))):
        flat(book, "shop_queue_depth", used, queue=str(number), **job)
        flat(book, "shop_queue_capacity", limit, queue=str(number), **job)
    flat(book, "shop_load_percent", 25.0, **job)
    flat(book, "shop_bytes_free", 30.0, **job)
    flat(book, "shop_bytes_total", 40.0, **job)
    return book


def lines(analysis: Analysis) -> dict[str, Line]:
    return {line.name: line for line in analysis.saturation_lines}


def of(analysis: Analysis, method: str, name: str, source: str) -> Signal:
    return next(
        s for s in analysis.signals if (s.method, s.name) == (method, name) and source in s.source
    )


def test_each_choice_comes_to_a_ratio() -> None:
    found = lines(analyse(shop().run()))
    assert set(found["shop workers"].y) == {0.75}  # three workers counted each for itself
    assert set(found["shop queue (0)"].y) == {0.3}
    assert set(found["shop queue (1)"].y) == {0.9}
    assert set(found["shop load"].y) == {0.25}
    assert found["shop workers"].note == "shop_workers_busy / shop_workers"


def test_the_golden_signals_are_those_of_the_service() -> None:
    analysis = analyse(shop().run())
    assert of(analysis, "golden", "Traffic", "service").peak == "20/s"
    errors = of(analysis, "golden", "Errors", "service")
    assert errors.peak == "10 %"
    assert errors.source == 'service: shop_orders_handled_total{result="failed"}'
    latency = of(analysis, "golden", "Latency", "service")
    assert latency.peak == "mean 40 ms, p50 at most 50 ms, p95 about 95 ms (50–100 ms)"
    assert latency.line is not None
    assert set(np.round(np.array(latency.line.y, float), 6)) == {0.04}
    assert of(analysis, "golden", "Saturation", "shop_queue").peak == "mean 90 %, highest 90 %"
    assert [(r.role, r.said) for r in analysis.roles if r.metric][:3] == [
        ("rate", False), ("errors", False), ("duration", False),
    ]  # fmt: skip


def test_summaries_and_bare_sums_are_durations() -> None:
    book = peak_book()
    for number, (p50, p99) in enumerate(((10.0, 20.0), (12.0, 60.0))):
        for q, value in (("0.5", p50), ("0.99", p99)):
            flat(book, "app_request_latency_ms", value, quantile=q, pod=str(number))
        rising(book, "app_request_latency_ms_sum", 150, pod=str(number))
        rising(book, "app_request_latency_ms_count", 10, pod=str(number))
    analysis = analyse(book.run())
    assert of(analysis, "golden", "Latency", "app_request").peak == (
        "p50 10–12 ms, p99 20–60 ms (over the service's own window)"
    )
    assert of(analysis, "golden", "Traffic", "service").peak == "20/s"
    plain = peak_book()
    rising(plain, "http_server_requests_seconds_sum", 0.3, uri="/a", status="200")
    rising(plain, "http_server_requests_seconds_count", 10, uri="/a", status="200")
    found = of(analyse(plain.run()), "golden", "Latency", "http_server_requests")
    assert found.peak == "mean 30 ms"


def test_a_quantile_beyond_the_last_edge_is_only_above_it() -> None:
    book = peak_book()
    rising(book, "x_request_seconds_bucket", 1, le="0.1")
    rising(book, "x_request_seconds_bucket", 10, le="+Inf")
    rising(book, "x_request_seconds_sum", 90)
    rising(book, "x_request_seconds_count", 10)
    found = of(analyse(book.run()), "golden", "Latency", "x_request")
    assert found.peak == "mean 9 s, p50 above 100 ms, p95 above 100 ms"


def test_routes_are_told_apart_busiest_first() -> None:
    book = peak_book()
    for route, rate in (("/slow", 2.0), ("/quick", 8.0), ("/metrics", 50.0)):
        rising(book, "http_requests_total", rate, handler=route, code="200")
    found = [
        (s.resource, s.peak)
        for s in analyse(book.run()).signals
        if s.method == "RED" and s.name == "Rate" and s.source.startswith("service")
    ]
    assert found == [("all requests", "10/s"), ("/quick", "8/s"), ("/slow", "2/s")]


def test_a_summary_of_several_lies_between_them() -> None:
    one, two = (
        Series("s", {"quantile": "0.5"}, np.arange(3.0), np.array([v, v, np.nan])) for v in (1, 3)
    )
    found = of_summaries(0.5, [one, two], 0, 9)
    assert found is not None
    assert (found.low, found.value, found.high) == (1, 2, 3)
    assert of_summaries(0.9, [one, two], 0, 9) is None
    assert of_summaries(0.5, [one, two], 5, 9) is None


# -- corrections --------------------------------------------------------------------------------


def test_what_is_said_wins_and_the_rest_is_guessed() -> None:
    analysis = analyse(
        shop(
            signals={
                "errors": 'shop_orders_handled_total{result!="ok"}',
                "saturation": ["shop_queue_depth / shop_queue_capacity",
                               "1 - shop_bytes_free / shop_bytes_total"],
            }
        ).run()
    )  # fmt: skip
    taken = [(r.role, r.metric, r.said) for r in analysis.roles]
    assert taken == [
        ("rate", "shop_orders_handled_total", False),
        ("errors", 'shop_orders_handled_total{result!="ok"}', True),
        ("duration", "shop_handle_seconds", False),
        ("saturation", "shop_queue_depth / shop_queue_capacity", True),
        ("saturation", "1 - shop_bytes_free / shop_bytes_total", True),
    ]
    assert of(analysis, "golden", "Errors", "service").peak == "10 %"
    found = lines(analysis)
    assert set(found["shop"].y) == {0.25}
    assert "shop workers" not in found
    assert not [f for f in analysis.findings if f.slug == "signals-unknown"]


def test_errors_are_looked_for_in_the_rate_that_is_said() -> None:
    book = shop(signals={"rate": "other_calls_total"})
    for code in ("200", "500"):
        rising(book, "other_calls_total", 5.0, job="shop", code=code)
    analysis = analyse(book.run())
    roles = {r.role: r.metric for r in analysis.roles if r.role != "saturation"}
    assert roles["rate"] == "other_calls_total"
    assert roles["errors"] == 'other_calls_total{code=~"5.."}'
    assert of(analysis, "golden", "Errors", "service").peak == "50 %"


def test_names_that_are_not_there_are_told_with_near_ones() -> None:
    analysis = analyse(
        shop(
            signals={
                "rate": "shop_order_handled_total",
                "duration": "shop_handle_second",
                "saturation": ["shop_queue_depth / shop_queue_size"],
            }
        ).run()
    )
    found = [f for f in analysis.findings if f.slug == "signals-unknown"]
    assert len(found) == 3
    assert "[signals] rate names shop_order_handled_total" in found[0].summary
    assert "shop_orders_handled_total" in found[0].summary
    assert found[0].evidence["setting"] == "[signals] rate"
    roles = {r.role: r.metric for r in analysis.roles if r.role != "saturation"}
    assert roles["rate"] == "shop_orders_handled_total"  # the guess stays
    assert roles["duration"] == "shop_handle_seconds"
    assert "shop workers" in lines(analysis)


def test_a_histogram_named_by_one_of_its_series_is_taken() -> None:
    analysis = analyse(
        shop(
            signals={"rate": "shop_handle_seconds", "duration": "shop_handle_seconds_bucket"}
        ).run()
    )
    roles = {r.role: (r.metric, r.said) for r in analysis.roles}
    assert roles["rate"] == ("shop_handle_seconds_count", True)
    assert roles["duration"] == ("shop_handle_seconds", True)


def test_corrections_of_a_later_loadkit_are_passed_over() -> None:
    analysis = analyse(shop(signals={"speed": "x"}).run())
    assert {r.said for r in analysis.roles} == {False}


# -- whose they are -----------------------------------------------------------------------------


def one(job: str, instance: str, name: str = "x_total") -> Series:
    return Series(name, {"job": job, "instance": instance}, np.zeros(1), np.zeros(1))


@pytest.mark.parametrize(
    ("target", "jobs"),
    [
        ("http://127.0.0.1:9090", {"prometheus"}),
        ("http://localhost:9090/path", {"prometheus"}),
        ("http://[::1]:8000", {"shop"}),
        ("http://other:8000", {"shop", "web"}),
        (None, {"shop", "web"}),
    ],
)
def test_the_service_is_the_job_at_the_target(target: str | None, jobs: set[str]) -> None:
    scraped = [
        one("prometheus", "localhost:9090"),
        one("shop", "127.0.0.1:8000"),
        one("web", "web:80"),
        one("node", "127.0.0.1:9100"),
        one("recorded", "localhost:9090", "job:x:rate5m"),
    ]
    found = subject(scraped, target)
    assert found.jobs == jobs
    assert found.watches("node")
    assert not found.watches("shop")


def test_what_the_service_uses_may_be_full_but_serves_nothing() -> None:
    book = shop(target="http://127.0.0.1:8000")
    flat(book, "pg_stat_activity_count", 80.0, job="postgres", instance="db:9187")
    flat(book, "pg_settings_max_connections", 100.0, job="postgres", instance="db:9187")
    rising(book, "http_requests_total", 500.0, job="gateway", instance="gw:80", code="200")
    analysis = analyse(book.run())
    assert of(analysis, "golden", "Traffic", "service").peak == "20/s"
    assert set(lines(analysis)["pg stat activity"].y) == {0.8}


def test_instruments_are_told_by_words() -> None:
    assert is_instrument("kube-prometheus")
    assert not is_instrument("nodejs-shop")


def test_other_jobs_do_not_lend_their_metrics() -> None:
    book = peak_book()
    rising(book, "prometheus_http_requests_total", 5.0, job="prometheus", code="200")
    flat(book, "prometheus_notifications_queue_length", 1.0, job="prometheus")
    flat(book, "prometheus_notifications_queue_capacity", 2.0, job="prometheus")
    analysis = analyse(book.run())
    assert analysis.roles == ()
    assert "prometheus notifications queue" not in lines(analysis)


def test_without_any_metrics_nothing_is_claimed() -> None:
    book = Book(stage("peak", 0, 10))
    book.steady(0, 10, 5, 0.01)
    assert analyse(book.run()).roles == ()


def test_limits_that_are_none_give_no_ratio() -> None:
    book = peak_book()
    flat(book, "a_queue_depth", 1.0)
    flat(book, "a_queue_capacity", -1.0)
    flat(book, "b_queue_depth", 1.0)
    flat(book, "b_queue_capacity", 1.8e19)
    assert [name for name in lines(analyse(book.run())) if "queue" in name] == []
