"""What a lost worker leaves: with what the others did it is the whole plan, each arrival once."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.load.workers.remainder import Remainder, Told, remainder
from loadkit.model import Rate, Stage
from loadkit.scenario.schedule import Schedule, stage_at

NS = 1_000_000_000
STAGES = (
    Stage("a", Rate(7), 3),
    Stage("calm", Rate(1.5, to=20), 2.5),
    Stage("b", [Rate(11, user="X"), Rate(3, user="Y")], 2),
)
NAMES = ["a", "calm", "b"]
STREAMS = [Schedule(STAGES, user=user) for user in (None, "X", "Y")]


def told_until(worker: int, workers: int, ns: int, waiting: int = 0) -> dict[str, Told]:
    """What a worker tells that dealt every arrival until then; some wait for a user."""
    planned: Counter[str] = Counter()
    for stream in STREAMS:
        for due in stream.due_block(worker, workers, len(stream)):
            if due <= ns:
                planned[NAMES[stage_at(stream.bounds, due)]] += 1
    told = {name: Told(count, count) for name, count in planned.items()}
    if waiting and told:
        last = list(told)[-1]
        part = min(waiting, told[last].planned)
        told[last] = Told(told[last].planned, told[last].planned - part)
    return told


def events(rest: Remainder) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in rest.rows:
        counts[row["event"]] += row["count"]
    return counts


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 8), st.data())
def test_the_books_balance_for_every_death(workers: int, data: st.DataObject) -> None:
    worker = data.draw(st.integers(0, workers - 1))
    told_ns = data.draw(st.integers(-1, 8 * NS))
    died_ns = data.draw(st.integers(max(0, told_ns), 9 * NS))
    waiting = data.draw(st.integers(0, 3))
    told = told_until(worker, workers, told_ns, waiting)
    rest = remainder(STREAMS, NAMES, worker, workers, told, died_ns)
    counts = events(rest)
    own = sum(len(s.due_block(worker, workers, len(s))) for s in STREAMS)
    planned = sum(t.planned for t in told.values()) + counts["planned"]
    started = sum(t.started for t in told.values())
    assert planned == own
    assert planned == started + counts["never_started"] + counts["unknown"]
    assert (counts["unknown"], counts["never_started"]) == (rest.unknown, rest.never_started)
    later = sum(d > died_ns for s in STREAMS for d in s.due_block(worker, workers, len(s)))
    assert rest.never_started == later


def test_rows_lie_in_the_seconds_in_which_the_arrivals_were_due() -> None:
    rest = remainder(STREAMS, NAMES, 1, 2, told_until(1, 2, NS), 2 * NS)
    dues = [due for due in STREAMS[0].due_block(1, 2, 100) if due > NS]
    unknown = [row for row in rest.rows if row["event"] == "unknown"]
    assert [(row["stage"], row["second"]) for row in unknown] == [("a", 1)]
    assert unknown[0]["count"] == sum(due <= 2 * NS for due in dues)
    never = {(r["stage"], r["second"]) for r in rest.rows if r["event"] == "never_started"}
    assert ("a", 2) in never
    assert ("b", 5) in never
    assert min(second for _, second in never) == 2


def test_what_waited_at_the_last_word_is_unknown_too() -> None:
    rest = remainder(STREAMS, NAMES, 0, 2, {"a": Told(planned=4, started=1)}, NS)
    due = sum(due <= NS for due in STREAMS[0].due_block(0, 2, 100))
    assert due == 4
    assert rest.unknown == 3
    assert events(rest)["unknown"] == 3


def test_who_ended_in_order_leaves_nothing_unknown() -> None:
    told = {"a": Told(planned=4, started=3, never_started=1)}
    rest = remainder(STREAMS, NAMES, 0, 2, told, 2 * NS, told_all=True)
    own = sum(len(stream.due_block(0, 2, len(stream))) for stream in STREAMS)
    assert (rest.unknown, rest.never_started) == (0, own - 4)
    assert events(rest) == {"planned": own - 4, "never_started": own - 4}


def test_a_closed_load_leaves_no_arrivals() -> None:
    assert remainder([], ["run"], 0, 2, {}, NS) == Remainder((), 0, 0)
