"""The crew: places, stamps in one clock, sums, books of each worker."""

from __future__ import annotations

from typing import Any

from loadkit.load.workers import partings
from loadkit.load.workers.crew import Crew, Member
from loadkit.load.workers.refusals import MOST_REASONS, OTHERS, Refusals
from loadkit.load.workers.remainder import Remainder, Told

S = 1_000_000_000


def member(index: int, **changes: Any) -> Member:
    values: dict[str, Any] = {
        "session": bytes([index]),
        "name": f"w{index}",
        "host": "h",
        "pid": 100 + index,
        "local": False,
        "versions": {},
        "same_host": True,
        "heard_ns": 0,
    }
    return Member(index=index, **{**values, **changes})


def flow(event: str, count: int, stage: str = "a") -> dict[str, Any]:
    return {"stage": stage, "second": 0, "operation": "", "event": event, "count": count}


def test_stamps_of_every_kind_are_moved_to_the_masters_clock() -> None:
    worker = member(0, offset_ns=-40)
    rows = worker.take_rows(
        {
            "generator": [{"mono_ns": 100, "users": 1}],
            "exemplars": [{"mono_ns": 110}],
            "samples": [{"mono_ns": 120}],
            "flow": [flow("sent", 3)],
        }
    )
    assert rows["generator"] == [{"mono_ns": 60, "users": 1, "worker": "w0"}]
    assert rows["exemplars"][0]["mono_ns"] == 70
    assert rows["samples"][0]["mono_ns"] == 80


def test_each_worker_has_books_of_its_own() -> None:
    worker = member(0)
    worker.take_rows({"flow": [flow("planned", 5), flow("started", 3), flow("sent", 4)]})
    worker.take_rows({"flow": [flow("planned", 1, "b"), flow("ok", 1), flow("failed", 1)]})
    assert worker.told == {"a": Told(5, 3, 0), "b": Told(1, 0, 0)}
    assert worker.told["a"].waiting == 2
    assert worker.unsettled == 2


def test_places_are_given_from_the_first_and_names_once() -> None:
    crew = Crew(3)
    assert crew.place() == 0
    crew.members = {0: member(0, name="web"), 2: member(2, name="web (2)")}
    assert crew.place() == 1
    assert crew.unique_name("web") == "web (3)"
    assert crew.unique_name("db") == "db"
    assert not crew.complete
    crew.members[1] = member(1)
    assert crew.place() is None
    assert crew.by_session(bytes([1])) is crew.members[1]
    assert crew.by_session(b"?") is None


def test_live_numbers_are_added_without_the_lost() -> None:
    crew = Crew(2)
    live = {"stage": "peak", "users": 4, "waiting": 1, "in_flight": 2, "late": 7}
    crew.members = {0: member(0, live=live), 1: member(1, live=dict(live, users=5))}
    assert crew.live() == {
        "stage": "peak", "users": 9, "waiting": 2, "in_flight": 4, "late": 14,
    }  # fmt: skip
    crew.members[1].state = "lost"
    assert crew.live()["users"] == 4


def test_silence_is_noticed_after_five_seconds_and_only_of_those_at_work() -> None:
    crew = Crew(3)
    crew.members = {
        0: member(0, heard_ns=10 * S),
        1: member(1, heard_ns=4 * S, state="running"),
        2: member(2, heard_ns=4 * S, state="ended"),
    }
    assert crew.silent(9 * S) == []
    assert [m.index for m in crew.silent(9 * S + 1)] == [1]


def test_requests_under_way_at_the_end_include_those_of_the_lost() -> None:
    crew = Crew(2)
    crew.members = {
        0: member(0, state="ended", end={"in_flight": 1}, unsettled=1),
        1: member(1, state="lost", unsettled=4),
    }
    assert crew.in_flight() == 5


def test_what_the_manifest_keeps_of_a_lost_worker() -> None:
    crew = Crew(1)
    crew.members = {
        0: member(
            0, state="lost", offset_ns=-3 * S, uncertainty_ns=20, latest_offset_ns=-3 * S + 5,
            told_until_ns=12 * S, lost_ns=13 * S + S // 2, unknown=8,
        )
    }  # fmt: skip
    (entry,) = crew.for_manifest(10 * S)
    assert entry["offset_ns"] == str(-3 * S)
    assert (entry["uncertainty_ns"], entry["drift_ns"]) == ("20", "5")
    assert (entry["lost_from_s"], entry["lost_until_s"], entry["unknown"]) == (2.0, 3.5, 8)
    assert crew.for_manifest(None)[0]["lost_until_s"] is None


def test_the_finding_says_what_is_missing_from_when_to_when() -> None:
    worker = member(
        1, state="lost", told_until_ns=12 * S, lost_ns=13 * S + 250_000_000, unsettled=2
    )
    finding = partings.lost(worker, "its process ended", 10 * S, Remainder((), 8, 1_234))
    assert finding.slug == "worker-lost"
    assert finding.summary == (
        "Worker w1 was lost at 3.2 s: its process ended. What it sent after its last acknowledged "
        "word at 2.000 s is unknown (8 arrivals were due); the 1,234 arrivals it was to make "
        "later never started."
    )
    assert finding.evidence["unknown from"] == "2.000 s"
    assert finding.evidence["unknown until"] == "3.250 s"
    assert finding.evidence["requests under way at the last word"] == "2"
    assert partings.exit_text(-9) == "signal SIGKILL"
    assert partings.exit_text(3) == "exit status 3"


def test_refusals_are_said_at_once_and_not_too_often() -> None:
    refusals = Refusals()
    first = refusals.take("10.0.0.9", "wrong", 100.0)
    assert first is not None
    assert first.summary == "A worker from 10.0.0.9 was refused: wrong."
    assert refusals.take("10.0.0.9", "wrong", 102.0) is None
    assert refusals.take("10.0.0.9", "other", 102.0) is not None
    again = refusals.take("10.0.0.8", "wrong", 105.0)
    assert again is not None
    assert again.evidence["like it since the last one said"] == "1"
    assert refusals.take("10.0.0.8", "wrong", 105.1) is None
    (rest,) = refusals.rest()
    assert rest.summary == "1 more connections were refused: wrong."
    assert refusals.rest() == []


def test_who_invents_reasons_does_not_fill_the_bundle() -> None:
    refusals = Refusals()
    said = [refusals.take("10.0.0.9", f"reason {n}", 1.0) for n in range(1_000)]
    found = [finding for finding in said if finding is not None]
    assert len(found) == MOST_REASONS + 1
    assert found[-1].evidence["reason"] == OTHERS
