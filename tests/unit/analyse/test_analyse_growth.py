"""Slopes over requests: their size, how often their interval is right, and when nothing is said."""

from __future__ import annotations

import numpy as np
import pytest

from loadkit.analyse.context import Floats
from loadkit.analyse.growth import GROWTH, INCONCLUSIVE, NONE, growth, student

REQUESTS: Floats = np.linspace(0, 2000, 400)


def noise(seed: int, alike: float, size: float, count: int = 400) -> Floats:
    """Values that resemble their neighbours (first-order autoregression), of that deviation."""
    random = np.random.default_rng(seed)
    shocks = random.normal(0, size * np.sqrt(1 - alike**2), count)
    values = np.empty(count)
    values[0] = random.normal(0, size)
    for at in range(1, count):
        values[at] = alike * values[at - 1] + shocks[at]
    return values


@pytest.mark.parametrize(
    ("freedom", "expected"), [(3, 3.182), (5, 2.571), (10, 2.228), (22, 2.074), (120, 1.980)]
)
def test_the_quantile_is_students(freedom: float, expected: float) -> None:
    assert student(freedom) == pytest.approx(expected, abs=0.006)


def test_a_straight_line_is_its_own_slope() -> None:
    found = growth(REQUESTS, 5e6 + 1024 * REQUESTS, 128)
    assert found.slope == pytest.approx(1024)
    assert found.low == pytest.approx(1024)
    assert found.verdict == GROWTH
    assert found.requests == pytest.approx(1500, rel=0.01)
    assert found.level == pytest.approx(5e6)
    assert len(found.blocks) == 24


def test_the_first_quarter_is_left_out() -> None:
    filling = np.minimum(REQUESTS, 480) * 4000.0
    found = growth(REQUESTS, filling, 128)
    assert found.verdict == NONE
    assert found.slope == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("alike", [0.0, 0.7, 0.95])
@pytest.mark.parametrize("slope", [0.0, 1024.0])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(alike: float, slope: float) -> None:
    held = 0
    for seed in range(150):
        found = growth(REQUESTS, slope * REQUESTS + noise(seed, alike, 50_000), 128)
        assert found.low is not None and found.high is not None
        held += found.low <= slope <= found.high
    assert held >= 0.9 * 150


def test_healthy_noise_is_never_called_growth() -> None:
    verdicts = [growth(REQUESTS, noise(s, 0.8, 15_000), 128).verdict for s in range(100)]
    assert verdicts.count(NONE) >= 92
    assert GROWTH not in verdicts


def test_a_leak_under_noise_is_found_within_15_percent() -> None:
    for seed in range(30):
        found = growth(REQUESTS, 1024 * REQUESTS + noise(seed, 0.5, 20_000), 128)
        assert found.verdict == GROWTH
        assert found.slope == pytest.approx(1024, rel=0.15)


def test_requests_that_pile_up_are_not_growth() -> None:
    # From 2 under way to 100 in the last third, each holding 30 kB; nothing is kept.
    busy = np.interp(REQUESTS, [0, 1300, 2000], [2, 2, 100]) + noise(7, 0.2, 0.5)
    size = 30_000 * busy + noise(8, 0.2, 5_000)
    assert growth(REQUESTS, size, 128).slope == pytest.approx(2100, rel=0.3)
    told = growth(REQUESTS, size, 128, busy)
    assert told.slope == pytest.approx(0, abs=128)
    leaking = growth(REQUESTS, size + 1024 * REQUESTS, 128, busy)
    assert leaking.slope == pytest.approx(1024, rel=0.15)


def test_a_pile_that_is_all_there_is_tells_nothing() -> None:
    found = growth(REQUESTS, 30_000 * REQUESTS, 128, REQUESTS * 1.0)
    assert (found.verdict, found.slope) == (INCONCLUSIVE, None)
    assert "piled up" in found.why


def test_one_large_step_is_no_trend_and_a_small_one_no_growth() -> None:
    step = np.where(REQUESTS > 1200, 1.0, 0.0)
    assert growth(REQUESTS, step * 2**20, 128).verdict == INCONCLUSIVE
    assert growth(REQUESTS, step * 20_000, 128).verdict == NONE


def test_too_little_says_nothing() -> None:
    few = growth(np.linspace(0, 150, 400), np.zeros(400), 128)
    assert (few.verdict, few.slope) == (INCONCLUSIVE, None)
    assert "150 requests are too few" in few.why
    seldom = growth(np.linspace(0, 2000, 6), np.zeros(6), 128)
    assert seldom.verdict == INCONCLUSIVE
    unknown = growth(np.full(400, np.nan), np.zeros(400), 128)
    assert (unknown.verdict, unknown.requests) == (INCONCLUSIVE, 0)


def test_between_the_two_it_is_left_open() -> None:
    found = growth(REQUESTS, 128 * REQUESTS + noise(3, 0.3, 20_000), 128)
    assert found.verdict == INCONCLUSIVE
    assert found.why == "the interval holds 128 bytes a request"
