"""Percentiles against the raw values, by nearest rank on a sorted list."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from analyse_run import NS, OPERATION, Book, stage
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.analyse import analyse
from loadkit.analyse.latency import merged, pick, quantiles_by_second
from loadkit.bundle.histogram import COARSE, FINE, Histogram


def nearest_rank(values: Sequence[int], per_thousand: int) -> int:
    """Separate code: whole numbers only."""
    rank = max(1, -(-per_thousand * len(values) // 1000))
    return sorted(values)[rank - 1]


def _constant(_: random.Random) -> float:
    return 0.0421


def _bimodal(r: random.Random) -> float:
    return r.gauss(0.002, 0.0001) if r.random() < 0.93 else r.gauss(0.9, 0.05)


def _microseconds(r: random.Random) -> float:
    return r.uniform(1e-6, 9e-6)


def _hours(r: random.Random) -> float:
    return r.uniform(3600, 4 * 3600)


def _wide(r: random.Random) -> float:
    return 10 ** r.uniform(-5, 1)


@pytest.mark.parametrize("draw", [_constant, _bimodal, _microseconds, _hours, _wide])
def test_stage_percentiles_are_those_of_the_raw_values(
    draw: Callable[[random.Random], float],
) -> None:
    book = Book(stage("base", 0, 7), stage("peak", 7, 13))
    r = random.Random(7)
    for i in range(1500):
        outcome = r.choice(["ok", "ok", "ok", "failed", "raised", "cancelled"])
        operation = r.choice(["GET /a", "POST /b"])
        book.request(i / 75, abs(draw(r)), outcome=outcome, operation=operation)
    analysis = analyse(book.run())
    for result in analysis.stages:
        raw = [ns for s, _, _, o, ns in book.raw if s == result.name and o != "cancelled"]
        _same(result.response, raw)
    assert len(analysis.operations) == 4
    for row in analysis.operations:
        raw = [
            ns
            for s, _, op, o, ns in book.raw
            if (s, op) == (row.stage, row.operation) and o != "cancelled"
        ]
        _same(row.response, raw)
        _same(row.service, raw)


def _same(found: object, raw: list[int]) -> None:
    assert getattr(found, "count") == len(raw)  # noqa: B009
    for name, per_thousand in (
        ("p50", 500),
        ("p90", 900),
        ("p95", 950),
        ("p99", 990),
        ("p999", 999),
    ):
        exact = nearest_rank(raw, per_thousand) / NS
        assert getattr(found, name) == pytest.approx(exact, rel=0.001), name
    assert getattr(found, "max") == max(raw) / NS  # noqa: B009
    assert getattr(found, "mean") == pytest.approx(sum(raw) / len(raw) / NS, rel=1e-12)  # noqa: B009


values = st.lists(st.integers(0, 10**14), min_size=1, max_size=60)


@given(st.lists(values, min_size=1, max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_merging_is_the_same_in_any_order(parts: list[list[int]], r: random.Random) -> None:
    book = Book(stage("peak", 0, 100))
    for position, part in enumerate(parts):
        for ns in part:
            book.time("peak", position * 10, OPERATION, "ok", "response", ns)
    windows = pick(book.run().windows, "response")
    shuffled = windows.sample(frac=1, random_state=r.randrange(2**31))
    whole = merged(windows)
    assert whole == merged(shuffled)
    expected = Histogram(FINE)
    for part in parts:
        for ns in part:
            expected.record(ns)
    assert whole == expected


@given(st.dictionaries(st.integers(0, 40), values, min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_quantiles_by_second_are_those_of_a_histogram(parts: dict[int, list[int]]) -> None:
    book = Book(stage("peak", 0, 100))
    expected: dict[int, Histogram] = {}
    for second, part in parts.items():
        for position, ns in enumerate(part):
            outcome = ("ok", "failed", "raised")[position % 3]
            book.time("peak", second, OPERATION, outcome, "response", ns)
            expected.setdefault(second, Histogram(COARSE)).record(ns)
    quantiles = (0.001, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
    table = quantiles_by_second(pick(book.run().seconds, "response"), quantiles, 41)
    for row, q in enumerate(quantiles):
        for second in range(41):
            if second in expected:
                value = expected[second].quantile(q)
                assert value is not None
                assert table[row, second] == pytest.approx(value / 1e9, rel=1e-12, abs=1e-15)
            else:
                assert math.isnan(table[row, second])


def test_seconds_outside_the_axis_are_left_out() -> None:
    book = Book(stage("peak", 0, 10))
    book.time("peak", 12, OPERATION, "ok", "response", 5)
    table = quantiles_by_second(pick(book.run().seconds, "response"), [0.5], 10)
    assert table.shape == (1, 10)
    assert np.isnan(table).all()


def test_ten_minutes_of_twenty_operations_take_less_than_two_seconds() -> None:
    import pandas as pd

    r = np.random.default_rng(1)
    rows = []
    for second in range(600):
        for number in range(20):
            for outcome in ("ok", "failed", "raised"):
                buckets = np.sort(r.choice(np.arange(1200, 1500), 12, replace=False))
                rows.append(
                    {
                        "stage": "peak",
                        "second": second,
                        "operation": f"GET /{number}",
                        "outcome": outcome,
                        "measure": "response",
                        "count": 24,
                        "sum_ns": 24_000_000,
                        "min_ns": 10**6,
                        "max_ns": 10**9,
                        "buckets": buckets.astype(np.int32),
                        "counts": np.full(12, 2, np.int64),
                    }
                )
    frame = pd.DataFrame(rows)
    begin = time.process_time()
    table = quantiles_by_second(pick(frame, "response"), [0.5, 0.95, 0.99, 0.999], 600)
    whole = merged(pick(frame, "response"), COARSE)
    assert time.process_time() - begin < 2
    assert np.isfinite(table).all()
    assert whole.count == 600 * 20 * 3 * 24


def test_five_hundred_operations_are_analysed_in_seconds() -> None:
    book = Book(*(stage(f"s{number}", number * 10, 10) for number in range(6)))
    for second in range(60):
        for number in range(500):
            if (number + second) % 5 == 0:
                book.request(second, 0.01, operation=f"GET /{number}")
    run = book.run()
    begin = time.process_time()
    analysis = analyse(run)
    assert time.process_time() - begin < 10
    assert len(analysis.operations) == 6 * 500
    assert sum(row.count for row in analysis.operations) == 60 * 100
