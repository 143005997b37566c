"""Objectives: every way to pass, fail and stay open."""

from __future__ import annotations

from typing import Any

import pytest
from analyse_run import OPERATION, Book, mono, peak_book, stage

from loadkit.analyse import analyse
from loadkit.analyse.result import SloResult
from loadkit.model import Status


def judged(book: Book, *slos: str) -> dict[str, SloResult]:
    book.manifest.slos = list(slos)
    return {f"{r.slo} in {r.stage}": r for r in analyse(book.run()).slos}


def one(book: Book, slo: str) -> SloResult:
    results = judged(book, slo)
    assert len(results) == 1, results
    return next(iter(results.values()))


def single(**manifest: Any) -> Book:
    return Book(stage("peak", 0, 10), **manifest)


def test_without_a_stage_each_measured_stage_is_judged_by_itself() -> None:
    results = judged(peak_book(), "p95 < 20 ms")
    assert list(results) == ["p95 < 20 ms in base", "p95 < 20 ms in peak"]
    base, peak = results.values()
    assert base.verdict.status is Status.PASSED
    assert base.first_bad_s is None
    assert peak.verdict.status is Status.FAILED
    assert peak.value == pytest.approx(0.03, rel=0.001)
    assert peak.first_bad_s == 14.0


@pytest.mark.parametrize("name", ["warm-up", "peak-profile"])
def test_a_stage_outside_verdicts_stays_open_with_the_reason(name: str) -> None:
    book = Book(stage(name, 0, 5), stage("peak", 5, 5))
    book.steady(0, 10, 5, 9.0)
    result = one(book, f"@{name}: p95 < 1 s")
    assert result.verdict.status is Status.INCONCLUSIVE
    assert name in result.verdict.observed
    assert "outside every verdict" in result.verdict.observed


def test_no_measured_stage_stays_open() -> None:
    book = Book(stage("warm-up", 0, 5))
    book.steady(0, 5, 5, 0.01)
    result = one(book, "p95 < 1 s")
    assert (result.stage, result.verdict.status) == ("", Status.INCONCLUSIVE)


def test_an_operation_nobody_asked_for_stays_open_and_names_the_others() -> None:
    book = single()
    book.steady(0, 10, 5, 0.01)
    result = one(book, "POST /nothing@peak: p95 < 1 s")
    assert result.verdict.status is Status.INCONCLUSIVE
    assert OPERATION in result.verdict.observed


def test_a_stage_without_a_request_stays_open() -> None:
    result = one(single(), "p95 < 1 s")
    assert result.verdict.status is Status.INCONCLUSIVE
    assert result.value is None


def test_errors_count_failed_raised_and_cancelled_of_all_that_ended() -> None:
    book = single()
    book.steady(0, 10, 9, 0.01)  # 90 ok
    for outcome, number in (("failed", 4), ("raised", 3), ("cancelled", 3)):
        for i in range(number):
            book.request(6 + i / 10, 0.01, outcome=outcome)
    result = one(book, "errors < 10 %")
    assert result.value == 0.1
    assert result.verdict.status is Status.FAILED  # 10 % is not below 10 %
    assert one(book, "errors <= 10 %").verdict.status is Status.PASSED
    assert one(book, "errors < 5 %").first_bad_s == 6.0


def test_scope_and_measure_choose_what_is_judged() -> None:
    book = single()
    book.steady(0, 10, 5, 0.5, service_s=0.010)
    book.steady(0, 10, 5, 0.020, operation="GET /fast")
    assert one(book, "service p99 < 25 ms").verdict.status is Status.PASSED
    assert one(book, "p99 < 25 ms").verdict.status is Status.FAILED
    fast = one(book, "GET /fast: p99 < 25 ms")
    assert fast.verdict.status is Status.PASSED
    assert fast.value == pytest.approx(0.02, rel=0.001)


@pytest.mark.parametrize(
    ("slo", "value", "status"),
    [
        ("mean < 60 ms", 0.055, Status.PASSED),
        ("mean < 50 ms", 0.055, Status.FAILED),
        ("max <= 100 ms", 0.1, Status.PASSED),
        ("max < 100 ms", 0.1, Status.FAILED),
        ("p50 < 11 ms", 0.01, Status.PASSED),
        ("p50.1 < 11 ms", 0.1, Status.FAILED),
        ("rate > 19 /s", 20.0, Status.PASSED),
        ("rate >= 21 /s", 20.0, Status.FAILED),
    ],
)
def test_every_metric(slo: str, value: float, status: Status) -> None:
    book = single()
    book.steady(0, 10, 10, 0.01, arrival=False)
    for second in range(10):
        for i in range(10):
            book.request(second + i / 20, 0.1)
    result = one(book, slo)
    assert result.value == pytest.approx(value, rel=0.001)
    assert result.verdict.status is status


def test_a_cancelled_request_counts_as_at_least_what_it_had_waited() -> None:
    book = single()
    book.steady(0, 9, 10, 0.01)
    for i in range(10):
        book.request(9 + i / 20, 5.0, outcome="cancelled")
    # 10 of 100 waited 5 s or more: p95 lies among them whatever they would have taken.
    assert one(book, "p95 < 1 s").verdict.status is Status.FAILED
    assert one(book, "p90 < 1 s").verdict.status is Status.PASSED
    # Their 5 s are below 10 s, but how long they would have taken nobody knows.
    doubt = one(book, "p95 < 10 s")
    assert doubt.verdict.status is Status.INCONCLUSIVE
    assert "never ended" in doubt.verdict.observed
    assert one(book, "max < 10 s").verdict.status is Status.INCONCLUSIVE
    assert one(book, "mean < 10 s").verdict.status is Status.INCONCLUSIVE
    assert one(book, "max < 4 s").verdict.status is Status.FAILED
    assert one(book, "p95 > 1 s").verdict.status is Status.PASSED


def test_arrivals_that_never_started_leave_a_quantile_open() -> None:
    book = single()
    book.steady(0, 10, 9, 0.01)
    for second in range(10):
        book.flow["peak", second, "", "planned"] += 1
        book.flow["peak", second, "", "never_started"] += 1
    assert one(book, "p95 < 1 s").verdict.status is Status.INCONCLUSIVE
    assert one(book, "p90 < 1 s").verdict.status is Status.PASSED


def test_requests_whose_end_is_not_known_leave_errors_open() -> None:
    book = single()
    book.steady(0, 10, 10, 0.01)
    book.flow["peak", 9, OPERATION, "sent"] += 5
    book.manifest.load_end = {"reason": "died", "message": "", "in_flight": None}
    assert one(book, "errors < 1 %").verdict.status is Status.INCONCLUSIVE


def cut_short(response_s: float) -> Book:
    book = Book(
        stage("base", 0, 10),
        stage("peak", 10, 10),
        stage("recovery", 20, 10),
        state="interrupted",
        load_end={"reason": "interrupted", "message": None, "in_flight": 0},
        end_mono_ns=mono(14),
    )
    book.steady(0, 14, 10, response_s)
    return book


def test_an_interrupted_stage_is_judged_only_where_it_failed_already() -> None:
    good = judged(cut_short(0.01), "p95 < 300 ms")
    statuses = {key.rsplit(" ", 1)[1]: r.verdict.status for key, r in good.items()}
    assert statuses == {
        "base": Status.PASSED,
        "peak": Status.INCONCLUSIVE,
        "recovery": Status.INCONCLUSIVE,
    }
    assert "4 s of 10 s" in good["p95 < 300 ms in peak"].verdict.observed
    assert "never reached" in good["p95 < 300 ms in recovery"].verdict.observed
    bad = judged(cut_short(0.9), "p95 < 300 ms")
    assert bad["p95 < 300 ms in peak"].verdict.status is Status.FAILED


def test_first_bad_second_is_the_first_in_the_stage_that_misses() -> None:
    book = peak_book()
    for second in range(20, 34):
        for i in range(20):
            book.request(second + i / 40, 0.8, arrival=False)
    results = judged(book, "p95 < 300 ms", "rate < 25 /s", "mean < 100 ms")
    assert results["p95 < 300 ms in peak"].first_bad_s == 20.0
    assert results["mean < 100 ms in peak"].first_bad_s == 20.0
    assert results["rate < 25 /s in peak"].first_bad_s == 20.0


def test_an_unknown_stage_stays_open() -> None:
    book = single()
    book.steady(0, 10, 5, 0.01)
    result = one(book, "@summit: p95 < 1 s")
    assert result.verdict.status is Status.INCONCLUSIVE
    assert "summit" in result.verdict.observed
