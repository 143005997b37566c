"""Medians, ratios and slopes."""

from __future__ import annotations

import random
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.bench.stats import blocks, median_interval, ratio_interval, slope_interval

positive = st.floats(min_value=1e-3, max_value=1e6)
rounds = st.lists(positive, min_size=1, max_size=15)
pairs = st.lists(st.tuples(positive, positive), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(rounds)
def test_an_interval_holds_the_median_and_lies_within_the_values(values: list[float]) -> None:
    found = median_interval(values)
    assert min(values) <= found.low <= found.median <= found.high <= max(values)
    assert found.median == pytest.approx(median(values))
    assert found.count == len(values)


@settings(max_examples=30, deadline=None)
@given(rounds, st.randoms())
def test_the_order_of_rounds_does_not_matter(values: list[float], draw: random.Random) -> None:
    mixed = list(values)
    draw.shuffle(mixed)
    assert median_interval(mixed) == median_interval(values)


@settings(max_examples=30, deadline=None)
@given(pairs, st.sampled_from([0.25, 2.0, 1024.0]))
def test_a_ratio_does_not_depend_on_the_unit(
    taken: list[tuple[float, float]], scale: float
) -> None:
    ours, theirs = [a for a, _ in taken], [b for _, b in taken]
    scaled = ratio_interval([a * scale for a in ours], [b * scale for b in theirs])
    assert scaled == ratio_interval(ours, theirs)


def test_ratios_are_taken_within_rounds() -> None:
    # The machine was twice as slow in every second round; the ratio never changed.
    theirs = [100.0, 50.0, 98.0, 51.0]
    found = ratio_interval([4 * value for value in theirs], theirs)
    assert (found.low, found.median, found.high) == (4, 4, 4)


def test_an_interval_covers_the_true_median_about_as_often_as_it_says() -> None:
    draw = random.Random(7)
    samples = [[draw.gauss(10, 1) for _ in range(11)] for _ in range(200)]
    covered = sum(
        found.low <= 10 <= found.high for found in (median_interval(sample) for sample in samples)
    )
    assert 0.88 <= covered / len(samples) <= 1


def test_one_round_has_no_width() -> None:
    found = median_interval([3.0])
    assert (found.low, found.median, found.high, found.count) == (3, 3, 3, 1)


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_a_median_of_nothing_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one value"):
        median_interval(values)


def test_rounds_that_are_no_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be paired"):
        ratio_interval([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="above 0"):
        ratio_interval([1.0, 0.0], [1.0, 1.0])


@settings(max_examples=15, deadline=None)
@given(st.floats(-5, 5), st.floats(-100, 100))
def test_the_slope_of_a_line_is_its_slope(slope: float, start: float) -> None:
    times = [float(at) for at in range(12)]
    found = slope_interval(times, [start + slope * at for at in times])
    assert found.low == pytest.approx(slope, abs=1e-9)
    assert found.high == pytest.approx(slope, abs=1e-9)


def test_a_few_outliers_do_not_turn_a_slope() -> None:
    times = [float(at) for at in range(20)]
    values = [2 * at for at in times]
    values[4], values[17] = 900, -900
    found = slope_interval(times, values)
    assert found.median == pytest.approx(2)
    assert found.low > 0


def test_noise_without_growth_mostly_has_zero_in_its_interval() -> None:
    draw = random.Random(3)
    times = [float(at) for at in range(24)]
    found = [slope_interval(times, [draw.gauss(5, 1) for _ in times]) for _ in range(12)]
    assert sum(slope.low <= 0 <= slope.high for slope in found) >= 10


@pytest.mark.parametrize("times", [[1.0, 2.0], [1.0, 1.0, 1.0]])
def test_a_slope_needs_points_at_different_times(times: list[float]) -> None:
    with pytest.raises(ValueError, match="three points"):
        slope_interval(times, times)


def test_blocks_keep_order_and_everything() -> None:
    times, values = blocks([3, 1, 2, 4], [30, 10, 20, 40], 2)
    assert (times, values) == ([1.5, 3.5], [15, 35])
    assert blocks([1], [5], 24) == ([1], [5])
    with pytest.raises(ValueError, match="as many values"):
        blocks([1.0], [], 2)
