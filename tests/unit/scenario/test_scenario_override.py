"""``--set``: what changes with a value, and what is said when it can't."""

from __future__ import annotations

import pytest

from loadkit.errors import UsageError
from loadkit.model import (
    Fault,
    Load,
    Rate,
    Replay,
    Scenario,
    Sine,
    Spike,
    Stage,
    Steps,
    Users,
)
from loadkit.scenario.override import apply_set


def _peak() -> Scenario:
    return Scenario(
        [
            Stage("warm-up", Rate(50), 10),
            Stage("base", Rate(50), 20),
            Stage("base-profile", Rate(50), 10),
            Stage("ramp", Rate(50, to=120, max_users=700), 15),
            Stage("peak", Rate(120, max_users=900), 45),
            Stage("peak-profile", Rate(120), 15),
            Stage("down", Rate(120, to=50), 5),
            Stage("recovery", Rate(50), 25),
        ],
        name="peak",
        slos=["p95 < 300 ms"],
        faults=[Fault("error_rate", 0.08, "peak")],
        forbid=["X"],
        stack="embedded",
        seed=7,
    )


def _loads(scenario: Scenario) -> dict[str, Load]:
    return {stage.name: stage.loads[0] for stage in scenario.stages}


def _mixed() -> Scenario:
    shopper = Rate(50, to=100, user="Shopper")
    return Scenario(
        [
            Stage("up", [shopper, Users(5, user="Clerk", pacing=2)], 10),
            Stage("peak", [Users(5, user="Clerk", pacing=2), Rate(100, user="Shopper")], 10),
            Stage("peak-profile", [Rate(100, user="Shopper"), Rate(100)], 10),
            Stage("two", [Rate(100, user="Shopper"), Rate(100, user="Other")], 10),
        ]
    )


def test_a_shape_keeps_its_proportions() -> None:
    scenario = Scenario(
        [
            Stage("steps", Steps(start=50, step=25, count=3, max_users=9), 6),
            Stage("spike", Spike(50, 200, 1, 2, user="A", arrivals="poisson"), 6),
            Stage("sine", Sine(60, 30, 6, 0.5), 6),
            Stage("sine-profile", Sine(60, 30, 6, 0.5), 6),
            Stage("other-profile", Sine(60, 20, 6, 0.5), 6),
        ]
    )
    assert _loads(apply_set(scenario, "steps.rate=10")) == _loads(scenario) | {
        "steps": Steps([5, 7.5, 10], max_users=9)
    }
    after = _loads(apply_set(scenario, "spike.rate=300"))
    assert after["spike"] == Spike(75, 300, 1, 2, user="A", arrivals="poisson")
    after = _loads(apply_set(scenario, "sine.rate=0.9"))
    assert after["sine"] == after["sine-profile"] == Sine(0.6, 0.3, 6, 0.5)
    assert after["other-profile"] == Sine(60, 20, 6, 0.5)


def test_a_recording_has_a_speed() -> None:
    scenario = Scenario([Stage("r", Replay([0, 1, 2]), 5)])
    assert _loads(apply_set(scenario, "r.speed=2"))["r"] == Replay([0, 1, 2], speed=2)
    with pytest.raises(
        UsageError, match=r"stage 'r' is Replay\(\.\.\.\) and has no rate"
    ) as caught:
        apply_set(scenario, "r.rate=5")
    assert caught.value.remedy == "Set r.max_users, r.speed or r.duration."


def test_the_user_says_which_load_of_several() -> None:
    after = apply_set(_mixed(), "peak.Shopper.rate=200")
    assert after.stage("up").loads[0] == Rate(50, to=200, user="Shopper")
    assert after.stage("peak").loads == (
        Users(5, user="Clerk", pacing=2),
        Rate(200, user="Shopper"),
    )
    assert after.stage("peak-profile").loads == (Rate(200, user="Shopper"), Rate(100))
    assert after.stage("two") == _mixed().stage("two")
    # Without a user: the only one with such a field, or the one that names none.
    assert apply_set(_mixed(), "peak.rate=200") == after
    assert apply_set(_mixed(), "up.pacing=0.5").stage("up").loads[1] == Users(
        5, user="Clerk", pacing=0.5
    )
    after = apply_set(_mixed(), "peak-profile.max_users=3")
    assert after.stage("peak-profile").loads == (
        Rate(100, user="Shopper"),
        Rate(100, max_users=3),
    )


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("two.rate=5", "stage 'two' has several loads with rate", "two.Shopper.rate"),
        ("two.Nobody.rate=5", "stage 'two' has no load for user 'Nobody'", "two.Other.rate"),
        ("peak.Clerk.rate=5", "stage 'peak' is Users(...) and has no rate", "peak.Clerk.users"),
        ("two.users=5", "stage 'two' is Rate(...) and has no users", "two.duration"),
        ("peak.pacing=-1", "pacing must be positive, got -1.0", ""),
        ("peak.duration.rate=1", "has no load for user 'duration'", ""),
    ],
)
def test_errors_of_stages_with_several_loads(text: str, what: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        apply_set(_mixed(), text)
    assert what in caught.value.what
    assert remedy in (caught.value.remedy or "")


def test_a_stage_too_short_for_its_spike_is_refused() -> None:
    scenario = Scenario([Stage("s", Spike(5, 50, begin=20, length=10), 60)])
    assert apply_set(scenario, "s.duration=30").duration == 30
    with pytest.raises(UsageError, match="the spike ends 30 s into a stage of 29 s") as caught:
        apply_set(scenario, "s.duration=29")
    assert "'s.duration=29'" in caught.value.what
    for rate in ("0", "-1", "nan", "inf"):
        with pytest.raises(UsageError, match="rate must be positive"):
            apply_set(scenario, f"s.rate={rate}")


def test_a_rate_takes_its_neighbours_along() -> None:
    before, after = _peak(), apply_set(_peak(), "peak.rate=200")
    assert _loads(after) == {
        **_loads(before),
        "ramp": Rate(50, to=200, max_users=700),
        "peak": Rate(200, max_users=900),
        "peak-profile": Rate(200),
        "down": Rate(200, to=50),
    }
    assert (after.name, after.seed, after.stack, after.forbid) == ("peak", 7, "embedded", ("X",))
    assert after.faults == before.faults
    assert after.slos == before.slos


def test_a_stage_before_a_ramp_sets_where_it_begins() -> None:
    after = _loads(apply_set(_peak(), "base.rate=60"))
    assert after["base-profile"] == Rate(60)
    assert after["ramp"] == Rate(60, to=120, max_users=700)
    # Of the same rate, but neither a ramp nor a profile of it.
    assert after["warm-up"] == after["recovery"] == Rate(50)


def test_what_was_not_tied_stays() -> None:
    scenario = Scenario(
        [
            Stage("ramp", Rate(10, to=99), 5),
            Stage("peak", Rate(100), 5),
            Stage("other-profile", Rate(90), 5),
        ]
    )
    after = _loads(apply_set(scenario, "peak.rate=200"))
    assert after == {"ramp": Rate(10, to=99), "peak": Rate(200), "other-profile": Rate(90)}


def test_a_ramps_rate_is_where_it_ends() -> None:
    after = _loads(apply_set(_peak(), "ramp.rate=80"))
    assert after["ramp"] == Rate(50, to=80, max_users=700)
    assert after["peak"] == Rate(120, max_users=900)


def test_users_are_set_like_rates() -> None:
    scenario = Scenario(
        [Stage("up", Users(1, to=20), 5), Stage("hold", Users(20), 5), Stage("r", Rate(20), 5)]
    )
    after = _loads(apply_set(scenario, "hold.users=30"))
    assert after == {"up": Users(1, to=30), "hold": Users(30), "r": Rate(20)}


def test_durations_and_max_users() -> None:
    after = apply_set(apply_set(_peak(), "peak.duration=1m30s"), " peak.max_users = 12 ")
    assert after.stage("peak").duration == 90
    assert after.stage("peak").load == Rate(120, max_users=12)
    assert after.stage("ramp").load == Rate(50, to=120, max_users=700)


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("peak", "not understood", "peak.rate=200"),
        ("top.rate=1", "there is no stage 'top'", "Stages: warm-up, base, base-profile, ramp"),
        ("peak.colour=1", "there is no field 'colour'", "rate, users, duration, max_users"),
        ("peak.users=1", "stage 'peak' is Rate(...) and has no users", "peak.rate"),
        ("peak.rate=fast", "rate must be a number, got 'fast'", ""),
        ("peak.rate=-5", "rate must be positive, got -5.0", "load=Rate(150)"),
        ("peak.rate=nan", "rate must be positive, got nan", ""),
        ("peak.max_users=0", "max_users must be a whole number of at least 1", ""),
        ("peak.max_users=1.5", "max_users must be a whole number, got '1.5'", ""),
        ("peak.duration=0", "duration must be positive", "90s, 2m"),
    ],
)
def test_errors_say_what_there_is(text: str, what: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        apply_set(_peak(), text)
    assert what in caught.value.what
    assert text.strip() in caught.value.what
    assert remedy in (caught.value.remedy or "")
    assert caught.value.exit_status == 2
