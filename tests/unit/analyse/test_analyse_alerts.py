"""The alert timeline from synthetic ALERTS samples, and what was expected of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from analyse_run import Book, mono, peak_book, stage, wall

from loadkit.analyse import analyse
from loadkit.analyse.result import AlertResult, Analysis
from loadkit.model import Status

RULE = {
    "name": "HighErrorRate",
    "for_s": 300,
    "scaled_for_s": 20,
    "severity": "critical",
    "interval_s": 2.0,
    "group": "g",
    "expr": "x",
}


def watched(*stages: dict[str, Any], **manifest: Any) -> Book:
    stages = stages or (
        stage("warm-up", 0, 10),
        stage("base", 10, 20),
        stage("peak", 30, 40, 20.0),
        stage("peak-profile", 70, 10, 20.0),
        stage("recovery", 80, 20),
    )
    stack = {"kind": "embedded", "scale": 15, "alerts": [RULE], "components": {}}
    book = Book(*stages, **({"stack": stack} | manifest))
    end = int(book.manifest.stages[-1]["start_s"] + book.manifest.stages[-1]["duration_s"])
    book.steady(0, end, 5, 0.01)
    book.idle_generator(end)
    book.up(-5, end + 2)
    return book


def alert(book: Book, name: str = "HighErrorRate") -> AlertResult:
    return next(a for a in analyse(book.run()).alerts if a.name == name)


def every(start: float, end: float, step: float = 2.0) -> list[float]:
    return [float(t) for t in np.arange(start, end, step)]


def fired(book: Book) -> Book:
    book.alert("HighErrorRate", every(42.5, 62), every(62.5, 75))
    return book


def test_a_spell_goes_from_pending_to_resolved_and_notified() -> None:
    book = fired(watched(forbid=["HighErrorRate"]))
    book.notify(40.0, "HighErrorRate")  # of something before
    book.notify(63.2, "HighErrorRate")
    book.notify(64.0, "HighErrorRate", receiver="pagerduty")
    book.notify(78.1, "HighErrorRate", "resolved")
    result = alert(book)
    assert len(result.spells) == 1
    spell = result.spells[0]
    times = (spell.pending_at, spell.firing_at, spell.resolved_at, spell.active_until)
    assert times == (42.5, 62.5, 76.5, 74.5)
    assert (spell.notified_at, spell.notified_resolved_at) == (63.2, 78.1)
    assert spell.receiver == "slack"
    assert spell.labels["severity"] == "critical"
    assert result.verdict is not None
    assert result.verdict.status is Status.FAILED
    assert result.role == "forbidden"


def test_a_gap_of_more_than_one_and_a_half_intervals_splits() -> None:
    book = watched()
    book.alert("HighErrorRate", every(40, 45), every(46, 51))  # firing 46 48 50
    book.alert("HighErrorRate", every(53.1, 56), [57.1])  # 3.1 s later
    spells = alert(book).spells
    assert [(s.pending_at, s.firing_at, s.resolved_at) for s in spells] == [
        (40.0, 46.0, 52.0),
        (53.1, 57.1, 59.1),
    ]


def test_a_lost_sample_within_the_gap_does_not_split() -> None:
    book = watched()
    book.alert("HighErrorRate", [40.0], [42.0, 44.9, 47.0])
    assert len(alert(book).spells) == 1


def test_back_to_pending_is_a_new_spell() -> None:
    book = watched()
    book.alert("HighErrorRate", [40.0, 46.0, 48.0], [42.0, 44.0, 50.0])
    assert [s.firing_at for s in alert(book).spells] == [42.0, 50.0]


def test_label_sets_are_spells_of_their_own() -> None:
    book = watched()
    book.alert("HighErrorRate", [], every(40, 50), path="/a")
    book.alert("HighErrorRate", [], every(44, 50), path="/b")
    assert [(s.labels["path"], s.firing_at) for s in alert(book).spells] == [
        ("/a", 40.0),
        ("/b", 44.0),
    ]


def test_pending_that_never_fired_has_no_firing_and_is_told() -> None:
    book = watched(expect=["HighErrorRate"])
    book.alert("HighErrorRate", every(40, 50))
    result = alert(book)
    assert result.spells[0].firing_at is None
    assert result.spells[0].resolved_at is None
    assert result.verdict is not None
    assert result.verdict.status is Status.FAILED
    assert "pending from 40 s" in result.verdict.observed


def test_still_firing_at_the_end_of_the_data_is_not_resolved() -> None:
    book = watched()
    book.alert("HighErrorRate", [], every(80, 102))
    assert alert(book).spells[0].resolved_at is None


def test_pending_by_age_where_its_samples_are_missing() -> None:
    book = watched()
    book.alert("HighErrorRate", [], every(62.5, 75))
    since = wall(42.5) / 1e9
    labels = {"alertname": "HighErrorRate", "severity": "critical"}
    book.series("ALERTS_FOR_STATE", [(t, since) for t in every(62.5, 75)], job="", **labels)
    assert alert(book).spells[0].pending_at == pytest.approx(42.5, abs=1e-6)


def test_the_api_is_the_second_source() -> None:
    book = watched(expect=["HighErrorRate"])
    for t in range(45, 76):
        state = "pending" if t < 63 else "firing"
        book.rows["alert_states"].append(
            {
                "mono_ns": mono(t),
                "alert": "HighErrorRate",
                "labels": '{"alertname": "HighErrorRate", "severity": "critical"}',
                "state": state,
                "active_wall_ns": wall(42.5),
            }
        )
    result = alert(book)
    spell = result.spells[0]
    assert (spell.pending_at, spell.firing_at, spell.resolved_at) == (42.5, 63.0, 76.0)
    assert result.verdict is not None
    assert result.verdict.status is Status.PASSED


# -- expectations -----------------------------------------------------------------------------


def status(book: Book, name: str = "HighErrorRate") -> Status:
    verdict = alert(book, name).verdict
    assert verdict is not None
    return verdict.status


def outcome(book: Book) -> tuple[str, int]:
    analysis = analyse(book.run())
    return analysis.verdict, analysis.exit_status


def test_expected_and_forbidden() -> None:
    assert status(fired(watched(expect=["HighErrorRate"]))) is Status.PASSED
    assert outcome(fired(watched(expect=["HighErrorRate"]))) == ("passed", 0)
    assert status(watched(expect=["HighErrorRate"])) is Status.FAILED
    assert outcome(watched(expect=["HighErrorRate"])) == ("failed", 4)
    assert status(watched(forbid=["HighErrorRate"])) is Status.PASSED
    assert outcome(watched(forbid=["HighErrorRate"])) == ("passed", 0)
    assert outcome(fired(watched(forbid=["HighErrorRate"]))) == ("failed", 4)


def test_only_shown_alerts_decide_nothing() -> None:
    book = fired(watched())
    assert alert(book).verdict is None
    assert outcome(book) == ("passed", 0)


def test_firing_only_in_a_profile_stage_is_not_held_against_anyone() -> None:
    book = watched(forbid=["HighErrorRate"])
    book.alert("HighErrorRate", every(71, 75), every(75, 90))
    result = alert(book)
    assert result.verdict is not None
    assert result.verdict.status is Status.PASSED
    assert "peak-profile" in (result.note or "")
    assert result.spells[0].counted is False
    assert "alert-outside" in slugs(analyse(book.run()))


def test_pending_since_a_measured_stage_counts_though_it_fires_in_a_profile_stage() -> None:
    book = watched(forbid=["HighErrorRate"])
    book.alert("HighErrorRate", every(69, 75), every(75, 78))
    assert status(book) is Status.FAILED


def test_firing_in_the_warm_up_is_not_what_was_expected() -> None:
    book = watched(expect=["HighErrorRate"])
    book.alert("HighErrorRate", [], every(4, 8))
    assert status(book) is Status.FAILED
    assert "warm-up" in (alert(book).note or "")


def test_firing_before_the_load_is_a_finding_and_no_proof() -> None:
    book = watched(expect=["HighErrorRate"])
    book.alert("HighErrorRate", [], every(-4, 20))
    assert status(book) is Status.INCONCLUSIVE
    assert outcome(book) == ("inconclusive", 5)
    assert "alert-active-before-load" in slugs(analyse(book.run()))
    book.manifest.expect, book.manifest.forbid = [], ["HighErrorRate"]
    assert status(book) is Status.FAILED


def left_out(key: str, **manifest: Any) -> Book:
    book = watched(**manifest)
    book.manifest.stack[key] = [
        {"name": "DatabaseDown", "kind": "alert", "file": "f", "reason": "no postgres job"},
        {"name": "slo:availability:ratio", "file": "f", "reason": "no"},
    ]
    return book


def test_withheld_is_open_and_decides_only_for_who_expects_it() -> None:
    book = left_out("withheld")
    result = alert(book, "DatabaseDown")
    assert result.role == "shown"
    assert result.verdict is not None
    assert result.verdict.status is Status.INCONCLUSIVE
    assert result.verdict.observed == "no source: no postgres job"
    assert [a.name for a in analyse(book.run()).alerts] == ["HighErrorRate", "DatabaseDown"]
    assert outcome(book) == ("passed", 0)
    assert outcome(left_out("withheld", forbid=["DatabaseDown"])) == ("passed", 0)
    assert outcome(left_out("withheld", expect=["DatabaseDown"])) == ("inconclusive", 5)
    assert "alert-no-source" in slugs(analyse(book.run()))


def test_refused_is_open() -> None:
    assert outcome(left_out("refused")) == ("passed", 0)
    book = left_out("refused", expect=["DatabaseDown"])
    assert "refused by Prometheus" in (alert(book, "DatabaseDown").note or "")
    assert outcome(book) == ("inconclusive", 5)
    assert "alert-rules-refused" in slugs(analyse(book.run()))


def test_a_name_that_is_no_rule_is_open_with_a_hint() -> None:
    book = watched(expect=["HighErorRate"])
    result = alert(book, "HighErorRate")
    assert result.note is not None
    assert "did you mean HighErrorRate?" in result.note
    assert outcome(book) == ("inconclusive", 5)


def test_without_prometheus_nothing_can_be_said() -> None:
    book = peak_book(forbid=["HighErrorRate"])
    assert status(book) is Status.INCONCLUSIVE
    assert outcome(book) == ("inconclusive", 5)


@pytest.mark.parametrize(("start", "end"), [(-5, 60), (20, 102)])
def test_data_that_do_not_cover_the_load_leave_it_open(start: float, end: float) -> None:
    book = watched(forbid=["HighErrorRate"])
    book.rows["metrics"].clear()
    book.up(start, end)
    result = alert(book)
    assert result.verdict is not None
    assert result.verdict.status is Status.INCONCLUSIVE
    assert "no data of Prometheus from" in result.verdict.observed


def test_a_gap_inside_the_load_leaves_it_open() -> None:
    book = watched(forbid=["HighErrorRate"])
    book.rows["metrics"] = [
        row for row in book.rows["metrics"] if not wall(50) < row["wall_ns"] < wall(60)
    ]
    assert status(book) is Status.INCONCLUSIVE


def test_prometheus_that_died_leaves_it_open_unless_it_had_fired() -> None:
    book = watched(forbid=["HighErrorRate"])
    book.manifest.stack["components"] = {"prometheus": {"pid": 1, "died_at_s": 50.0}}
    result = alert(book)
    assert result.verdict is not None
    assert result.verdict.observed == "Prometheus died at 50 s"
    assert status(fired(book)) is Status.FAILED


def test_a_load_that_ended_early_leaves_it_open() -> None:
    book = watched(
        expect=["HighErrorRate"],
        state="interrupted",
        load_end={"reason": "interrupted", "message": None, "in_flight": 0},
    )
    assert status(book) is Status.INCONCLUSIVE


def slugs(analysis: Analysis) -> list[str]:
    return [finding.slug for finding in analysis.findings]
