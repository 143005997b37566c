"""Scenario, stages, objectives and faults as text."""

from __future__ import annotations

import pytest

from loadkit import Fault, Rate, Scenario, Slo, Stage, Users
from loadkit.errors import ScenarioError, UsageError


@pytest.mark.parametrize(
    ("text", "metric", "threshold", "operation", "stage", "measure"),
    [
        ("p95 < 300 ms", "p95", 0.3, None, None, "response"),
        ("p99.9<=2s", "p99.9", 2.0, None, None, "response"),
        ("service max < 1 min", "max", 60.0, None, None, "service"),
        ("errors < 1 %", "errors", 0.01, None, None, "response"),
        ("errors < 0.02", "errors", 0.02, None, None, "response"),
        ("rate >= 140 /s", "rate", 140.0, None, None, "response"),
        ("@peak: p50 < 5 ms", "p50", 0.005, None, "peak", "response"),
        (
            "POST /api/v1/costs@peak: p99 < 1 s",
            "p99",
            1.0,
            "POST /api/v1/costs",
            "peak",
            "response",
        ),
        ("GET /a:b?x=1: mean < 1 s", "mean", 1.0, "GET /a:b?x=1", None, "response"),
    ],
)
def test_objectives_parse(
    text: str,
    metric: str,
    threshold: float,
    operation: str | None,
    stage: str | None,
    measure: str,
) -> None:
    slo = Slo(text)
    assert (slo.metric, slo.operation, slo.stage, slo.measure) == (
        metric,
        operation,
        stage,
        measure,
    )
    assert slo.threshold == pytest.approx(threshold)


@pytest.mark.parametrize("text", ["", "p95", "p95 < ms", "p95 < 3 %", "p100 < 1 s", "errors < 1 s"])
def test_objectives_that_say_nothing_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Slo(text)


def test_stage_kinds_follow_from_the_name_unless_said() -> None:
    load = Rate(1)
    assert [Stage(n, load, 1).measured for n in ("warm-up", "base", "base-profile")] == [
        False,
        True,
        False,
    ]
    assert Stage("warm-up", load, 1, warmup=False).measured
    assert Stage("x", load, 1, profile=True).profile


def test_the_pool_is_ten_users_an_arrival_a_second() -> None:
    assert Rate(150).pool == 1500
    assert Rate(5, to=20).pool == 200
    assert Rate(0.01).pool == 1
    assert Rate(150, max_users=7).pool == 7
    assert Users(3, to=9).pool == 9


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rate(-5),
        lambda: Rate(0),
        lambda: Rate(float("nan")),
        lambda: Rate(5, max_users=0),
        lambda: Users(0),
        lambda: Users(-1),
        lambda: Stage("a b", Rate(1), 1),
        lambda: Stage("a", Rate(1), 0),
        lambda: Stage("a", 5, 1),  # type: ignore[arg-type]
        lambda: Scenario([]),
        lambda: Scenario([Stage("a", Rate(1), 1), Stage("a", Rate(1), 1)]),
        lambda: Scenario([Stage("a", Rate(1), 1)], stack="full?"),
        lambda: Scenario([Stage("a", Rate(1), 1)], slos=["@b: p95 < 1 s"]),
        lambda: Scenario([Stage("a", Rate(1), 1)], faults=[Fault("cpu", 1, "b")]),
        lambda: Scenario([Stage("a", Rate(1), 1)], expect=["X"], forbid=["X"]),
        lambda: Scenario([Stage("a", Rate(1), 1)], forbid="HighErrorRate"),
    ],
)
def test_what_cannot_be_meant_is_refused(make: object) -> None:
    with pytest.raises(ScenarioError):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("error_rate=0.08@peak", Fault("error_rate", 0.08, "peak")),
        ("error_rate=8%@peak", Fault("error_rate", 0.08, "peak")),
        ("latency:store_cost=200ms@base", Fault("latency", 0.2, "base", "store_cost")),
        ("pool_slots=1@peak", Fault("pool_slots", 1, "peak")),
    ],
)
def test_faults_parse_and_print_themselves(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault
    assert Fault.parse(str(fault)) == fault


def test_starts_are_sums_of_durations() -> None:
    scenario = Scenario([Stage("a", Rate(1), 2.5), Stage("b", Users(1), 4)])
    assert scenario.starts() == {"a": 0.0, "b": 2.5}
    assert scenario.duration == 6.5
