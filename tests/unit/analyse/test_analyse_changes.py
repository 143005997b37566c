"""Change points and their intervals, the order of two, on series whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from analyse_run import Book, mono, stage

from loadkit.analyse import analyse
from loadkit.analyse.changes import Change, changes, density, quantile
from loadkit.analyse.leads import lag_between
from loadkit.analyse.result import LeadLag
from loadkit.bundle.reader import RunData, load_run

Floats = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Floats]

RUNS = 100


def alike(phi: float) -> Noise:
    """Noise of variance 1 whose neighbours are correlated by phi."""

    def make(random: np.random.Generator, n: int) -> Floats:
        shocks = random.standard_normal(n + 60) * math.sqrt(1 - phi * phi)
        z = np.zeros(n + 60)
        for i in range(1, n + 60):
            z[i] = phi * z[i - 1] + shocks[i]
        return z[60:]

    return make


NOISES: dict[str, Noise] = {
    "independent": lambda random, n: random.standard_normal(n),
    "heavy tails": lambda random, n: random.standard_t(3, n) / math.sqrt(3),
    "one-sided": lambda random, n: random.exponential(1, n),
    "correlated": alike(0.4),
}


@pytest.mark.parametrize("length", [40, 240])
@pytest.mark.parametrize("noise", NOISES)
def test_noise_alone_has_no_change_in_95_of_100(noise: str, length: int) -> None:
    random = np.random.default_rng(7)
    x = np.arange(length, dtype=np.float64) + 0.5
    found = sum(
        bool(changes(x, 0.4 + 0.05 * NOISES[noise](random, length), 0.001)) for _ in range(RUNS)
    )
    assert found / RUNS <= 0.05


@pytest.mark.parametrize("noise", ["independent", "correlated"])
@pytest.mark.parametrize("jump", [1.5, 3.0, 6.0])
def test_the_interval_holds_the_true_moment_of_a_step(noise: str, jump: float) -> None:
    random = np.random.default_rng(11)
    x = np.arange(160.0)
    held, found = 0, 0
    for _ in range(RUNS):
        at = random.uniform(40, 120)
        y = 0.4 + 0.05 * (NOISES[noise](random, 160) + np.where(x >= at, jump, 0.0))
        told = changes(x, y, 0.01)
        if len(told) == 1:
            found += 1
            held += told[0].low_s <= at <= told[0].high_s
    assert found >= (0.9 if jump >= 3 else 0.5) * RUNS
    # 95 % of the intervals, less what chance takes from so many at most once in a thousand
    assert held / found >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / found)


def test_a_larger_step_is_known_better() -> None:
    random = np.random.default_rng(3)
    x = np.arange(100.0)
    z = random.standard_normal(100)
    widths = []
    for jump in (2.0, 4.0, 8.0):
        (one,) = changes(x, 0.4 + 0.05 * (z + np.where(x >= 50, jump, 0)), 0.01)
        widths.append(one.high_s - one.low_s)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == 1.0  # nothing finer than the gap between two points


def test_several_changes_are_found_with_the_levels_between() -> None:
    random = np.random.default_rng(5)
    x = np.arange(300.0)
    level = np.where(x < 100, 0.010, np.where(x < 200, 0.040, 0.015))
    y = level * np.exp(0.2 * random.standard_normal(300))
    found = changes(x, y, math.log(1.2), logarithm=True)
    assert [round(one.at_s) for one in found] == pytest.approx([100, 200], abs=1)
    assert [one.before for one in found] == pytest.approx([0.010, 0.040], rel=0.1)
    assert [one.after for one in found] == pytest.approx([0.040, 0.015], rel=0.1)


def test_lone_outliers_and_small_changes_are_passed_over() -> None:
    random = np.random.default_rng(5)
    x = np.arange(120.0)
    y = 0.010 * np.exp(0.1 * random.standard_normal(120))
    y[[30, 31, 70]] = 5.0
    assert changes(x, y, math.log(1.2), logarithm=True) == ()
    step = 0.4 + np.where(x < 60, 0.0, 0.03)  # without noise, and below what is told
    assert changes(x, step, 0.05) == ()
    (one,) = changes(x, step, 0.02)
    assert one.at_s == pytest.approx(59.5)


def test_too_few_points_and_holes() -> None:
    x = np.arange(29.0)
    assert changes(x, np.where(x < 15, 0.1, 0.9), 0.05) == ()
    x = np.concatenate([np.arange(30.0), np.arange(60.0, 90.0)])
    (one,) = changes(x, np.where(x < 45, 0.1, 0.9), 0.05)
    assert (one.low_s, one.high_s) == (29.0, 60.0)  # it lies somewhere in the hole


def test_long_series_are_averaged_first() -> None:
    x = np.arange(5000.0)
    random = np.random.default_rng(2)
    y = 0.4 + 0.05 * random.standard_normal(5000) + np.where(x < 2500, 0, 0.2)
    (one,) = changes(x, y, 0.05)
    assert one.low_s - 3 <= 2500 <= one.high_s + 3


def test_cells_are_probabilities_of_time() -> None:
    cells = ((0.0, 1.0, 0.5), (1.0, 3.0, 0.5))
    assert density(cells, 0.0, 0.5, 6).tolist() == [0.25, 0.25, 0.125, 0.125, 0.125, 0.125]
    assert quantile(cells, 0.5) == 1.0
    assert quantile(cells, 0.75) == 2.0


def at(low: float, high: float) -> Change:
    return Change((low + high) / 2, low, high, 0.0, 1.0, ((low, high, 1.0),))


def test_the_lag_of_two_known_to_a_second_is_a_triangle() -> None:
    low, middle, high = lag_between(at(10, 11), at(13, 14))
    assert middle == pytest.approx(3.0, abs=0.01)
    # of a triangle from 2 to 4 the outer 2.5 % begin √(2·0.025) from its ends
    assert low == pytest.approx(2 + math.sqrt(0.05), abs=0.01)
    assert high == pytest.approx(4 - math.sqrt(0.05), abs=0.01)
    backwards = lag_between(at(13, 14), at(10, 11))
    assert backwards == pytest.approx((-high, -middle, -low), abs=0.01)
    assert lag_between(at(10, 11), at(10, 11))[1] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("lag", [0.0, 3.0])
def test_an_order_is_told_when_there_is_one(lag: float) -> None:
    """Of lags of nothing at most 5 % are told an order, of three seconds nearly all, the right."""
    random = np.random.default_rng(13)
    x = np.arange(120.0)
    before, after, held, both = 0, 0, 0, 0
    for _ in range(RUNS):
        moment = random.uniform(40, 80)
        pool = 0.3 + 0.05 * (random.standard_normal(120) + np.where(x >= moment, 5, 0))
        late = np.where(x >= moment + lag, math.log(4), 0.0)
        p95 = 0.01 * np.exp(0.25 * random.standard_normal(120) + late)
        one = changes(x, pool, 0.05)
        two = changes(x, p95, math.log(1.2), logarithm=True)
        if len(one) == len(two) == 1:
            both += 1
            low, _, high = lag_between(one[0], two[0])
            before, after = before + (low > 0), after + (high < 0)
            held += low <= lag <= high
    assert both > 0.9 * RUNS
    assert held / both >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / both)
    if lag:
        assert before / both > 0.9
        assert after == 0
    else:
        assert (before + after) / both <= 0.05


# -- in a run -----------------------------------------------------------------------------------


def a_run(
    pool: Callable[[float], float], slow: Callable[[int], float], *stages: dict[str, object]
) -> RunData:
    """Two requests a second whose time is told, and a pool sampled every second."""
    plan = stages or (stage("warm-up", 0, 10, 20.0), stage("peak", 10, 90, 20.0))
    book = Book(*plan)
    random = np.random.default_rng(1)
    for second in range(100):
        for n in range(20):
            book.request(second + n / 20, slow(second) * math.exp(0.1 * random.standard_normal()))
    times = [t + 0.2 for t in range(100)]
    book.series("db_pool_in_use", [(t, 20 * pool(t)) for t in times])
    book.series("db_pool_size", [(t, 20.0) for t in times])
    book.idle_generator(100)
    return book.run()


def of(run: RunData) -> LeadLag:
    found = analyse(run).lead_lag
    assert found is not None
    return found


def test_a_pool_that_moved_first_is_said_to_have_and_no_more() -> None:
    found = of(a_run(lambda t: 0.2 if t < 50 else 0.9, lambda s: 0.01 if s < 54 else 0.05))
    (lag,) = found.lags
    assert (lag.latency, lag.resource, lag.order) == ("p95 response time", "db pool", "before")
    assert lag.low_s <= 4 <= lag.high_s
    assert lag.planned == ""
    latency, pool = found.strips
    assert latency.latency
    assert not pool.latency
    (change,) = pool.changes
    assert change.before == pytest.approx(0.2)
    assert change.after == pytest.approx(0.9)


def test_moving_within_the_same_second_gives_no_order() -> None:
    found = of(a_run(lambda t: 0.2 if t < 50 else 0.9, lambda s: 0.01 if s < 50 else 0.05))
    assert [lag.order for lag in found.lags] == [""]


def test_a_planned_step_is_recognised() -> None:
    found = of(
        a_run(
            lambda t: 0.2 if t < 50 else 0.9,
            lambda s: 0.01 if s < 52 else 0.05,
            stage("base", 0, 50, 10.0),
            stage("peak", 50, 50, 20.0),
        )
    )
    points = [change for strip in found.strips for change in strip.changes]
    assert len(points) == 2
    pool = next(strip for strip in found.strips if not strip.latency)
    assert pool.changes[0].planned == "the planned step from base to peak at 50 s"


def test_changes_within_a_ramp_are_said_to_be() -> None:
    found = of(
        a_run(
            lambda t: 0.2 if t < 50 else 0.9,
            lambda s: 0.01,
            stage("up", 0, 100, (5.0, 40.0)),
        )
    )
    pool = next(strip for strip in found.strips if not strip.latency)
    assert pool.changes[0].planned == "up, in which the load changes by plan"
    assert found.lags == ()


def test_a_fault_on_purpose_is_recognised() -> None:
    run = a_run(lambda t: 0.2, lambda s: 0.01 if s < 50 else 0.05)
    book = Book(stage("peak", 0, 100))
    book.rows["faults"].append(
        {"kind": "latency", "step": "store", "value": 0.3, "stage": "peak", "mono_ns": mono(50.2),
         "end_mono_ns": None}
    )  # fmt: skip
    run.faults = book.run().faults
    (change,) = of(run).strips[0].changes
    assert change.planned == "the beginning of fault latency:store at 50.2 s"


def test_a_flat_run_says_none() -> None:
    found = of(a_run(lambda t: 0.4, lambda s: 0.01))
    assert found.lags == ()
    assert [strip.changes for strip in found.strips] == [()]
    assert found.watched == 2


def test_the_example_has_changes_only_where_it_was_measured() -> None:
    run = load_run(Path(__file__).parents[3] / "reports" / "example")
    found = of(run)
    assert found == of(run)
    measured = [s for s in analyse(run).stages if s.measured]
    for strip in found.strips:
        assert strip.latency or strip.changes
        for change in strip.changes:
            assert change.low_s < change.at_s < change.high_s
            assert change.before != change.after
            for edge in (change.low_s + 1, change.high_s - 1):
                assert any(s.start_s - 1 <= edge <= s.start_s + s.duration_s + 1 for s in measured)
    for lag in found.lags:
        assert lag.low_s < lag.lag_s < lag.high_s
        assert lag.order == ("before" if lag.low_s > 0 else "after" if lag.high_s < 0 else "")
        assert abs(lag.at_s - lag.resource_at_s) <= 15


def test_a_short_run_says_nothing() -> None:
    book = Book(stage("peak", 0, 20))
    book.steady(0, 20, 5, 0.01)
    assert analyse(book.run()).lead_lag is None
