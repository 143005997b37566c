"""The cap on planned arrivals."""

from __future__ import annotations

import pytest

from loadkit import Rate, Scenario, Sine, Spike, Stage, Users
from loadkit.errors import UsageError
from loadkit.model import Load
from loadkit.run.cap import check_rate, highest_rate


def test_the_highest_rate_of_loads_that_take_turns_is_not_their_sum() -> None:
    stage = Stage(
        "mixed",
        load=[Rate(100, to=0.0, user="A"), Rate(0.0, to=100, user="B"), Users(50, user="C")],
        duration=10,
    )
    assert highest_rate(stage) == pytest.approx(100)
    assert highest_rate(Stage("users", load=Users(9), duration=1)) == 0


def test_the_top_of_a_wave_beside_a_constant_rate_is_found() -> None:
    loads: list[Load] = [Sine(100, amplitude=50, period=7, user="A"), Rate(10, user="B")]
    assert highest_rate(Stage("s", load=loads, duration=60)) == pytest.approx(160, rel=1e-3)


def test_a_plan_above_the_cap_names_stage_and_rate() -> None:
    scenario = Scenario(
        [
            Stage("steady", load=Rate(200), duration=5),
            Stage("spike", load=Spike(50, 400, begin=1, length=1), duration=5),
        ]
    )
    check_rate(scenario, 400, "peak.py")
    check_rate(scenario, None, "peak.py")
    check_rate(None, 1, "locustfile.py")
    with pytest.raises(UsageError) as caught:
        check_rate(scenario, 300, "peak.py")
    assert caught.value.what == ("stage 'spike' plans 400 arrivals a second, above the cap of 300")
    assert caught.value.where == "peak.py"
    with pytest.raises(UsageError, match="'steady' plans 200") as caught:
        check_rate(scenario, 150, "peak.py")
    assert caught.value.remedy is not None
    assert "--set steady.rate=150" in caught.value.remedy
