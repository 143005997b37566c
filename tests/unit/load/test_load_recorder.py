"""The recorder against brute force."""

from __future__ import annotations

import math
import timeit
from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.bundle.histogram import Histogram, bucket_of
from loadkit.load.recorder import Cell, Recorder
from loadkit.model import Finding

NS = 1_000_000_000
T0 = 5 * NS
_values = st.one_of(
    st.integers(0, 10),
    st.integers(0, 5_000),
    st.integers(0, 50_000_000),
    st.integers(0, 4_000 * NS),
)


def _recorder(**more: Any) -> Recorder:
    recorder = Recorder(["a", "b"], [0, 2 * NS, 5 * NS], **more)
    recorder.t0_ns = T0
    return recorder


@given(st.lists(_values, min_size=1, max_size=200))
def test_a_cell_is_the_histogram_of_the_bundle(values: list[int]) -> None:
    cell, histogram = Cell(), Histogram()
    for value in values:
        cell.add(value)
        histogram.record(value)
    columns = cell.columns()
    assert dict(zip(columns["buckets"], columns["counts"], strict=True)) == histogram.buckets
    assert columns["buckets"] == sorted({bucket_of(value) for value in values})
    assert (columns["count"], columns["sum_ns"]) == (len(values), sum(values))
    assert (columns["min_ns"], columns["max_ns"]) == (min(values), max(values))


_events = st.lists(
    st.tuples(
        st.integers(0, 6 * NS),  # due
        _values,  # service
        st.sampled_from(["GET /a", "POST /b"]),
        st.sampled_from(["ok", "failed", "raised"]),
    ),
    min_size=1,
    max_size=150,
)


@given(_events, st.integers(1, 40))
@settings(deadline=None)
def test_percentiles_are_nearest_rank_however_it_is_drained(
    events: list[tuple[int, int, str, str]], every: int
) -> None:
    recorder = _recorder()
    rows: list[dict[str, Any]] = []
    raw: defaultdict[str, list[int]] = defaultdict(list)
    for number, (due, service, operation, outcome) in enumerate(events):
        sent = T0 + due + 1_000
        recorder.sent(operation, recorder.place(T0 + due)[0], sent)
        recorder.ended(
            operation, outcome, T0 + due, sent + service, service, service + 1_000, answered=True
        )
        raw["a" if due < 2 * NS else "b"].append(service + 1_000)
        if number % every == 0:
            rows += recorder.drain().get("intervals", [])
    rows += recorder.drain().get("intervals", [])
    assert recorder.drain() == {}
    assert recorder.in_flight == 0
    for stage, values in raw.items():
        values.sort()
        found = Histogram()
        for row in rows:
            if row["stage"] == stage and row["measure"] == "response":
                found.merge_row(
                    row["count"],
                    row["sum_ns"],
                    row["min_ns"],
                    row["max_ns"],
                    zip(row["buckets"], row["counts"], strict=True),
                )
        for q in (0.5, 0.9, 0.99, 0.999):
            exact = values[max(1, math.ceil(round(q * len(values), 9))) - 1]
            assert found.quantile(q) == pytest.approx(exact, rel=1e-3)


def test_flow_and_places() -> None:
    recorder = _recorder()
    recorder.planned(T0 + 100, late=False)
    recorder.planned(T0 + 1_999_999_999, late=True)
    recorder.started(T0 + 100, T0 + 300)
    recorder.started(T0 + 1_999_999_999, T0 + 3 * NS)
    recorder.never_started(T0 + 4 * NS, T0 + 9 * NS)
    rows = recorder.drain()
    flow = {(r["stage"], r["second"], r["event"]): r["count"] for r in rows["flow"]}
    assert flow == {
        ("a", 0, "planned"): 1,
        ("a", 1, "planned"): 1,
        ("a", 1, "late"): 1,
        ("a", 0, "started"): 1,
        ("a", 3, "started"): 1,
        ("b", 9, "never_started"): 1,
    }
    lateness = {r["second"]: r for r in rows["intervals"]}
    assert lateness[0]["sum_ns"] == 200
    assert lateness[1]["sum_ns"] == 1_000_000_001
    assert {r["measure"] for r in rows["intervals"]} == {"lateness"}
    assert {r["operation"] for r in rows["intervals"]} == {""}
    assert recorder.late == 1


def test_what_comes_before_the_start_is_in_the_first_second() -> None:
    recorder = Recorder(["a"], [0, NS])
    assert recorder.place(123 * NS) == (0, 0)
    recorder.t0_ns = 200 * NS
    assert recorder.place(123 * NS) == (0, 0)


def test_operations_beyond_the_cap_are_other_and_it_is_said_once() -> None:
    said: list[Finding] = []
    recorder = _recorder(note=said.append)
    names = [recorder.operation("GET", f"/{n}") for n in range(600)]
    assert names[499] == "GET /499"
    assert set(names[500:]) == {"other"}
    assert recorder.operation("GET", "/3") == "GET /3"
    assert [finding.slug for finding in said] == ["too-many-operations"]
    assert recorder.operation("GET", "/x?token=s3cret") == "other"


def test_kinds_beyond_the_cap_are_other() -> None:
    recorder = _recorder()
    for number in range(130):
        recorder.error("GET /", T0, f"Kind{number}", f"message {number}")
    recorder.error("GET /", T0, "Kind5", "another message")
    rows = recorder.drain()["errors"]
    counts = {row["kind"]: row["count"] for row in rows}
    assert len(counts) == 101
    assert counts["other"] == 30
    assert counts["Kind5"] == 2
    assert next(r["message"] for r in rows if r["kind"] == "Kind5") == "message 5"


def test_exemplars_are_the_slowest_three_and_the_slowest_failed() -> None:
    recorder = _recorder()
    for n in range(20):
        outcome = "failed" if n in (4, 7) else "ok"
        recorder.sent("GET /", 0, T0)
        recorder.ended("GET /", outcome, T0, T0 + n, n, n, answered=True, trace_id=f"{n:032x}")
    rows = recorder.drain()["exemplars"]
    assert Counter(row["outcome"] for row in rows) == {"ok": 3, "failed": 1}
    assert sorted(row["response_ns"] for row in rows) == [7, 17, 18, 19]
    assert all(int(row["trace_id"], 16) == row["response_ns"] for row in rows)


def test_samples_only_where_they_are_wanted() -> None:
    for wanted in (True, False):
        recorder = _recorder(samples=wanted)
        recorder.sent("GET /", 0, T0)
        recorder.ended("GET /", "cancelled", T0 + 7, T0 + 9, 2, 2, answered=False)
        rows = recorder.drain()
        assert ("samples" in rows) is wanted
        assert "exemplars" not in rows
        assert recorder.in_flight == 0


def test_recording_is_cheap() -> None:
    """Far below what a request costs; generous, for a busy machine."""
    cell = Cell()
    best = min(timeit.repeat(lambda: cell.add(3_217_389), number=5_000, repeat=5)) / 5_000
    assert best < 3e-6
