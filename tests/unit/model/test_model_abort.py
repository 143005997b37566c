"""Abort rules as text."""

from __future__ import annotations

import pytest

from loadkit import Rate, Scenario, Stage
from loadkit.errors import ScenarioError, UsageError
from loadkit.model import AbortRule
from loadkit.model.abort import abort_rules
from loadkit.scenario import codec

STAGES = [Stage("peak", load=Rate(10), duration=5)]


@pytest.mark.parametrize(
    ("text", "held_s"),
    [
        ("50 % for 10 s", 10.0),
        ("50% for 10", 10.0),
        ("0.5 % for 2 min", 120.0),
        ("100 % FOR 1.5 s", 1.5),
    ],
)
def test_a_share_of_errors(text: str, held_s: float) -> None:
    rule = AbortRule("errors", text)
    assert rule.held_s == held_s
    assert rule.ratio == float(text.partition("%")[0]) / 100
    assert (rule.slo, rule.expression) == (None, None)


def test_an_objective_keeps_its_stage_and_operation() -> None:
    rule = AbortRule("slo", "GET /wait for it@peak: p99.9 < 1.5 s for 20 s")
    assert rule.slo is not None
    assert (rule.slo.operation, rule.slo.stage) == ("GET /wait for it", "peak")
    assert (rule.slo.threshold, rule.held_s) == (1.5, 20.0)


def test_the_last_for_ends_an_expression() -> None:
    rule = AbortRule("promql", 'up{note="for 3 s"} == 0 for 5 s')
    assert (rule.expression, rule.held_s) == ('up{note="for 3 s"} == 0', 5.0)


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("errors", "50 %", "does not say for how long"),
        ("errors", "0 % for 3 s", "above 0 %"),
        ("errors", "101 % for 3 s", "above 0 %"),
        ("errors", "half for 3 s", "above 0 %"),
        ("errors", "5 % for 0.5 s", "not between 1 s and 600 s"),
        ("errors", "5 % for 11 min", "not between 1 s and 600 s"),
        ("slo", "p95 < 300 for 3 s", "needs a unit of time"),
        ("slo", "fast for 3 s", "'fast' is not understood"),
        ("alert", "x for 3 s", "of no known kind"),
    ],
)
def test_what_is_not_understood_is_said(kind: str, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        AbortRule(kind, text)
    assert caught.value.remedy


def test_a_scenario_has_rules_and_gives_them_back() -> None:
    rules = ["errors: 50 % for 10 s", "slo: @peak: p95 < 1 s for 3 s", "promql: up == 0 for 5 s"]
    scenario = Scenario(STAGES, abort=rules)
    assert [str(rule) for rule in scenario.abort] == rules
    assert codec.from_dict(codec.to_dict(scenario)) == scenario
    assert "abort" not in {key for key, value in codec.to_dict(Scenario(STAGES)).items() if value}


def test_a_rule_of_a_scenario_names_a_kind_and_a_stage_that_is_there() -> None:
    with pytest.raises(UsageError, match="does not say what it is about"):
        Scenario(STAGES, abort=["up == 0 for 5 s"])
    with pytest.raises(ScenarioError, match="no stage 'top'"):
        Scenario(STAGES, abort=["slo: @top: p95 < 1 s for 3 s"])
    with pytest.raises(ScenarioError, match="must be a list"):
        Scenario(STAGES, abort="errors: 50 % for 10 s")


def test_rules_of_all_kinds_in_order() -> None:
    rules = abort_rules(["1 % for 1 s"], ["p50 < 1 s for 2 s"], ["up == 0 for 3 s"])
    assert [(rule.kind, rule.held_s) for rule in rules] == [
        ("errors", 1.0),
        ("slo", 2.0),
        ("promql", 3.0),
    ]
