"""The scenario: stages, and what is expected of the service in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from loadkit.errors import ScenarioError
from loadkit.model.abort import AbortRule
from loadkit.model.checks import is_int
from loadkit.model.fault import Fault
from loadkit.model.load import Stage
from loadkit.model.objective import Slo
from loadkit.model.shapes.pieces import exact

_T = TypeVar("_T")


STACKS = ("none", "embedded", "external")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is to happen, declared at module level of a scenario file.

    ``slos`` are objectives as text; ``expect`` and ``forbid`` are names of alerts; ``faults`` are
    Fault values. ``stack`` is what loadkit starts beside the load. ``seed``, a whole number, makes
    everything random repeatable. ``abort`` are rules that end the load early, as text such as
    ``"errors: 50 % for 10 s"``. ``name`` is the file's stem unless given.

    Raises:
        ScenarioError: no stage, two of one name, something names a stage that is not there, or the
            seed is no whole number.
        UsageError: an objective or an abort rule does not parse.
    """

    stages: tuple[Stage, ...]
    name: str | None = None
    slos: tuple[Slo, ...] = ()
    expect: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    stack: str = "none"
    seed: int = 0
    abort: tuple[AbortRule, ...] = ()

    def __init__(
        self,
        stages: Iterable[Stage] = (),
        *,
        name: str | None = None,
        slos: Iterable[str | Slo] = (),
        expect: Iterable[str] = (),
        forbid: Iterable[str] = (),
        faults: Iterable[Fault] = (),
        stack: str = "none",
        seed: int = 0,
        abort: Iterable[str | AbortRule] = (),
    ) -> None:
        values = {
            "stages": tuple(stages),
            "name": name,
            "slos": tuple(s if isinstance(s, Slo) else Slo(s) for s in _listed(slos, "slos")),
            "expect": tuple(_listed(expect, "expect")),
            "forbid": tuple(_listed(forbid, "forbid")),
            "faults": tuple(faults),
            "stack": stack,
            "seed": seed,
            "abort": tuple(
                rule if isinstance(rule, AbortRule) else AbortRule.parse(rule)
                for rule in _listed(abort, "abort")
            ),
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)
        _check_scenario(self)

    @property
    def duration(self) -> float:
        """Seconds from the first arrival to the end of the last stage."""
        return float(sum(exact(stage.duration) for stage in self.stages))

    def stage(self, name: str) -> Stage:
        """The stage of that name.

        Raises:
            ScenarioError: there is none.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise ScenarioError(f"there is no stage {name!r}", remedy=_stage_remedy(self))

    def starts(self) -> dict[str, float]:
        """When each stage begins, in seconds since the start of the load."""
        result, at = {}, Fraction(0)
        for stage in self.stages:
            result[stage.name] = float(at)
            at += exact(stage.duration)
        return result


def _listed(values: Iterable[_T], what: str) -> list[_T]:
    if isinstance(values, str):  # a string is iterable, letter by letter
        raise ScenarioError(f"{what} must be a list, got {values!r}")
    return list(values)


def _stage_remedy(scenario: Scenario) -> str:
    return f"Stages: {', '.join(stage.name for stage in scenario.stages)}."


def _check_scenario(scenario: Scenario) -> None:
    if not scenario.stages:
        raise ScenarioError(
            "the scenario has no stages",
            remedy='Give at least one: Stage("steady", load=Rate(200), duration=30).',
        )
    for stage in scenario.stages:
        if not isinstance(stage, Stage):
            raise ScenarioError(f"stages must be Stage(...), got {stage!r}")
    names = [stage.name for stage in scenario.stages]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ScenarioError(f"two stages are named {twice[0]!r}", remedy="Give each its own name.")
    if scenario.stack not in STACKS:
        raise ScenarioError(
            f"stack {scenario.stack!r} is not known", remedy=f"One of: {', '.join(STACKS)}."
        )
    if not is_int(scenario.seed):
        raise ScenarioError(f"seed must be a whole number, got {scenario.seed!r}")
    for fault in scenario.faults:
        if not isinstance(fault, Fault):
            raise ScenarioError(f"faults must be Fault(...), got {fault!r}")
        scenario.stage(fault.stage)
    for slo in (*scenario.slos, *(rule.slo for rule in scenario.abort)):
        if slo is not None and slo.stage is not None:
            scenario.stage(slo.stage)
    both = sorted(set(scenario.expect) & set(scenario.forbid))
    if both:
        raise ScenarioError(f"alert {both[0]!r} is both expected and forbidden")
