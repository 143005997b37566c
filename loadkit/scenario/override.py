"""``--set STAGE.FIELD=VALUE``: one scenario made into another."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from loadkit.errors import UsageError
from loadkit.model import Load, OpenLoad, Rate, Replay, Scenario, Stage, Users
from loadkit.scenario.durations import parse_duration
from loadkit.scenario.scaling import scaled, start_of, with_ends

_FORM = re.compile(
    r"\s*(?P<stage>[\w-]+)\.(?:(?P<user>\w+)\.)?(?P<field>\w+)\s*=\s*(?P<value>.*?)\s*"
)
FIELDS = ("rate", "users", "duration", "max_users", "pacing", "speed")


@dataclass(frozen=True, slots=True)
class _Place:
    """One load of one stage."""

    index: int
    at: int


def apply_set(scenario: Scenario, text: str) -> Scenario:
    """A scenario with one value changed.

    ``peak.rate=200`` sets the rate a stage holds, or the one its own ramp ends at; of Steps, Spike
    and Sine the highest rate, the others in proportion. What was tied to the old value follows:
    the end of a ramp that leads into the stage, profile stages after it under the same load, and
    the beginning of a ramp that leads out. ``users`` does the same for closed stages. ``duration``
    takes seconds or 90s, 2m; ``max_users`` a whole number; ``pacing`` seconds; ``speed`` how many
    times as fast a recording is played.

    A stage with several loads is told which one by its user: ``peak.Shopper.rate=200``. Without a
    user it is the load that names none, or the only one that has such a field.

    Raises:
        UsageError: the text does not parse, there is no such stage, user or field, the field is
            not one of that load, or the value is out of range.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise UsageError(
            f"override {text!r} is not understood",
            remedy=f"Write STAGE.FIELD=VALUE, for example peak.rate=200. {_existing(scenario)}",
        )
    index = _index(scenario, found["stage"], text)
    field, value = found["field"], found["value"]
    if field not in FIELDS:
        raise UsageError(
            f"override {text!r}: there is no field {field!r}",
            remedy=f"Fields: {', '.join(FIELDS)}.",
        )
    try:
        if field == "duration":
            stages = _set_duration(scenario.stages, index, value)
        else:
            place = _place(scenario.stages[index], index, found["user"], field)
            stages = _CHANGES[field](scenario.stages, place, value)
        return replace(scenario, stages=tuple(stages))
    except UsageError as error:
        raise UsageError(f"override {text!r}: {error.what}", remedy=error.remedy) from error


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


# -- which load -------------------------------------------------------------------------------


def _has(load: Load, field: str) -> bool:
    if field == "rate":
        return isinstance(load, OpenLoad) and not isinstance(load, Replay)
    if field == "max_users":
        return isinstance(load, OpenLoad)
    return isinstance(load, Replay if field == "speed" else Users)


def _place(stage: Stage, index: int, user: str | None, field: str) -> _Place:
    """The load that is meant.

    Raises:
        UsageError: there is none, it has no such field, or it could be one of several.
    """
    having = [at for at, load in enumerate(stage.loads) if _has(load, field)]
    if user is not None:
        own = [at for at, load in enumerate(stage.loads) if load.user == user]
        if not own:
            raise UsageError(
                f"stage {stage.name!r} has no load for user {user!r}", remedy=_ways(stage)
            )
        having = [at for at in own if at in having]
        if not having:
            raise _wrong_field(stage, stage.loads[own[0]], field)
    if not having:
        raise _wrong_field(stage, stage.loads[0], field)
    unnamed = [at for at in having if stage.loads[at].user is None]
    if len(having) > 1 and not unnamed:
        raise UsageError(
            f"stage {stage.name!r} has several loads with {field}", remedy=_ways(stage)
        )
    return _Place(index, (unnamed or having)[0])


def _wrong_field(stage: Stage, load: Load, field: str) -> UsageError:
    if len(stage.loads) > 1 and load.user is None:
        what = f"no load of stage {stage.name!r} has {field}"
    else:
        what = f"stage {stage.name!r} is {type(load).__name__}(...) and has no {field}"
    return UsageError(what, remedy=_ways(stage))


def _ways(stage: Stage) -> str:
    """What can be set in a stage."""
    several = len(stage.loads) > 1
    ways = [
        f"{stage.name}.{load.user}.{field}" if several and load.user else f"{stage.name}.{field}"
        for load in stage.loads
        for field in FIELDS
        if field != "duration" and _has(load, field)
    ]
    return f"Set {', '.join(ways)} or {stage.name}.duration."


def _load_at(stages: Sequence[Stage], place: _Place) -> Load:
    return stages[place.index].loads[place.at]


def _with_load(stage: Stage, at: int, load: Load) -> Stage:
    if not isinstance(stage.load, tuple):
        return replace(stage, load=load)
    return replace(stage, load=(*stage.load[:at], load, *stage.load[at + 1 :]))


def _with(stages: Sequence[Stage], place: _Place, load: Load) -> list[Stage]:
    result = list(stages)
    result[place.index] = _with_load(result[place.index], place.at, load)
    return result


# -- what changes -----------------------------------------------------------------------------


def _set_duration(stages: Sequence[Stage], index: int, value: str) -> list[Stage]:
    result = list(stages)
    result[index] = replace(result[index], duration=parse_duration(value))
    return result


def _set_max_users(stages: Sequence[Stage], place: _Place, value: str) -> list[Stage]:
    load = _load_at(stages, place)
    assert not isinstance(load, Users)
    return _with(stages, place, replace(load, max_users=_whole(value, "max_users")))


def _set_pacing(stages: Sequence[Stage], place: _Place, value: str) -> list[Stage]:
    load = _load_at(stages, place)
    assert isinstance(load, Users)
    return _with(stages, place, replace(load, pacing=_number(value, "pacing")))


def _set_speed(stages: Sequence[Stage], place: _Place, value: str) -> list[Stage]:
    load = _load_at(stages, place)
    assert isinstance(load, Replay)
    return _with(stages, place, replace(load, speed=_number(value, "speed")))


def _set_rate(stages: Sequence[Stage], place: _Place, value: str) -> list[Stage]:
    rate = _number(value, "rate")
    if isinstance(_load_at(stages, place), Rate):
        return _set_level(stages, place, rate)
    if not (rate > 0 and math.isfinite(rate)):
        raise UsageError(f"rate must be positive, got {rate!r}")
    return _set_form(stages, place, rate)


def _set_users(stages: Sequence[Stage], place: _Place, value: str) -> list[Stage]:
    return _set_level(stages, place, _whole(value, "users"))


def _whole(value: str, field: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise UsageError(f"{field} must be a whole number, got {value!r}") from None


def _number(value: str, field: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"{field} must be a number, got {value!r}") from None


def _set_form(stages: Sequence[Stage], place: _Place, rate: float) -> list[Stage]:
    """Sets the highest rate of a shape, also of profile stages after it under the same one."""
    old = _load_at(stages, place)
    result = _with(stages, place, scaled(old, rate))
    for index in range(place.index + 1, len(result)):
        stage = result[index]
        if not stage.profile or old not in stage.loads:
            break
        result[index] = _with_load(stage, stage.loads.index(old), scaled(old, rate))
    return result


def _set_level(stages: Sequence[Stage], place: _Place, value: float) -> list[Stage]:
    """Sets what a stage holds or ends at, and what was tied to it before and after."""
    load = _load_at(stages, place)
    assert isinstance(load, Rate | Users)
    old = load.end
    result = _with(stages, place, scaled(load, value))
    if load.to is None and place.index > 0:
        at, before = _neighbour(result[place.index - 1], load)
        if before is not None and before.to == old:
            result[place.index - 1] = _with_load(
                result[place.index - 1], at, with_ends(before, start_of(before), value)
            )
    for index in range(place.index + 1, len(result)):
        stage = result[index]
        at, later = _neighbour(stage, load)
        if later is None or start_of(later) != old:
            break
        if later.to is None and stage.profile:
            result[index] = _with_load(stage, at, with_ends(later, value, value))
            continue
        if later.to is not None:
            result[index] = _with_load(stage, at, with_ends(later, value, later.to))
        break
    return result


def _neighbour(stage: Stage, load: Rate | Users) -> tuple[int, Rate | Users | None]:
    """The load of another stage that is of the same kind and for the same users."""
    for at, other in enumerate(stage.loads):
        if not isinstance(other, Rate | Users):
            continue
        if type(other) is type(load) and other.user == load.user:
            return at, other
    return 0, None


_CHANGES: dict[str, Callable[[Sequence[Stage], _Place, str], list[Stage]]] = {
    "rate": _set_rate,
    "users": _set_users,
    "max_users": _set_max_users,
    "pacing": _set_pacing,
    "speed": _set_speed,
}
