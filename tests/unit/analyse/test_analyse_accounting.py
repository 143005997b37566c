"""The books, rates and the generator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from analyse_run import OPERATION, Book, mono, peak_book, stage

from loadkit.analyse import analyse
from loadkit.analyse.accounting import mean_rate
from loadkit.analyse.result import Analysis


def slugs(analysis: Analysis) -> list[str]:
    return [finding.slug for finding in analysis.findings]


def test_all_outcomes_are_in_the_books() -> None:
    book = Book(stage("peak", 0, 10))
    for i, outcome in enumerate(["ok"] * 7 + ["failed"] * 5 + ["raised"] * 3 + ["cancelled"] * 2):
        book.request(i / 2, 0.01, outcome=outcome)
    books = analyse(book.run()).accounting
    assert (books.ok, books.failed, books.raised, books.cancelled) == (7, 5, 3, 2)
    assert (books.planned, books.started, books.late, books.never_started) == (17, 17, 0, 0)
    assert (books.sent, books.completed, books.in_flight) == (17, 12, 0)
    assert books.balanced is True


def test_a_request_that_vanished_unbalances_the_books() -> None:
    book = peak_book()
    book.flow["peak", 20, OPERATION, "sent"] += 1
    analysis = analyse(book.run())
    assert analysis.accounting.balanced is False
    assert analysis.generator.verdict == "invalid"
    assert {"accounting-off", "generator-invalid"} <= set(slugs(analysis))
    assert (analysis.verdict, analysis.exit_status) == ("invalid", 5)


def test_an_arrival_that_vanished_unbalances_the_books() -> None:
    book = peak_book()
    book.flow["peak", 20, "", "planned"] += 1
    assert analyse(book.run()).accounting.balanced is False


def test_after_a_death_the_balance_is_not_known() -> None:
    book = peak_book(state="failed", load_end={"reason": "died", "message": "", "in_flight": None})
    book.flow["peak", 33, OPERATION, "sent"] += 3
    books = analyse(book.run()).accounting
    assert (books.balanced, books.in_flight) == (None, 3)


@pytest.mark.parametrize("how", ["manifest", "finding"])
def test_unknown_user_classes_leave_sent_unknown(how: str) -> None:
    book = peak_book(end_mono_ns=mono(34))
    if how == "manifest":
        book.manifest.generator = {"user_classes_known": False}
    else:
        book.rows["findings"].append(
            {"slug": "sent-unknown", "severity": "warning", "summary": "s", "evidence": "{}"}
        )
    analysis = analyse(book.run())
    assert analysis.accounting.sent is None
    assert analysis.accounting.balanced is None
    assert analysis.exit_status == 0


def test_closed_model_has_no_arrivals() -> None:
    book = Book(stage("steady", 0, 10, users=5))
    book.steady(0, 10, 5, 0.01, arrival=False)
    analysis = analyse(book.run())
    assert analysis.accounting.planned is None
    assert analysis.stages[0].users == (5, 5)
    assert analysis.stages[0].offered is None
    assert [line.name for line in analysis.rate_lines] == ["achieved"]


def test_histograms_that_disagree_with_the_counters_are_said() -> None:
    book = peak_book()
    book.time("peak", 20, OPERATION, "ok", "response", 10**7)
    found = [f for f in analyse(book.run()).findings if f.slug == "accounting-off"]
    assert "471 response times" in found[0].summary


def test_mean_rate_takes_the_part_of_a_second_that_a_stage_cuts() -> None:
    counts = np.array([10.0, 20.0, 30.0])
    assert mean_rate(counts, 0, 3) == 20
    assert mean_rate(counts, 0.5, 2.5) == (5 + 20 + 15) / 2
    nothing = mean_rate(counts, 1, 1)
    assert nothing is None


def test_achieved_counts_at_completion_and_offered_at_the_due_time() -> None:
    book = Book(stage("base", 0, 10), stage("peak", 10, 10))
    book.steady(0, 20, 10, 5.0)
    base, peak = analyse(book.run()).stages
    assert (base.offered, base.achieved) == (10, 5)  # the first 5 s complete nothing
    assert (peak.offered, peak.achieved) == (10, 10)
    assert (base.count, peak.count) == (100, 100)


def test_rate_line_shows_the_drain() -> None:
    book = Book(stage("peak", 0, 4))
    book.steady(0, 4, 2, 3.0)
    offered, achieved = analyse(book.run()).rate_lines
    assert list(offered.y) == [2, 2, 2, 2, None, None, None]
    assert list(achieved.y) == [0, 0, 0, 2, 2, 2, 2]
    assert list(achieved.x) == [0, 1, 2, 3, 4, 5, 6]


# -- the generator ------------------------------------------------------------------------------


def with_seconds(*bad: int, **what: Any) -> Book:
    book = peak_book()
    book.rows["generator"].clear()
    for second in range(34):
        book.generator(second, **(what if second in bad else {}))
    return book


@pytest.mark.parametrize("what", [{"cpu": 0.95}, {"lag_ms": 120}, {"gc_ms": 130}])
def test_bad_seconds_degrade_and_many_invalidate(what: dict[str, float]) -> None:
    few = analyse(with_seconds(20, 21, 22, **what).run())
    assert few.generator.verdict == "degraded"
    assert few.generator.bad_seconds == (20, 21, 22)
    assert few.exit_status == 0
    assert "generator-degraded" in slugs(few)
    many = analyse(with_seconds(20, 21, 22, 23, **what).run())  # 4 of 30 measured
    assert many.generator.verdict == "invalid"
    assert (many.verdict, many.exit_status) == ("invalid", 5)
    assert "4 of 30 measured seconds" in many.headline


def test_bad_seconds_of_the_warm_up_do_not_count() -> None:
    result = analyse(with_seconds(0, 1, 2, 3, cpu=1.0, lag_ms=900).run()).generator
    assert (result.verdict, result.bad_seconds) == ("valid", ())
    assert result.cpu_max == 0.1
    assert result.lag_max_s == pytest.approx(0.001)


def test_thresholds_themselves_are_good() -> None:
    book = with_seconds(20, cpu=0.9, lag_ms=100, gc_ms=100)
    assert analyse(book.run()).generator.verdict == "valid"


def test_lateness_counts_only_while_users_were_free() -> None:
    book = peak_book()
    for second in (20, 21):
        for _ in range(20):
            book.time("peak", second, "", "started", "lateness", 80_000_000)
    book.flow["peak", 21, "", "late"] += 1
    result = analyse(book.run()).generator
    assert result.bad_seconds == (20,)
    assert result.lateness_p99_s == pytest.approx(0.08, rel=0.001)


def test_starting_too_few_with_users_free_is_invalid() -> None:
    book = peak_book()
    for i in range(40):  # 400 of 440 started
        book.flow["peak", 14 + i % 20, "", "planned"] += 1
        book.flow["peak", 14 + i % 20, "", "never_started"] += 1
    assert analyse(book.run()).generator.verdict == "invalid"
    book.flow["peak", 15, "", "late"] += 40  # now users were busy: the service's doing
    analysis = analyse(book.run())
    assert analysis.generator.verdict == "valid"
    assert {"requests-late", "never-started"} <= set(slugs(analysis))


def test_nothing_recorded_about_the_generator_is_no_clean_bill() -> None:
    book = peak_book()
    book.rows["generator"].clear()
    assert analyse(book.run()).generator.verdict == "degraded"
