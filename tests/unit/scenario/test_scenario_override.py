"""``--set``: what changes with a value, and what is said when it can't."""

from __future__ import annotations

import pytest

from loadkit.errors import UsageError
from loadkit.model import Fault, Load, Rate, Scenario, Stage, Users
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
    return {stage.name: stage.load for stage in scenario.stages}


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
        ("peak.speed=1", "there is no field 'speed'", "rate, users, duration, max_users"),
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
