"""Options and a described file become a plan, or one clear error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loadkit import Fault, Rate, Scenario, Stage
from loadkit.errors import TargetError, UsageError
from loadkit.run.describe import Description
from loadkit.run.plan import make_plan
from loadkit.run.request import RunRequest

SCENARIO = Scenario(
    [
        Stage("warm-up", load=Rate(10), duration=5),
        Stage("ramp", load=Rate(10, to=100), duration=5),
        Stage("peak", load=Rate(100), duration=20),
        Stage("peak-profile", load=Rate(100), duration=10),
    ],
    slos=["p95 < 300 ms"],
    forbid=["HighErrorRate"],
    stack="embedded",
)
STAGED = Description(SCENARIO, ({"name": "U", "host": None},), shape=False)
FOREIGN = Description(None, ({"name": "U", "host": "http://127.0.0.1:1"},), shape=False)
HOSTLESS = Description(None, ({"name": "U", "host": None},), shape=False)
REQUEST = RunRequest(file=Path("scenarios/peak.py"))


def test_a_scenario_brings_its_stack_objectives_and_name() -> None:
    plan = make_plan(REQUEST, STAGED)
    assert (plan.name, plan.stack, plan.host) == ("peak", "embedded", None)
    assert [slo.text for slo in plan.slos] == ["p95 < 300 ms"]
    assert plan.forbid == ("HighErrorRate",)
    assert [(s["name"], s["start_s"], s["warmup"], s["profile"]) for s in plan.stages()] == [
        ("warm-up", 0.0, True, False),
        ("ramp", 5.0, False, False),
        ("peak", 10.0, False, False),
        ("peak-profile", 30.0, False, True),
    ]
    assert plan.stages()[1]["load"] == {"kind": "rate", "from": 10, "to": 100, "max_users": 1000}
    assert [(stage.name, at) for stage, at in plan.profile_stages] == [("peak-profile", 30.0)]


def test_options_add_to_the_scenario() -> None:
    request = replace(
        REQUEST,
        settings=("peak.rate=200",),
        slos=("errors < 1 %",),
        expect=("SlowResponseTime",),
        faults=("error_rate=0.08@peak",),
    )
    plan = make_plan(request, STAGED)
    assert plan.scenario is not None
    assert [stage.load for stage in plan.scenario.stages[1:]] == [
        Rate(10, to=200),
        Rate(200),
        Rate(200),
    ]
    assert len(plan.slos) == 2
    assert plan.expect == ("SlowResponseTime",)
    assert plan.faults == (Fault("error_rate", 0.08, "peak"),)


def test_an_option_is_stronger_than_the_file() -> None:
    plan = make_plan(replace(REQUEST, expect=("HighErrorRate",)), STAGED)
    assert (plan.expect, plan.forbid) == (("HighErrorRate",), ())


def test_a_foreign_file_is_one_closed_stage() -> None:
    plan = make_plan(replace(REQUEST, host="127.0.0.1:8080", users=5, duration=9.0), FOREIGN)
    assert (plan.stack, plan.host, plan.scenario) == ("none", "http://127.0.0.1:8080", None)
    assert plan.stages()[0] | {"load": None} == {
        "name": "run",
        "start_s": 0.0,
        "duration_s": 9.0,
        "warmup": False,
        "profile": False,
        "load": None,
    }


def test_a_user_class_may_bring_the_host() -> None:
    assert make_plan(REQUEST, FOREIGN).host is None


@pytest.mark.parametrize(
    ("changes", "found", "message"),
    [
        ({"duration": 9.0}, STAGED, "--set peak.duration=60"),
        ({"users": 9}, STAGED, "--set peak.users=20"),
        ({"spawn_rate": 9.0}, STAGED, "--set peak.rate=150"),
        ({"host": "http://127.0.0.1"}, STAGED, "--stack none"),
        ({"prometheus": "http://127.0.0.1", "stack": "embedded"}, STAGED, "do not go with"),
        ({"faults": ("error_rate=0.08@paek",)}, STAGED, "no stage 'paek'"),
        ({"faults": ("error_rate=8@peak",)}, STAGED, "between 0 and 1"),
        ({"faults": ("errors=0.1@peak",)}, STAGED, "not known"),
        ({"faults": ("error_rate=0.1@run",)}, FOREIGN, "only the embedded stack"),
        ({"slos": ("p95 300ms",)}, STAGED, "not understood"),
        ({"slos": ("p95 < 300",)}, STAGED, "unit of time"),
        ({"slos": ("x@paek: p95 < 300 ms",)}, STAGED, "no stage 'paek'"),
        ({"expect": ("X",), "forbid": ("X",)}, STAGED, "both expected and forbidden"),
        ({"settings": ("peak.rate=5",)}, FOREIGN, "declares no Scenario"),
        ({"settings": ("peak.rate=-5",)}, STAGED, "rate must be positive"),
    ],
)
def test_contradictions_are_one_clear_error(
    changes: dict[str, object], found: Description, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        make_plan(replace(REQUEST, **changes), found)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert caught.value.exit_status == 2


def test_without_any_host_nothing_is_guessed() -> None:
    with pytest.raises(TargetError, match="nothing says where"):
        make_plan(REQUEST, HOSTLESS)
