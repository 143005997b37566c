"""Headline, state and exit status, in every order of precedence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from analyse_run import Book, mono, peak_book, stage

from loadkit.analyse import analyse
from loadkit.analyse.findings import FINDERS
from loadkit.analyse.result import Analysis


def said(book: Book, **more: Any) -> Analysis:
    return analyse(book.run(), **more)


def troubled(*troubles: str) -> Book:
    """A run with several things wrong at once."""
    manifest: dict[str, Any] = {"slos": ["p95 < 300 ms"]}
    if "objective" in troubles:
        manifest["slos"].append("p99 < 1 ms")
    if "doubt" in troubles:
        manifest["slos"].append("@warm-up: p95 < 1 s")
    if "interrupted" in troubles:
        manifest |= {
            "state": "interrupted",
            "load_end": {"reason": "interrupted", "message": None, "in_flight": 0},
        }
    elif "broken" in troubles:
        manifest |= {
            "state": "failed",
            "load_end": {"reason": "died", "message": "status -9", "in_flight": None},
        }
    if "alert" in troubles:
        manifest["forbid"] = ["Bad"]
        manifest["stack"] = {"alerts": [{"name": "Bad", "interval_s": 2.0, "for_s": 0}]}
    book = peak_book(**manifest)
    if "alert" in troubles:
        book.up(-5, 36)
        book.alert("Bad", [], [20.0, 22.0])
    if "generator" in troubles:
        for second in range(15, 30):
            book.generator(second, lag_ms=500)
    return book


ORDER = [
    ("interrupted", "interrupted", 130),
    ("broken", "broken", 1),
    ("generator", "invalid", 5),
    ("alert", "failed", 4),
    ("objective", "failed", 3),
    ("doubt", "inconclusive", 5),
]


@pytest.mark.parametrize("position", range(len(ORDER)))
def test_precedence(position: int) -> None:
    trouble, verdict, status = ORDER[position]
    alone = said(troubled(trouble))
    assert (alone.verdict, alone.exit_status) == (verdict, status)
    with_lesser = said(troubled(*(name for name, _, _ in ORDER[position:])))
    assert (with_lesser.verdict, with_lesser.exit_status) == (verdict, status)


def test_all_well() -> None:
    analysis = said(troubled())
    assert (analysis.verdict, analysis.exit_status, analysis.state) == ("passed", 0, "complete")
    assert analysis.headline == "peak held 20/s: p95 30 ms (objective 300 ms), errors 0 %"


def test_headline_names_the_objectives() -> None:
    book = peak_book(slos=["p95 < 300 ms", "errors < 1 %", "p99 < 1 s"])
    assert said(book).headline == (
        "peak held 20/s: p95 30 ms (objective 300 ms), errors 0 % (objective 1 %), "
        "p99 30 ms (objective 1 s)"
    )


def test_failed_requests_alone_fail_nothing() -> None:
    book = peak_book()
    book.request(20.5, 0.01, outcome="failed", arrival=False)
    analysis = said(book)
    assert analysis.exit_status == 0
    assert analysis.headline.endswith("no objective was set")
    assert "errors-appeared" in [f.slug for f in analysis.findings]


def test_failed_says_what_by_how_much_where_and_since_when() -> None:
    book = peak_book(slos=["p95 < 20 ms"])
    analysis = said(book)
    assert analysis.headline == "p95 30 ms, 10 ms above 20 ms in peak, from second 14 on"


def test_failed_names_the_alert() -> None:
    assert "Bad must not fire but fired at 20 s" in said(troubled("alert")).headline


def test_broken_says_how_far_it_came() -> None:
    analysis = said(troubled("broken"))
    assert analysis.headline == "the load generator died 34 s into 34 s of load in peak"
    assert analysis.state == "crashed"


def test_a_run_that_never_began() -> None:
    book = Book(
        stage("peak", 0, 10),
        slos=["p95 < 1 s"],
        state="failed",
        t0_mono_ns=None,
        t0_wall_ns=None,
        end_mono_ns=mono(0),
        load_end={"reason": "error", "message": "Prometheus did not start"},
    )
    book.rows["host"].append({"mono_ns": mono(1), "cpu_ratio": 0.5})
    analysis = said(book)
    assert (analysis.verdict, analysis.exit_status) == ("broken", 1)
    assert analysis.headline == ("the run failed before the load began: Prometheus did not start")
    assert analysis.stages[0].achieved is None
    assert analysis.rate_lines == ()


def test_a_bundle_left_running_is_a_crash_unless_it_is_live() -> None:
    book = peak_book(state="running", load_end=None, end_mono_ns=None)
    dead = said(book)
    assert (dead.state, dead.verdict, dead.exit_status) == ("crashed", "broken", 1)
    assert "supervisor-died" in [f.slug for f in dead.findings]
    live = said(book, live=True)
    assert (live.state, live.verdict) == ("running", "inconclusive")
    assert live.headline == "still running, 34 s into 34 s of load in peak"
    assert "supervisor-died" not in [f.slug for f in live.findings]


def test_a_foreign_scenario_lasts_as_long_as_it_ran() -> None:
    book = Book(stage("run", 0, None, rate=None))
    book.steady(0, 12, 5, 0.01, arrival=False)
    book.idle_generator(12)
    analysis = said(book)
    assert analysis.stages[0].duration_s == pytest.approx(12.002)
    assert analysis.headline.startswith("run completed 5/s: p95 10 ms")
    assert analysis.exit_status == 0


def test_not_held() -> None:
    book = Book(stage("peak", 0, 10, 10.0))
    book.steady(0, 10, 10, 4.0)
    analysis = said(book)
    assert analysis.headline.startswith("peak completed 60 % of 10/s offered")
    assert "rate-not-reached" in [f.slug for f in analysis.findings]
    assert analysis.answers[0].answer == "10/s was not reached (peak), and no stage was"


def test_an_arrival_may_send_several_requests() -> None:
    book = Book(stage("peak", 0, 10, 10.0))
    book.steady(0, 10, 10, 0.01)
    book.steady(0, 10, 20, 0.01, operation="GET /b", arrival=False)
    assert said(book).headline.startswith("peak held 10/s")


def test_the_four_questions() -> None:
    book = troubled("objective")
    questions = [answer.question for answer in said(book).answers]
    assert len(questions) == 4
    book = peak_book(slos=["p95 < 20 ms"])
    assert said(book).answers[0].answer == (
        "20/s was not held within the objectives (peak); 5/s was (base)"
    )
    assert said(troubled("alert")).answers[2].answer == (
        "Bad fired at 20 s, and no message was seen"
    )
    assert said(book).answers[3].answer == "not asked in this run"


def test_what_was_noted_while_measuring_is_passed_on_and_not_said_twice() -> None:
    book = troubled("broken")
    row = {
        "slug": "load-child-died",
        "severity": "error",
        "summary": "status -9",
        "evidence": '{"last output": "x"}',
    }
    book.rows["findings"] += [row, row]
    own = {"slug": "clock-skew", "severity": "odd", "summary": "s", "evidence": "no json"}
    book.rows["findings"].append(own)
    found = said(book).findings
    died = [f for f in found if f.slug == "load-child-died"]
    assert [(f.summary, dict(f.evidence)) for f in died] == [("status -9", {"last output": "x"})]
    assert [f.severity.value for f in found if f.slug == "clock-skew"] == ["warning"]
    ranks = [("error", "warning", "info").index(f.severity.value) for f in found]
    assert ranks == sorted(ranks)


def test_what_is_missing_is_said() -> None:
    book = peak_book(
        collectors={"prometheus": "failed: gone", "host": "ok"}, lost_rows={"spans": 7, "logs": 0}
    )
    run = replace(book.run(), cut=("spans",))
    analysis = analyse(run)
    assert analysis.missing == (
        "prometheus: failed: gone",
        "the last rows of table spans: it was cut",
        "7 rows of table spans: could not be written",
    )
    assert {"data-missing", "rows-lost"} <= {f.slug for f in analysis.findings}


def test_the_same_run_gives_the_same_analysis() -> None:
    book = troubled("alert", "objective")
    assert analyse(book.run()) == analyse(book.run())


def test_finders_are_listed_once() -> None:
    assert len(set(FINDERS)) == len(FINDERS)


@pytest.mark.parametrize(
    ("least", "status", "verdict"),
    [(None, 0, "passed"), ("error", 0, "passed"), ("warning", 3, "failed")],
)
def test_a_finding_as_severe_as_asked_fails_the_run(
    least: str | None, status: int, verdict: str
) -> None:
    book = Book(stage("peak", 0, 10, 10.0), fail_on=least)
    book.steady(0, 10, 10, 4.0)
    book.idle_generator(10)
    analysis = said(book)
    assert [f.severity for f in analysis.findings if f.slug == "rate-not-reached"] == ["warning"]
    assert (analysis.exit_status, analysis.verdict) == (status, verdict)
    if status:
        assert analysis.headline.startswith("1 finding of at least warning: ")
