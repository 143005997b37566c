"""Due times: counts equal the integral, times ascend, each lies in its stage."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.model import Load, Rate, Stage, Users
from loadkit.scenario.schedule import Schedule, stage_at, stage_bounds, users_at

NS = 1_000_000_000
_tenths = st.integers(0, 3000).map(lambda n: n / 10)
_durations = st.integers(1, 200).map(lambda n: n / 10)


@st.composite
def _loads(draw: st.DrawFn) -> Load:
    if draw(st.integers(0, 4)) == 0:
        return Users(draw(st.integers(1, 50)))
    start, end = draw(_tenths), draw(st.one_of(st.none(), _tenths))
    if max(start, end or 0.0) <= 0:
        start = 1.0
    return Rate(start, to=end)


@st.composite
def _stages(draw: st.DrawFn) -> list[Stage]:
    loads = draw(st.lists(_loads(), min_size=1, max_size=5))
    return [Stage(f"s{i}", load, draw(_durations)) for i, load in enumerate(loads)]


def _integral(stage: Stage) -> Fraction:
    if isinstance(stage.load, Users):
        return Fraction(0)
    mean = (Fraction(repr(float(stage.load.rate))) + Fraction(repr(float(stage.load.end)))) / 2
    return mean * Fraction(repr(float(stage.duration)))


@given(_stages())
@settings(max_examples=150, deadline=None)
def test_counts_are_the_integral_rounded_half_up(stages: list[Stage]) -> None:
    schedule = Schedule(stages)
    total, before = Fraction(0), 0
    for stage, planned in zip(stages, schedule.planned, strict=True):
        total += _integral(stage)
        upto = math.floor(total + Fraction(1, 2))
        assert planned == upto - before
        before = upto
    assert len(schedule) == before


@given(_stages())
@settings(max_examples=80, deadline=None)
def test_due_times_ascend_and_lie_in_their_stage(stages: list[Stage]) -> None:
    schedule = Schedule(stages)
    due = list(schedule)
    assert due == sorted(due)
    assert due == list(Schedule(stages))
    for n in range(0, len(due), 7):
        stage = schedule.stage_of(n)
        assert schedule.bounds[stage] <= due[n] < schedule.bounds[stage + 1]
        assert stage_at(schedule.bounds, due[n]) == stage


@given(_stages(), st.floats(0, 1))
@settings(max_examples=80, deadline=None)
def test_the_inverse_is_exact(stages: list[Stage], share: float) -> None:
    """Λ at the due time of arrival n is n + ½ again."""
    schedule = Schedule(stages)
    if not len(schedule):
        return
    n = min(int(share * len(schedule)), len(schedule) - 1)
    index = schedule.stage_of(n)
    stage = stages[index]
    assert isinstance(stage.load, Rate)
    before = sum((_integral(s) for s in stages[:index]), Fraction(0))
    x = (schedule.due_ns(n) - schedule.bounds[index]) / NS
    slope = (stage.load.end - stage.load.rate) / (2 * stage.duration)
    reached = float(before) + stage.load.rate * x + slope * x * x
    # A nanosecond at this rate, and what floats of this size cannot tell apart.
    assert reached == pytest.approx(n + 0.5, abs=2e-9 * stage.load.peak + 1e-9 * (n + 1))


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


def test_an_instant_belongs_to_the_stage_it_begins() -> None:
    bounds = stage_bounds([Stage("a", Rate(1), 1.5), Stage("b", Rate(1), 2)])
    assert bounds == [0, 1_500_000_000, 3_500_000_000]
    at = [stage_at(bounds, t) for t in (-1, 0, 1_499_999_999, 1_500_000_000, 9_000_000_000)]
    assert at == [0, 0, 0, 1, 1]


def test_users_of_a_closed_ramp() -> None:
    assert [users_at(0, 10, share) for share in (0, 0.049, 0.05, 0.5, 1, 2)] == [0, 0, 1, 5, 10, 10]
    assert users_at(10, 0, 0.25) == 8
