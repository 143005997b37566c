"""A load made higher or lower, keeping its form."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from loadkit.model import Load, Rate, Replay, Sine, Spike, Steps, Users
from loadkit.model.shapes.pieces import exact, plain


def scaled(load: Load, value: float) -> Load:
    """The load with another level: what it holds, or the end of a ramp; else the highest rate.

    Steps, Spike and Sine keep their proportions.

    Raises:
        ScenarioError: the value is out of range.
        TypeError: a recording has no level.
    """
    if isinstance(load, Rate | Users):
        return with_ends(load, value if load.to is None else start_of(load), value)
    if isinstance(load, Replay):
        raise TypeError("a recording has no level")
    return _in_proportion(load, value)


def _in_proportion(load: Steps | Spike | Sine, value: float) -> Load:
    factor = exact(value) / exact(load.highest)

    def times(rate: float) -> float:
        return plain(exact(rate) * factor)

    if isinstance(load, Steps):
        return replace(load, levels=tuple(times(level) for level in load.levels))
    if isinstance(load, Spike):
        return replace(load, base=times(load.base), peak=times(load.peak))
    return replace(load, mean=times(load.mean), amplitude=times(load.amplitude))


def start_of(load: Rate | Users) -> float:
    """What a ramp begins at, or a constant load holds."""
    return load.rate if isinstance(load, Rate) else load.users


def with_ends(load: Rate | Users, start: float, end: float) -> Rate | Users:
    """With another beginning and, if it is a ramp, another end."""
    if isinstance(load, Rate):
        return replace(load, rate=start, to=None if load.to is None else end)
    to = None if load.to is None else cast(int, end)
    return replace(load, users=cast(int, start), to=to)
