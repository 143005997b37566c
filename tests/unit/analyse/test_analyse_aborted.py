"""What is said of a run that an abort rule ended, and of one that a cap held back."""

from __future__ import annotations

from typing import Any

from analyse_run import OPERATION, Book, mono, stage

from loadkit.analyse import analyse
from loadkit.model import Status

HELD = {
    "rule": "errors: 50 % for 4 s",
    "since_s": 12.0,
    "at_s": 16.0,
    "observed": "75 % of 40 requests failed over 4 s",
}


def aborted(reached_s: int, **manifest: Any) -> Book:
    """A run of two stages that was ended in the second one."""
    ended: dict[str, Any] = {
        "state": "aborted",
        "end_mono_ns": mono(reached_s),
        "load_end": {"reason": "aborted", "message": "", "in_flight": 0},
        "abort": {"rules": [HELD["rule"]], "held": HELD},
    }
    book = Book(stage("base", 0, 10), stage("peak", 10, 20), **(ended | manifest))
    for second in range(reached_s):
        for part in range(10):
            failed = second >= 12 and part < 8
            due = second + part / 10
            book.request(due, 0.02, outcome="failed" if failed else "ok")
    book.idle_generator(reached_s)
    return book


def test_the_headline_says_which_rule_and_what_was_seen() -> None:
    result = analyse(aborted(16).run())
    assert result.state == "aborted"
    assert result.headline == (
        "aborted at 16 s of 30 s in peak: 75 % of 40 requests failed over 4 s, "
        "against the rule '50 % for 4 s'"
    )


def test_the_status_is_that_of_a_missed_objective() -> None:
    result = analyse(aborted(16).run())
    assert (result.verdict, result.exit_status) == ("failed", 3)


def test_a_generator_that_could_not_do_its_work_is_told_beside_it() -> None:
    book = aborted(16)
    book.rows["generator"].clear()
    book.idle_generator(16, lag_ms=900.0)
    result = analyse(book.run())
    assert (result.verdict, result.exit_status) == ("invalid", 5)
    assert result.headline.startswith("aborted at 16 s of 30 s")


def test_stages_before_are_judged_and_the_cut_one_is_open() -> None:
    result = analyse(aborted(16, slos=["p95 < 1 s"]).run())
    verdicts = {slo.stage: slo.verdict.status for slo in result.slos}
    assert verdicts == {"base": Status.PASSED, "peak": Status.INCONCLUSIVE}
    assert any("peak" in text for text in result.missing)


def test_an_expected_alert_that_had_no_time_is_not_missed() -> None:
    result = analyse(aborted(16, expect=["HighErrorRate"]).run())
    assert result.exit_status == 3
    (alert,) = [alert for alert in result.alerts if alert.name == "HighErrorRate"]
    assert alert.verdict is not None
    assert alert.verdict.status is Status.INCONCLUSIVE


def test_the_books_of_an_aborted_run_balance() -> None:
    assert analyse(aborted(16).run()).accounting.balanced is True


def test_a_cap_that_held_requests_back_is_said() -> None:
    book = Book(stage("peak", 0, 10, rate=None, users=5), max_rate=20.0)
    for second in range(10):
        for part in range(20):
            book.request(second + part / 20, 0.01, arrival=False)
        book.flow["peak", second, "", "held"] += 7
    found = [f for f in analyse(book.run()).findings if f.slug == "rate-capped"]
    assert len(found) == 1
    assert "70 requests in peak had to wait" in found[0].summary
    assert "no more than 20/s may be" in found[0].summary
    assert found[0].evidence == {"peak": "70"}


def test_arrivals_without_data_count_as_not_completed() -> None:
    book = Book(stage("peak", 0, 10))
    for second in range(10):
        for part in range(10):
            if second < 5:
                book.request(second + part / 10, 0.01)
            else:
                for event in ("planned", "started", "unfed"):
                    book.flow["peak", second, "", event] += 1
    result = analyse(book.run())
    (finding,) = [f for f in result.findings if f.slug == "rate-not-reached"]
    assert "50 % of what that calls for was completed" in finding.summary
    assert book.flow["peak", 0, OPERATION, "sent"] == 10
