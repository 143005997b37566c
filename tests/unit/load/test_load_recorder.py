"""The recorder against brute force."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.bundle.histogram import Histogram, bucket_of
from loadkit.load.cells import Cells, buckets_of, grouped, order_of
from loadkit.load.recorder import CANCELLED, FAILED, OK, OUTCOMES, RAISED, Recorder
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


_any_magnitude = st.integers(0, 62).flatmap(lambda n: st.integers(1 << n, (2 << n) - 1))


@given(st.lists(st.one_of(_values, _any_magnitude), min_size=1, max_size=200))
def test_buckets_of_arrays_are_those_of_the_bundle(values: list[int]) -> None:
    found = buckets_of(np.array(values, np.int64)).tolist()
    assert found == [bucket_of(value) for value in values]


def test_buckets_at_every_power_of_two() -> None:
    edges = [(1 << n) + d for n in range(63) for d in (-1, 0, 1) if (1 << n) + d >= 0]
    edges.append((1 << 63) - 1)
    assert buckets_of(np.array(edges)).tolist() == [bucket_of(edge) for edge in edges]


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.one_of(_values, _any_magnitude)), min_size=1, max_size=120
    ),
    st.integers(1, 40),
)
def test_cells_are_the_histograms_of_the_bundle(entries: list[tuple[int, int]], size: int) -> None:
    cells = Cells()
    expected: defaultdict[int, Histogram] = defaultdict(Histogram)
    for at in range(0, len(entries), size):
        part = np.array(entries[at : at + size], np.int64).T
        places, groups = grouped(part[0])
        order = order_of(groups, part[1])
        cells.add(places, groups[order], part[1][order])
    for place, value in entries:
        expected[place].record(value)
    found = {
        place: Histogram(9, count, total, low, high, dict(zip(buckets, counts, strict=True)))
        for place, count, total, low, high, buckets, counts in cells.columns()
    }
    assert found == expected
    assert all(columns[5] == sorted(columns[5]) for columns in cells.columns())


_events = st.lists(
    st.tuples(
        st.integers(0, 6 * NS),  # due
        _values,  # service
        st.sampled_from(["GET /a", "POST /b"]),
        st.sampled_from([OK, FAILED, RAISED]),
    ),
    min_size=1,
    max_size=150,
)


@given(_events, st.integers(1, 40), st.integers(1, 40))
@settings(deadline=None)
def test_percentiles_are_nearest_rank_however_it_is_drained(
    events: list[tuple[int, int, str, int]], every: int, batch: int
) -> None:
    recorder = _recorder(batch=batch)
    rows: list[dict[str, Any]] = []
    raw: defaultdict[str, list[int]] = defaultdict(list)
    for number, (due, service, operation, outcome) in enumerate(events):
        sent = T0 + due + 1_000
        code = recorder.code(*operation.split())
        recorder.sent(code, T0 + due, sent)
        recorder.ended(code, outcome, T0 + due, sent + service, service, service + 1_000, True, 0)
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


@given(_events, st.integers(1, 40), st.integers(1, 40))
@settings(deadline=None)
def test_every_event_is_in_the_flow_once(
    events: list[tuple[int, int, str, int]], every: int, batch: int
) -> None:
    recorder = _recorder(batch=batch)
    expected: Counter[tuple[str, int, str, str]] = Counter()
    rows: list[dict[str, Any]] = []
    for number, (due, service, operation, outcome) in enumerate(events):
        code, answered = recorder.code(*operation.split()), bool(number % 3)
        recorder.sent(code, T0 + due, T0 + due)
        end = T0 + due + service
        recorder.ended(code, outcome, T0 + due, end, service, service, answered, 0)
        stage = "a" if due < 2 * NS else "b"
        expected[stage, due // NS, operation, "sent"] += 1
        done = (due + service) // NS
        expected[stage, done, operation, OUTCOMES[outcome]] += 1
        if answered:
            expected[stage, done, operation, "completed"] += 1
        if number % every == 0:
            rows += recorder.drain().get("flow", [])
        assert recorder.in_flight == 0
    rows += recorder.drain().get("flow", [])
    found: Counter[tuple[str, int, str, str]] = Counter()
    for row in rows:
        found[row["stage"], row["second"], row["operation"], row["event"]] += row["count"]
    assert found == expected


def test_iterations_have_measures_of_their_own() -> None:
    recorder = _recorder()
    task = recorder.task("checkout")
    recorder.iteration(task, T0 + 100, T0 + 400, T0 + 1_000)
    recorder.iteration(task, T0 + 3 * NS, T0 + 3 * NS, T0 + 3 * NS + 50)
    rows = {(r["stage"], r["measure"]): r for r in recorder.drain()["intervals"]}
    assert {key: row["sum_ns"] for key, row in rows.items()} == {
        ("a", "iteration"): 900,
        ("a", "iteration_service"): 600,
        ("b", "iteration"): 50,
        ("b", "iteration_service"): 50,
    }
    assert {(r["operation"], r["outcome"]) for r in rows.values()} == {("checkout", "ok")}


def test_what_nobody_saw_start_is_not_in_flight() -> None:
    recorder = _recorder()
    recorder.sent(recorder.code("GET", "/"), T0, T0)
    recorder.unseen(recorder.code("grpc", "call"), OK, T0, T0 + 5, 5, True)
    assert recorder.in_flight == 1
    flow = recorder.drain()["flow"]
    assert {(r["operation"], r["event"]) for r in flow} == {
        ("GET /", "sent"),
        ("grpc call", "ok"),
        ("grpc call", "completed"),
    }
    assert recorder.in_flight == 1


def test_a_batch_that_is_full_is_folded_and_told_to_listeners() -> None:
    recorder = _recorder(batch=4)
    heard: list[tuple[list[int], list[int], list[int]]] = []
    recorder.on_fold(lambda *columns: heard.append(tuple(c.tolist() for c in columns)))
    code = recorder.code("GET", "/")
    for n in range(5):
        recorder.sent(code, T0, T0)
        recorder.ended(code, FAILED if n == 2 else OK, T0, T0 + n, n, n + 1, True, 0)
    assert heard == [([code] * 4, [OK, OK, FAILED, OK], [0, 1, 2, 3])]
    recorder.drain()
    assert heard[1] == ([code], [OK], [4])


def test_operations_beyond_the_cap_are_other_and_it_is_said_once() -> None:
    said: list[Finding] = []
    recorder = _recorder(note=said.append)
    names = [recorder.name(recorder.code("GET", f"/{n}")) for n in range(600)]
    assert names[499] == "GET /499"
    assert set(names[500:]) == {"other"}
    assert recorder.name(recorder.code("GET", "/3")) == "GET /3"
    assert [finding.slug for finding in said] == ["too-many-operations"]
    assert recorder.name(recorder.code("GET", "/x?token=s3cret")) == "other"


def test_codes_are_one_an_operation_and_have_no_secrets() -> None:
    recorder = _recorder()
    code = recorder.code("GET", "/x?token=s3cret")
    assert recorder.name(code) == "GET /x?token=[removed]"
    assert recorder.code("GET", "/x?token=another") == code
    told = recorder.code("GET", "/x?token=s3cret", told=True)
    assert told != code
    assert recorder.told_codes()[[told, code]].tolist() == [True, False]
    assert recorder.name(told) == recorder.name(code)
    assert recorder.parts(code) == ("GET", "/x?token=[removed]")


def test_kinds_beyond_the_cap_are_other() -> None:
    recorder = _recorder()
    code = recorder.code("GET", "/")
    for number in range(130):
        recorder.error(code, T0, f"Kind{number}", f"message {number}")
    recorder.error(code, T0, "Kind5", "another message")
    rows = recorder.drain()["errors"]
    counts = {row["kind"]: row["count"] for row in rows}
    assert len(counts) == 101
    assert counts["other"] == 30
    assert counts["Kind5"] == 2
    assert next(r["message"] for r in rows if r["kind"] == "Kind5") == "message 5"


@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_exemplars_are_the_slowest_three_and_the_slowest_failed(batch: int) -> None:
    recorder = _recorder(batch=batch)
    code = recorder.code("GET", "/")
    texts = {}
    for n in range(20):
        outcome = FAILED if n in (4, 7) else OK
        foreign = recorder.foreign_trace(f"{n:032x}")
        trace = recorder.traces.next() if n % 2 else foreign
        texts[n] = recorder.traces.text(trace) if n % 2 else f"{n:032x}"
        recorder.sent(code, T0, T0)
        recorder.ended(code, outcome, T0, T0 + n, n, n, True, trace)
    recorder.ended(code, CANCELLED, T0, T0 + 99, 99, 99, False, 0)
    rows = recorder.drain()["exemplars"]
    assert Counter(row["outcome"] for row in rows) == {"ok": 3, "failed": 1}
    assert sorted(row["response_ns"] for row in rows) == [7, 17, 18, 19]
    assert all(row["trace_id"] == texts[row["response_ns"]] for row in rows)


_requests = st.lists(
    st.tuples(
        st.sampled_from(["/a", "/b"]),
        st.sampled_from([OK, FAILED, RAISED, CANCELLED]),
        st.integers(0, 3),  # second
    ),
    min_size=1,
    max_size=80,
)


@given(_requests, st.integers(1, 30), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_exemplars_against_brute_force(
    requests: list[tuple[str, int, int]], batch: int, random: Any
) -> None:
    recorder = _recorder(batch=batch)
    times = random.sample(range(1_000), len(requests))
    groups: defaultdict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for (name, outcome, second), took in zip(requests, times, strict=True):
        due = T0 + second * NS
        recorder.ended(
            recorder.code("GET", name), outcome, due, due + took, took, took, True, took + 1
        )
        if outcome != CANCELLED:
            groups[f"GET {name}", second].append((took, outcome))
    expected = []
    for (name, second), entries in groups.items():
        entries.sort()
        slow = entries[-3:]
        failed = [entry for entry in entries if entry[1] != OK]
        if failed and failed[-1] not in slow:
            slow.append(failed[-1])
        expected += [(name, second, took, OUTCOMES[outcome]) for took, outcome in slow]
    rows = recorder.drain().get("exemplars", [])
    found = [(r["operation"], r["second"], r["response_ns"], r["outcome"]) for r in rows]
    assert sorted(found) == sorted(expected)
    assert all(r["trace_id"] == recorder.traces.text(r["response_ns"] + 1) for r in rows)


def test_samples_only_where_they_are_wanted() -> None:
    for wanted in (True, False):
        recorder = _recorder(samples=wanted)
        code = recorder.code("GET", "/")
        recorder.sent(code, T0, T0)
        recorder.ended(code, CANCELLED, T0 + 7, T0 + 9, 2, 2, False, 0)
        rows = recorder.drain()
        assert ("samples" in rows) is wanted
        if wanted:
            assert rows["samples"][0]["mono_ns"] == T0 + 7
            assert rows["samples"][0]["outcome"] == "cancelled"
        assert "exemplars" not in rows
        assert recorder.in_flight == 0
