"""Histograms by step: added up exactly, whatever the length of the run."""

from __future__ import annotations

from collections import Counter

import pytest
from analyse_run import Book, mono, stage

from loadkit.analyse import analyse
from loadkit.analyse.steps import EMPTY, Timeline
from loadkit.bundle.histogram import COARSE, Histogram


def _timeline(book: Book) -> Timeline:
    found = analyse(book.run()).timeline
    assert found is not None
    return found


def test_a_step_holds_what_was_due_in_its_second_over_all_operations() -> None:
    book = Book(stage("base", 0, 4))
    expected: dict[int, Histogram] = {}
    for n in range(40):
        due, took = n * 0.1, 0.001 * (1 + n * n)
        book.request(due, took, operation=f"GET /{n % 3}")
        expected.setdefault(int(due + 1e-9), Histogram(COARSE)).record(round(took * 1e9))
    found = _timeline(book)
    assert found.step_s == 1
    for second, histogram in expected.items():
        step = found.response[second]
        assert dict(zip(step.buckets, step.counts, strict=True)) == histogram.buckets
        assert (step.count, step.min_ns, step.max_ns) == (
            histogram.count,
            histogram.min_ns,
            histogram.max_ns,
        )
        assert list(step.buckets) == sorted(step.buckets)


def test_cancelled_requests_count_and_fail_but_have_no_time() -> None:
    book = Book(stage("base", 0, 2))
    book.request(0.1, 0.01)
    book.request(0.2, 0.01, outcome="failed")
    book.request(0.3, 0.01, outcome="raised")
    book.request(0.4, 5.0, outcome="cancelled")
    found = _timeline(book)
    assert (found.due[0], found.failed[0], found.response[0].count) == (4, 3, 3)
    assert found.response[1] == EMPTY and found.due[1] == 0
    assert found.completed[0] == 2


def test_service_time_is_kept_apart() -> None:
    book = Book(stage("base", 0, 1))
    book.request(0.1, 0.5, service_s=0.02)
    found = _timeline(book)
    assert found.response[0].max_ns == 500_000_000
    assert found.service[0].max_ns == 20_000_000


def test_two_stages_may_share_a_second() -> None:
    book = Book(stage("base", 0, 1.5), stage("peak", 1.5, 1.5))
    book.request(1.2, 0.01)
    book.request(1.7, 0.01)
    assert _timeline(book).due[:3] == (0, 2, 0)


@pytest.mark.parametrize(("seconds", "step"), [(1800, 1), (1801, 2), (9001, 10), (40_000, 30)])
def test_long_runs_have_longer_steps(seconds: int, step: int) -> None:
    book = Book(stage("base", 0, seconds))
    times = [0.5, 1.5, seconds - 0.5]
    for at in times:
        book.request(at, 0.01)
    found = _timeline(book)
    assert found.step_s == step
    assert len(found.response) == -(-seconds // step)
    assert found.length_s >= seconds
    expected = Counter(int(at // step) for at in times)
    assert {n: count for n, count in enumerate(found.due) if count} == dict(expected)


def test_nothing_is_there_without_a_response() -> None:
    assert analyse(Book(stage("base", 0, 3)).run()).timeline is None


def test_a_finding_knows_where_in_the_run_it_belongs() -> None:
    book = Book(stage("base", 0, 5), stage("peak", 5, 5))
    book.steady(0, 5, 10, 0.01)
    book.steady(5, 10, 10, 0.01)
    book.request(7.2, 0.01, outcome="failed")
    kind = {"kind": "HTTP 500", "message": "", "count": 1, "operation": "GET /items"}
    book.rows["errors"].append({"stage": "peak", "second": 7, **kind})
    noted = {"severity": "warning", "summary": "It hiccuped.", "evidence": "{}"}
    for at in (3.0, 4.0):
        book.rows["findings"].append({"mono_ns": mono(at), "slug": "hiccup", **noted})
    found = {one.slug: one.span_s for one in analyse(book.run()).findings}
    assert found["errors-appeared"] == (7.0, 10.0)
    assert found["hiccup"] == (3.0, 4.0)  # told twice, listed once
