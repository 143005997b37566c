"""``--set STAGE.FIELD=VALUE``: one scenario made into another."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from loadkit.errors import UsageError
from loadkit.model import Load, Rate, Scenario, Stage, Users
from loadkit.scenario.durations import parse_duration

_FORM = re.compile(r"\s*(?P<stage>[\w-]+)\.(?P<field>\w+)\s*=\s*(?P<value>.*?)\s*")
FIELDS = ("rate", "users", "duration", "max_users")


def apply_set(scenario: Scenario, text: str) -> Scenario:
    """A scenario with one value changed.

    ``peak.rate=200`` sets the rate a stage holds, or the one its own ramp ends at. What was tied
    to the old value follows: the end of a ramp that leads into the stage, profile stages after it
    that held the same rate, and the beginning of a ramp that leads out. ``users`` does the same
    for closed stages. ``duration`` takes seconds or 90s, 2m; ``max_users`` a whole number.

    Raises:
        UsageError: the text does not parse, there is no such stage or field, the field is not one
            of that stage's load, or the value is out of range.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise UsageError(
            f"override {text!r} is not understood",
            remedy=f"Write STAGE.FIELD=VALUE, for example peak.rate=200. {_existing(scenario)}",
        )
    index = _index(scenario, found["stage"], text)
    change = _CHANGES.get(found["field"])
    if change is None:
        raise UsageError(
            f"override {text!r}: there is no field {found['field']!r}",
            remedy=f"Fields: {', '.join(FIELDS)}.",
        )
    try:
        stages = change(scenario.stages, index, found["value"])
        return _with_stages(scenario, stages)
    except UsageError as error:
        raise UsageError(f"override {text!r}: {error.what}", remedy=error.remedy) from error


def _with_stages(scenario: Scenario, stages: Sequence[Stage]) -> Scenario:
    return Scenario(
        stages,
        name=scenario.name,
        slos=scenario.slos,
        expect=scenario.expect,
        forbid=scenario.forbid,
        faults=scenario.faults,
        stack=scenario.stack,
        seed=scenario.seed,
    )


def _existing(scenario: Scenario) -> str:
    return (
        f"Stages: {', '.join(stage.name for stage in scenario.stages)}. "
        f"Fields: {', '.join(FIELDS)}."
    )


def _index(scenario: Scenario, name: str, text: str) -> int:
    for index, stage in enumerate(scenario.stages):
        if stage.name == name:
            return index
    raise UsageError(f"override {text!r}: there is no stage {name!r}", remedy=_existing(scenario))


def _set_duration(stages: Sequence[Stage], index: int, value: str) -> list[Stage]:
    result = list(stages)
    result[index] = replace(result[index], duration=parse_duration(value))
    return result


def _set_max_users(stages: Sequence[Stage], index: int, value: str) -> list[Stage]:
    stage = stages[index]
    if not isinstance(stage.load, Rate):
        raise _wrong_field(stage, "max_users", "users")
    result = list(stages)
    result[index] = replace(stage, load=replace(stage.load, max_users=_whole(value, "max_users")))
    return result


def _set_rate(stages: Sequence[Stage], index: int, value: str) -> list[Stage]:
    if not isinstance(stages[index].load, Rate):
        raise _wrong_field(stages[index], "rate", "users")
    try:
        number = float(value)
    except ValueError:
        raise UsageError(f"rate must be a number, got {value!r}") from None
    return _set_level(stages, index, number)


def _set_users(stages: Sequence[Stage], index: int, value: str) -> list[Stage]:
    if not isinstance(stages[index].load, Users):
        raise _wrong_field(stages[index], "users", "rate")
    return _set_level(stages, index, _whole(value, "users"))


def _wrong_field(stage: Stage, field: str, instead: str) -> UsageError:
    kind = "Rate" if isinstance(stage.load, Rate) else "Users"
    return UsageError(
        f"stage {stage.name!r} is {kind}(...) and has no {field}",
        remedy=f"Set {stage.name}.{instead} or {stage.name}.duration.",
    )


def _whole(value: str, field: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise UsageError(f"{field} must be a whole number, got {value!r}") from None


def _set_level(stages: Sequence[Stage], index: int, value: float) -> list[Stage]:
    """Sets what a stage holds or ends at, and what was tied to it before and after."""
    result = list(stages)
    load = result[index].load
    old = load.end
    result[index] = _reloaded(
        result[index], value if load.to is None else _start(load), load, value
    )
    if load.to is None and index > 0:
        before = result[index - 1]
        if type(before.load) is type(load) and before.load.to == old:
            start = _start(before.load)
            result[index - 1] = _reloaded(before, start, before.load, value)
    for later in range(index + 1, len(result)):
        stage = result[later]
        if type(stage.load) is not type(load) or _start(stage.load) != old:
            break
        if stage.load.to is None and stage.profile:
            result[later] = _reloaded(stage, value, stage.load, value)
            continue
        if stage.load.to is not None:
            result[later] = _reloaded(stage, value, stage.load, stage.load.to)
        break
    return result


def _start(load: Load) -> float:
    return load.rate if isinstance(load, Rate) else load.users


def _reloaded(stage: Stage, start: float, load: Load, end: float) -> Stage:
    """The stage with another beginning and, if it is a ramp, another end."""
    if isinstance(load, Rate):
        to = None if load.to is None else end
        return replace(stage, load=replace(load, rate=start, to=to))
    to_users = None if load.to is None else cast(int, end)
    return replace(stage, load=replace(load, users=cast(int, start), to=to_users))


_CHANGES: dict[str, Callable[[Sequence[Stage], int, str], list[Stage]]] = {
    "rate": _set_rate,
    "users": _set_users,
    "duration": _set_duration,
    "max_users": _set_max_users,
}
