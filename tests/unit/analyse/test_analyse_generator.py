"""What makes a generator suspicious, second by second and worker by worker; and iterations."""

from __future__ import annotations

import json
from typing import Any

import pytest
from analyse_run import Book, peak_book, stage

from loadkit.analyse import analyse
from loadkit.report import json as report_json
from loadkit.report.iterations import iterations


def _with(*bad: int, workers: tuple[str | None, ...] = (None,), **what: Any) -> Any:
    book = peak_book()
    book.rows["generator"].clear()
    for second in range(34):
        for worker in workers:
            own = what if second in bad and worker == workers[-1] else {}
            book.generator(second, worker=worker, **own)
    return analyse(book.run()).generator


def test_a_stall_that_holds_up_its_row_counts_in_both_seconds() -> None:
    """190 ms across the turn of a second: the row that tells of it is late itself."""
    result = _with(20, lag_ms=190, late_s=0.15)
    assert result.bad_seconds == (20, 21)
    assert result.verdict == "degraded"


def test_a_stall_at_the_end_of_the_warm_up_reaches_into_the_first_measured_second() -> None:
    assert _with(3, lag_ms=190, late_s=0.15).bad_seconds == (4,)
    assert _with(3, lag_ms=190, late_s=0.05).bad_seconds == ()


def test_the_worst_worker_of_a_second_counts() -> None:
    result = _with(20, workers=("1", "2", "3"), cpu=0.95)
    assert (result.verdict, result.bad_seconds) == ("degraded", (20,))
    assert result.cpu_max == 0.95


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"open_files": 980, "max_files": 1_024}, "opened nearly all files"),
        ({"free_ports": 40, "max_files": None}, "hardly a local port was free"),
    ],
)
def test_files_and_ports_that_run_out(what: dict[str, Any], why: str) -> None:
    result = _with(20, **what)
    assert (result.verdict, result.bad_seconds) == ("degraded", (20,))
    assert why in result.reasons[0]
    fine = _with(20, open_files=900, max_files=1_024, free_ports=100)
    assert fine.verdict == "valid"


def test_waiting_for_a_cpu_degrades_when_it_is_no_passing_thing() -> None:
    base, peak = range(4, 14), range(14, 34)  # 50 and 600 ms of response times a second
    result = _with(*peak, run_delay_ns=100_000_000)
    assert result.verdict == "degraded"
    assert result.bad_seconds == tuple(peak)
    assert "20 of 30 measured seconds" in result.reasons[0]
    assert "had to wait for a CPU that others used, for more than 15 % of" in result.reasons[0]
    # It never makes a run invalid by itself, and needs a fifth of the measured seconds.
    assert _with(*range(34), run_delay_ns=900_000_000).verdict == "degraded"
    assert _with(*range(14, 19), run_delay_ns=100_000_000).verdict == "valid"
    # Little of what was measured, or little at all.
    assert _with(*peak, run_delay_ns=80_000_000).verdict == "valid"
    assert _with(*base, run_delay_ns=11_000_000).verdict == "degraded"
    assert _with(*base, run_delay_ns=9_000_000).verdict == "valid"
    # A worker waits for what it sends itself.
    assert _with(*peak, workers=("1", "2"), run_delay_ns=60_000_000).verdict == "degraded"


def test_a_bundle_without_these_columns_is_judged_by_the_others() -> None:
    assert _with().verdict == "valid"


def _iterated(requests_each: int) -> Any:
    book = Book(stage("warm-up", 0, 2), stage("peak", 2, 4))
    for second in range(6):
        name = "warm-up" if second < 2 else "peak"
        book.generator(second)
        for place in range(10):
            for _ in range(requests_each):
                book.request(second + place / 10, 0.02)
            at = (name, second, "checkout", "ok")
            book.time(*at, "iteration", 50_000_000 + place * 1_000_000)
            book.time(*at, "iteration_service", 40_000_000)
    return analyse(book.run())


def test_iterations_of_several_requests_have_a_table() -> None:
    analysis = _iterated(2)
    assert [(r.task, r.stage, r.count) for r in analysis.iterations] == [
        ("checkout", "warm-up", 20),
        ("checkout", "peak", 40),
    ]
    peak = analysis.iterations[1]
    assert peak.response.max == pytest.approx(0.059)
    assert peak.response.p50 == pytest.approx(0.054, rel=1e-3)
    assert peak.service.max == pytest.approx(0.040)
    shown = iterations(analysis)
    assert shown is not None
    assert [cell.text for cell in shown.rows[1]][:3] == ["checkout", "peak", "40"]
    written = json.loads(report_json.render(analysis))["iterations"]
    assert written[1]["task"] == "checkout"
    assert written[1]["response_s"]["max"] == pytest.approx(0.059)
    # They are no requests.
    assert [stage.count for stage in analysis.stages] == [40, 80]
    assert {result.operation for result in analysis.operations} == {"GET /items"}
    assert analysis.stages[1].response.max == pytest.approx(0.02)


def test_where_an_iteration_is_a_request_there_is_none() -> None:
    analysis = _iterated(1)
    assert analysis.iterations == ()
    assert iterations(analysis) is None
