"""Histograms against brute force, over every kind of distribution."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.bundle.histogram import (
    COARSE,
    FINE,
    Histogram,
    bucket_edges,
    bucket_of,
    coarser,
)

HOUR_NS = 3_600_000_000_000
QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)

values = st.one_of(
    st.lists(st.integers(0, HOUR_NS), min_size=1, max_size=400),
    st.lists(st.sampled_from([1_000, 900_000_000]), min_size=1, max_size=400),  # bimodal
    st.integers(0, HOUR_NS).flatmap(lambda v: st.lists(st.just(v), min_size=1, max_size=50)),
    st.lists(st.integers(0, 5_000), min_size=1, max_size=400),  # microseconds
)


def nearest_rank(numbers: list[int], q: float) -> int:
    ordered = sorted(numbers)
    return ordered[max(1, math.ceil(round(q * len(ordered), 9))) - 1]


def filled(numbers: list[int], bits: int = FINE) -> Histogram:
    histogram = Histogram(bits)
    for number in numbers:
        histogram.record(number)
    return histogram


@given(st.integers(0, 100 * HOUR_NS), st.sampled_from([FINE, COARSE]))
def test_a_value_lies_in_its_bucket_and_buckets_are_narrow(value: int, bits: int) -> None:
    low, high = bucket_edges(bucket_of(value, bits), bits)
    assert low <= value <= high
    assert (high - low) / 2 <= low * 2 ** -(bits + 1)


@given(st.integers(0, 3 << FINE))
def test_buckets_follow_each_other_without_gap(index: int) -> None:
    assert bucket_edges(index)[1] + 1 == bucket_edges(index + 1)[0]


@pytest.mark.parametrize(("bits", "error"), [(FINE, 0.001), (COARSE, 0.01)])
@given(numbers=values)
def test_percentiles_are_within_the_stated_error(
    numbers: list[int], bits: int, error: float
) -> None:
    histogram = filled(numbers, bits)
    for q in QUANTILES:
        truth = nearest_rank(numbers, q)
        found = histogram.quantile(q)
        assert found is not None
        assert abs(found - truth) <= error * truth
    assert histogram.quantile(1.0) == max(numbers)


@given(values, st.integers(0, 2**32))
def test_merging_in_any_order_and_grouping_gives_the_same(numbers: list[int], seed: int) -> None:
    chance = random.Random(seed)
    parts = [Histogram() for _ in range(4)]
    for number in numbers:
        chance.choice(parts).record(number)
    chance.shuffle(parts)
    total = Histogram()
    for part in parts:
        total.merge(part)
    assert total == filled(numbers)


@given(values)
def test_coarse_buckets_are_the_same_made_now_or_from_the_start(numbers: list[int]) -> None:
    assert filled(numbers).coarse() == filled(numbers, COARSE)
    assert coarser(filled(numbers).buckets) == filled(numbers, COARSE).buckets


@given(values, st.integers(0, HOUR_NS))
def test_counting_above_a_value_is_off_by_its_bucket_at_most(numbers: list[int], at: int) -> None:
    high = bucket_edges(bucket_of(at))[1]
    assert filled(numbers).count_above(at) == sum(1 for number in numbers if number > high)


def test_an_empty_histogram_knows_nothing() -> None:
    assert Histogram().quantile(0.5) is None
    assert Histogram().mean_ns is None


def test_widths_do_not_mix() -> None:
    with pytest.raises(ValueError, match="6 bits into 9"):
        Histogram(FINE).merge(Histogram(COARSE))
