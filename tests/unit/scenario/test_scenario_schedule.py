"""Due times: counts equal the integral, times ascend, each lies in its stage."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_loads import any_stages, durations, even_loads, even_stages, exact, replays

from loadkit.model import Open, Rate, Replay, Sine, Spike, Stage, Steps, Users
from loadkit.scenario.schedule import (
    Schedule,
    closed_users,
    stage_at,
    stage_bounds,
    streams,
)

NS = 1_000_000_000


def _integral(load: Open | Users, duration: float) -> Fraction:
    """The area below the rate, by another way than the code: corner by corner."""
    if isinstance(load, Users):
        return Fraction(0)
    if isinstance(load, Rate):
        return (exact(load.rate) + exact(load.end)) / 2 * exact(duration)
    if isinstance(load, Steps):
        return sum(map(exact, load.levels), Fraction(0)) / len(load.levels) * exact(duration)
    if isinstance(load, Spike):
        above = exact(load.peak) - exact(load.base)
        return exact(load.base) * exact(duration) + above * (exact(load.length) - exact(load.edge))
    assert isinstance(load, Sine)
    turn = math.tau / load.period
    begin = math.tau * (load.phase % 1)
    swing = load.amplitude / turn * (math.cos(begin) - math.cos(begin + turn * duration))
    return exact(load.mean) * exact(duration) + Fraction(swing)


@given(even_stages())
@settings(max_examples=150, deadline=None)
def test_counts_are_the_integral_rounded_half_up(stages: list[Stage]) -> None:
    schedule = Schedule(stages)
    total, before, waves = Fraction(0), 0, False
    for stage, planned in zip(stages, schedule.planned, strict=True):
        (load,) = stage.loads
        total += _integral(load, stage.duration)
        waves = waves or isinstance(load, Sine)
        upto = math.floor(total + Fraction(1, 2))
        if not waves or abs((total + Fraction(1, 2)) % 1 - Fraction(1, 2)) < Fraction(49, 100):
            assert before + planned == upto
        before += planned
        assert abs(before - total) <= Fraction(1, 2) + Fraction(1, 10**9)
    assert len(schedule) == before


@given(any_stages(), st.integers(-3, 3), st.sampled_from((None, "A")))
@settings(max_examples=120, deadline=None)
def test_due_times_ascend_and_lie_in_their_stage(
    stages: list[Stage], seed: int, user: str | None
) -> None:
    schedule = Schedule(stages, user=user, seed=seed)
    due = list(schedule)
    assert due == sorted(due)
    assert due == list(Schedule(stages, user=user, seed=seed))
    assert sum(schedule.planned) == len(schedule) == len(due)
    for n in range(0, len(due), 7):
        stage = schedule.stage_of(n)
        assert schedule.due_ns(n) == due[n]
        assert schedule.bounds[stage] <= due[n] < schedule.bounds[stage + 1]
        assert stage_at(schedule.bounds, due[n]) == stage
    if user not in streams(stages):
        assert due == []


@given(any_stages(), st.integers(1, 16), st.integers(1, 3000))
@settings(max_examples=120, deadline=None)
def test_workers_together_have_exactly_the_planned_arrivals(
    stages: list[Stage], workers: int, block: int
) -> None:
    schedule = Schedule(stages, seed=5)
    found: Counter[int] = Counter()
    for worker in range(workers):
        own: list[int] = []
        while part := schedule.due_block(worker + workers * len(own), workers, block):
            assert len(part) <= block
            own += part
        assert own == sorted(own)
        found.update(own)
    assert found == Counter(schedule)


@given(even_stages(), st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_the_inverse_is_exact(stages: list[Stage], share: float) -> None:
    """Λ at the due time of arrival n is n + ½ again, within a nanosecond's worth of the rate."""
    schedule = Schedule(stages)
    if not len(schedule):
        return
    n = min(int(share * len(schedule)), len(schedule) - 1)
    index = schedule.stage_of(n)
    stage = stages[index]
    (load,) = stage.open_loads
    before = sum(
        (one.count(s.duration) for s in stages[:index] for one in s.open_loads), Fraction(0)
    )
    x = (schedule.due_ns(n) - schedule.bounds[index]) / NS
    reached = float(before) + load.count_by(x, stage.duration)
    # And what floats of this size cannot tell apart.
    assert reached == pytest.approx(n + 0.5, abs=1e-9 * load.highest + 1e-12 * (n + 1))


@given(durations.flatmap(lambda d: st.tuples(st.just(d), even_loads(d))), st.integers(0, 50))
@settings(max_examples=100, deadline=None)
def test_never_off_by_more_than_half_an_arrival(drawn: tuple[float, Open], part: int) -> None:
    duration, load = drawn
    schedule = Schedule([Stage("s", load, duration)])
    at = round(duration * NS * part / 50)
    expected = load.count_by(at / NS, duration)
    assert abs(schedule.due_by(at) - expected) <= 0.5 + 2e-9 * load.highest + 1e-9


@given(durations.flatmap(lambda d: st.tuples(st.just(d), even_loads(d))))
@settings(max_examples=150, deadline=None)
def test_a_stage_cut_in_two_has_the_same_arrivals(drawn: tuple[float, Open]) -> None:
    duration, load = drawn
    half = duration / 2
    if isinstance(load, Rate):
        middle = float((exact(load.rate) + exact(load.end)) / 2)
        parts: tuple[Open, Open] = Rate(load.rate, to=middle), Rate(middle, to=load.end)
    elif isinstance(load, Sine) and abs(load.count_by(duration, duration) % 1 - 0.5) > 1e-6:
        parts = load, replace(load, phase=load.phase + half / load.period)
    else:
        return
    whole = Schedule([Stage("s", load, duration)])
    cut = Schedule([Stage("a", parts[0], half), Stage("b", parts[1], half)])
    assert len(cut) == len(whole)
    for n, (a, b) in enumerate(zip(cut, whole, strict=True)):
        # Where the rate is next to nothing, an instant is only as exact as Λ there.
        near = load.count_by(b / NS, duration)
        assert abs(a - b) <= 2 or abs(load.count_by(a / NS, duration) - near) < 1e-9 * (n + 1)


@given(st.lists(st.integers(0, 3000), min_size=2, max_size=8), st.integers(1, 7))
@settings(max_examples=80, deadline=None)
def test_steps_are_the_same_as_stages(tenths: list[int], at: int) -> None:
    levels = [n / 10 for n in tenths]
    at = min(at, len(levels) - 1)
    if not any(levels[:at]) or not any(levels[at:]):
        return
    whole = Schedule([Stage("s", Steps(levels), round(0.7 * len(levels), 1))])
    parts = [
        Stage(f"s{i}", Steps(part), round(0.7 * len(part), 1))
        for i, part in enumerate((levels[:at], levels[at:]))
    ]
    # An arrival due where a stage ends is due a nanosecond earlier, so that it lies in it.
    assert all(b - a in (0, 1) for a, b in zip(Schedule(parts), whole, strict=True))


@given(replays(), durations)
@settings(max_examples=80, deadline=None)
def test_a_recording_is_played_as_it_is(load: Replay, duration: float) -> None:
    schedule = Schedule([Stage("before", Rate(0.3), 1), Stage("s", load, duration)])
    begin = schedule.bounds[1]
    played = [exact(t) / exact(load.speed) for t in load.times]
    expected = [begin + round(t * NS) for t in played if t < exact(duration)]
    assert schedule.planned[1] == len(expected)
    assert list(schedule)[schedule.planned[0] :] == expected


def test_a_constant_rate_is_evenly_spaced_from_half_a_gap() -> None:
    schedule = Schedule([Stage("s", Rate(200), 2)])
    assert len(schedule) == 400
    assert schedule.due_ns(0) == 2_500_000
    assert schedule.due_ns(399) == 2 * NS - 2_500_000
    assert schedule.due_by(2_499_999) == 0
    assert schedule.due_by(NS) == 200


def test_fractions_are_those_that_were_written() -> None:
    """0.1 a second for 5 s is exactly half an arrival, which rounds up to one."""
    assert len(Schedule([Stage("s", Rate(0.1), 5)])) == 1
    assert len(Schedule([Stage("s", Rate(0.1), 4.9)])) == 0
    split = [Stage(f"s{i}", Rate(0.3), 1) for i in range(10)]
    assert len(Schedule(split)) == 3
    assert sum(Schedule(split).planned) == 3


def test_ramps_to_and_from_zero() -> None:
    up = Schedule([Stage("up", Rate(0, to=100), 10)])
    down = Schedule([Stage("down", Rate(100, to=0), 10)])
    assert len(up) == len(down) == 500
    assert up.due_ns(0) == pytest.approx(math.sqrt(0.5 / 5) * NS, abs=1)
    # Mirrored in time.
    assert down.due_ns(499) == pytest.approx(10 * NS - up.due_ns(0), abs=20)


def test_closed_stages_have_no_arrivals() -> None:
    schedule = Schedule([Stage("a", Rate(10), 1), Stage("b", Users(5), 3), Stage("c", Rate(10), 1)])
    assert schedule.planned == [10, 0, 10]
    assert schedule.due_ns(10) == 4_050_000_000
    with pytest.raises(IndexError):
        schedule.due_ns(20)
    with pytest.raises(IndexError):
        schedule.stage_of(-1)


def test_a_spike_begins_and_ends_where_it_was_said() -> None:
    schedule = Schedule([Stage("s", Spike(10, 100, begin=2, length=1), 5)])
    due = [t / NS for t in schedule]
    assert len(due) == 2 * 10 + 100 + 2 * 10
    assert [sum(a <= t < a + 1 for t in due) for a in range(5)] == [10, 10, 100, 10, 10]
    edged = Schedule([Stage("s", Spike(10, 100, begin=2, length=1, edge=0.25), 5)])
    assert len(edged) == 50 + 90 * 0.75 + 0.5


def test_a_sine_over_whole_periods_has_its_mean() -> None:
    for phase in (0, 0.1, 0.25, 0.75):
        schedule = Schedule([Stage("s", Sine(100, 100, 3, phase), 30)])
        assert len(schedule) == 3000
    rising = Schedule([Stage("s", Sine(100, 50, 60), 30)])
    # ∫ over the upper half: mean·30 + 2·amplitude·period/2π
    assert len(rising) == math.floor(3000 + 2 * 50 * 60 / math.tau + 0.5)


def test_nothing_arrives_at_a_step_of_nought() -> None:
    schedule = Schedule([Stage("s", Steps([10, 0, 10]), 3)])
    due = list(schedule)
    assert len(due) == 20
    assert not any(NS < t < 2 * NS for t in due)
    assert (due[9], due[10]) == (950_000_000, 2_050_000_000)


def test_each_user_has_a_stream_of_its_own() -> None:
    stages = [
        Stage("a", [Rate(100, user="Shopper"), Users(5, user="Clerk"), Rate(7)], 10),
        Stage("b", Rate(3), 5),
        Stage("c", Spike(10, 20, 1, 1, user="Shopper"), 5),
    ]
    assert streams(stages) == ("Shopper", None)
    assert Schedule(stages).planned == [70, 15, 0]
    assert Schedule(stages, user="Shopper").planned == [1000, 0, 60]
    assert Schedule(stages, user="Clerk").planned == [0, 0, 0]
    assert closed_users(stages[0], 0.5, "Clerk") == 5
    assert closed_users(stages[0], 0.5) == closed_users(stages[1], 0.5, "Clerk") == 0


def test_a_block_ends_with_the_schedule() -> None:
    schedule = Schedule([Stage("s", Rate(10), 1)])
    assert schedule.due_block(8, 1, 5) == [850_000_000, 950_000_000]
    assert schedule.due_block(3, 4, 2) == [350_000_000, 750_000_000]
    assert schedule.due_block(10, 1, 5) == schedule.due_block(2, 3, 0) == []
    for wrong in ((-1, 1, 1), (0, 0, 1), (0, 1, -1)):
        with pytest.raises(ValueError, match="no block"):
            schedule.due_block(*wrong)


def test_a_long_run_is_as_exact_as_a_short_one() -> None:
    """Eight hours at 2,000 a second: the last arrival is where it belongs to the nanosecond."""
    schedule = Schedule([Stage("s", Rate(2000), 28_800)])
    assert len(schedule) == 57_600_000
    assert schedule.due_ns(57_599_999) == 28_800 * NS - 250_000
    gaps = {b - a for a, b in pairwise(schedule.due_block(57_000_000, 1, 1000))}
    assert gaps == {500_000}


def test_an_instant_belongs_to_the_stage_it_begins() -> None:
    bounds = stage_bounds([Stage("a", Rate(1), 1.5), Stage("b", Rate(1), 2)])
    assert bounds == [0, 1_500_000_000, 3_500_000_000]
    at = [stage_at(bounds, t) for t in (-1, 0, 1_499_999_999, 1_500_000_000, 9_000_000_000)]
    assert at == [0, 0, 0, 1, 1]


def test_users_of_a_closed_ramp() -> None:
    ramp = Users(0, to=10)
    assert [ramp.users_at(x) for x in (0, 0.049, 0.05, 0.5, 1, 2)] == [0, 0, 1, 5, 10, 10]
    assert Users(10, to=0).users_at(0.25) == 8
