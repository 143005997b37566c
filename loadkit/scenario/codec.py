"""A Scenario as plain data and back, exactly: what travels between processes and into bundles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadkit.errors import ScenarioError
from loadkit.model import Fault, Scenario, Stage
from loadkit.scenario.loads import load_data, load_of


def to_dict(scenario: Scenario) -> dict[str, Any]:
    """The scenario in types of JSON. ``from_dict`` gives an equal one back."""
    return {
        "name": scenario.name,
        "stages": [_stage_dict(stage) for stage in scenario.stages],
        "slos": [slo.text for slo in scenario.slos],
        "expect": list(scenario.expect),
        "forbid": list(scenario.forbid),
        "faults": [
            {"kind": f.kind, "value": f.value, "stage": f.stage, "step": f.step}
            for f in scenario.faults
        ],
        "stack": scenario.stack,
        "seed": scenario.seed,
        "abort": [str(rule) for rule in scenario.abort],
    }


def from_dict(data: Mapping[str, Any]) -> Scenario:
    """The scenario that ``to_dict`` wrote.

    Raises:
        ScenarioError: a part is missing or of the wrong kind.
        UsageError: an objective or fault does not hold.
    """
    try:
        return Scenario(
            [_stage(stage) for stage in data["stages"]],
            name=data.get("name"),
            slos=data.get("slos", ()),
            expect=data.get("expect", ()),
            forbid=data.get("forbid", ()),
            faults=[Fault(**fault) for fault in data.get("faults", ())],
            stack=data.get("stack", "none"),
            seed=data.get("seed", 0),
            abort=data.get("abort", ()),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ScenarioError(f"not a scenario: {error}") from error


def _stage_dict(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "duration": stage.duration,
        "warmup": stage.warmup,
        "profile": stage.profile,
        "load": _loads(stage),
    }


def _loads(stage: Stage) -> dict[str, Any] | list[dict[str, Any]]:
    """Of a stage with one load that load, of one with several a list."""
    listed = [load_data(load) for load in stage.loads]
    return listed if isinstance(stage.load, tuple) else listed[0]


def _stage(data: Mapping[str, Any]) -> Stage:
    load = data["load"]
    return Stage(
        data["name"],
        [load_of(one) for one in load] if isinstance(load, list) else load_of(load),
        data["duration"],
        warmup=data.get("warmup"),
        profile=data.get("profile"),
    )
