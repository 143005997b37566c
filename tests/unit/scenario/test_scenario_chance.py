"""Poisson arrivals: repeatable, of the right number, independent of each other."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from loadkit.model import Open, Rate, Replay, Sine, Spike, Stage, Steps
from loadkit.scenario.chance import key_of, poisson, uniform
from loadkit.scenario.schedule import Schedule

NS = 1_000_000_000
SHAPES: dict[str, Open] = {
    "constant": Rate(50, arrivals="poisson"),
    "ramp": Rate(0, to=100, arrivals="poisson"),
    "steps": Steps([20, 0, 130], arrivals="poisson"),
    "spike": Spike(20, 400, begin=20.3, length=5.5, edge=1, arrivals="poisson"),
    "sine": Sine(50, 50, 13, 0.4, arrivals="poisson"),
}


def _farthest(sample: npt.NDArray[np.float64]) -> float:
    """Kolmogorov and Smirnov's distance from the even distribution over 0 to 1."""
    ordered, n = np.sort(sample), len(sample)
    steps = np.arange(n + 1) / n
    return float(max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max()))


def _limit(n: int) -> float:
    """What that distance stays below in 999 of 1,000 samples."""
    return 1.95 / math.sqrt(n)


def _schedule(load: Open, duration: float = 60, seed: int = 0) -> Schedule:
    return Schedule([Stage("s", load, duration)], seed=seed)


@pytest.mark.parametrize("name", SHAPES)
def test_the_seed_and_the_stage_decide(name: str) -> None:
    load = SHAPES[name]
    due = _schedule(load, seed=1).due_block(0, 1, 10**6)
    assert due == _schedule(load, seed=1).due_block(0, 1, 10**6)
    assert due != _schedule(load, seed=2).due_block(0, 1, 10**6)
    other = Schedule([Stage("t", load, 60)], seed=1)
    assert due != other.due_block(0, 1, 10**6)
    named = replace(load, user="A")
    assert due != Schedule([Stage("s", named, 60)], user="A", seed=1).due_block(0, 1, 10**6)
    # A stage before it moves it and nothing else.
    later = Schedule([Stage("before", Rate(10), 3), Stage("s", load, 60)], seed=1)
    assert later.due_block(30, 1, 10**6) == [t + 3 * NS for t in due]


def test_a_longer_stage_begins_alike() -> None:
    load = Rate(50, arrivals="poisson")
    short, long = (_schedule(load, d).due_block(0, 1, 10**6) for d in (30, 60))
    assert short == long[: len(short)]
    assert long[len(short)] >= 30 * NS


def test_another_process_finds_the_same() -> None:
    program = (
        "from loadkit.model import Rate, Stage\n"
        "from loadkit.scenario.schedule import Schedule\n"
        "print(sum(Schedule([Stage('s', Rate(50, arrivals='poisson'), 60)], seed=7)))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert int(told.stdout) == sum(_schedule(Rate(50, arrivals="poisson"), seed=7))


@pytest.mark.parametrize("mean", [0.2, 3.0, 40.0, 1000.0, 50_000.0])
def test_draws_have_the_poisson_distribution(mean: float) -> None:
    n = 20_000
    chance = uniform(key_of("draws", mean), np.arange(n), np.zeros(n, dtype=np.int64))
    drawn = poisson(chance, np.full(n, mean))
    assert abs(drawn.mean() - mean) < 4 * math.sqrt(mean / n)
    # The variance of the sample variance of a Poisson draw is about (2·mean² + mean)/n.
    assert abs(drawn.var() - mean) < 4 * math.sqrt((2 * mean * mean + mean) / n)
    for k in range(int(mean + 3 * math.sqrt(mean)) + 1):
        share = math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))
        if share * n > 20:
            seen = float((drawn == k).mean())
            assert abs(seen - share) < 4 * math.sqrt(share * (1 - share) / n)


def test_no_mean_no_arrival() -> None:
    assert poisson(np.array([0.5, 0.999999]), np.array([0.0, 0.0])).tolist() == [0, 0]


@pytest.mark.parametrize("name", SHAPES)
def test_counts_of_many_seeds_scatter_as_poisson_does(name: str) -> None:
    load, runs = SHAPES[name], 400
    mean = float(load.count(60))
    counts = np.array([len(_schedule(load, seed=seed)) for seed in range(runs)])
    assert abs(counts.mean() - mean) < 4 * math.sqrt(mean / runs)
    dispersion = counts.var(ddof=1) / mean  # chi-square over its degrees of freedom
    assert abs(dispersion - 1) < 4 * math.sqrt(2 / (runs - 1))


@pytest.mark.parametrize("name", SHAPES)
def test_arrivals_lie_along_the_rate(name: str) -> None:
    """Given how many there are, Λ of the arrivals is spread evenly."""
    load = SHAPES[name]
    points = [load.count_by(t / NS, 60) for seed in range(4) for t in _schedule(load, seed=seed)]
    sample = np.array(points) / float(load.count(60))
    assert _farthest(sample) < _limit(len(sample))


@pytest.mark.parametrize("name", SHAPES)
def test_gaps_are_exponential(name: str) -> None:
    """Measured in Λ, one arrival after another comes with 1 - exp(-gap)."""
    load = SHAPES[name]
    points = np.array([load.count_by(t / NS, 60) for t in _schedule(load, seed=11)])
    gaps = np.diff(points, prepend=0.0)
    assert _farthest(1 - np.exp(-gaps)) < _limit(len(gaps))
    # One gap says nothing of the next.
    related = float(np.corrcoef(gaps[:-1], gaps[1:])[0, 1])
    assert abs(related) < 4 / math.sqrt(len(gaps))


def test_seconds_are_independent() -> None:
    load = Rate(20, arrivals="poisson")
    due = np.array(_schedule(load, 4000, seed=3).due_block(0, 1, 10**6))
    counts = np.bincount(due // NS, minlength=4000)
    dispersion = counts.var(ddof=1) / counts.mean()
    assert abs(dispersion - 1) < 4 * math.sqrt(2 / 3999)
    assert abs(np.corrcoef(counts[:-1], counts[1:])[0, 1]) < 4 / math.sqrt(4000)
    assert _farthest((due % NS) / NS) < _limit(len(due))


def test_numbers_of_chance_are_even_and_differ() -> None:
    numbers = uniform(key_of(1), np.repeat(np.arange(200), 200), np.tile(np.arange(200), 200))
    assert 0 < numbers.min() < numbers.max() < 1
    assert len(np.unique(numbers)) == 40_000
    assert _farthest(numbers) < _limit(40_000)
    # The place decides, not what is asked for with it.
    assert uniform(key_of(1), np.array([7]), np.array([9]))[0] == numbers[7 * 200 + 9]


def test_the_end_of_a_stage_may_cut_a_second() -> None:
    schedule = _schedule(Rate(400, arrivals="poisson"), 2.25, seed=9)
    due = list(schedule)
    assert max(due) < 2.25 * NS
    assert abs(len(due) - 900) < 4 * 30


def test_an_even_stage_after_one_by_chance_keeps_its_place() -> None:
    after = Schedule([Stage("a", Rate(50, arrivals="poisson"), 10), Stage("b", Rate(4), 2)])
    assert after.planned[1] == 8
    assert [t - 10 * NS for t in after.due_block(after.planned[0], 1, 2)] == [
        125_000_000,
        375_000_000,
    ]


def test_eight_hours_fit_into_little_memory() -> None:
    schedule = _schedule(Rate(2000, arrivals="poisson"), 28_800, seed=4)
    assert abs(len(schedule) - 57_600_000) < 5 * math.sqrt(57_600_000)
    last = len(schedule) - 1
    assert 28_799 * NS < schedule.due_ns(last) < 28_800 * NS
    (part,) = schedule._parts
    kept = [value for value in vars(part).values() if isinstance(value, np.ndarray)]
    assert sum(array.nbytes for array in kept) < 1_000_000


def test_a_recording_has_no_chance_in_it() -> None:
    with pytest.raises(TypeError):
        Replay([1.0], arrivals="poisson")  # type: ignore[call-arg]
