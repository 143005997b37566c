"""A load in words, for people: the one place where they are chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from loadkit.model import Load, Rate, Replay, Sine, Spike, Stage, Steps, Users
from loadkit.model.shapes.pieces import exact

_MOST_LEVELS = 6  # more are not listed one by one


def stage_words(stage: Stage) -> str:
    """What a stage is under: ``50 → 120/s``, ``Shopper 100/s + Clerk 5 users, pacing 2 s``."""
    return " + ".join(load_words(load, stage.duration) for load in stage.loads)


def load_words(load: Load, duration: float) -> str:
    """One load over a stage of that many seconds, with the user it is for."""
    words = _WORDS[load.kind](load, duration)
    if not isinstance(load, Users) and load.arrivals == "poisson":
        words += ", Poisson"
    return f"{load.user} {words}" if load.user else words


def _number(value: float) -> str:
    shown = round(value, 3) if abs(value) >= 1 else float(f"{value:.3g}")
    return f"{shown:,.12g}"


def _from_to(first: float, last: float, unit: str) -> str:
    if first == last:
        return f"{_number(first)}{unit}"
    return f"{_number(first)} → {_number(last)}{unit}"


def _rate(load: Rate, _: float) -> str:
    return _from_to(load.rate, load.end, "/s")


def _users(load: Users, _: float) -> str:
    words = _from_to(load.users, load.end, " user" if load.peak == 1 else " users")
    return words if load.pacing is None else f"{words}, pacing {_number(load.pacing)} s"


def _steps(load: Steps, duration: float) -> str:
    levels = load.levels
    each = _number(float(exact(duration) / len(levels)))
    rises = {exact(b) - exact(a) for a, b in pairwise(levels)}
    if len(levels) > 2 and len(rises) == 1 and rises != {0}:
        return f"{_from_to(levels[0], levels[-1], '/s')} in {len(levels)} steps of {each} s"
    if len(levels) <= _MOST_LEVELS:
        return f"{', '.join(_number(level) for level in levels)}/s, {each} s each"
    return f"{_number(min(levels))} to {_number(max(levels))}/s in {len(levels)} steps of {each} s"


def _spike(load: Spike, _: float) -> str:
    words = (
        f"spike {_number(load.base)} → {_number(load.peak)}/s at {_number(load.begin)} s for "
        f"{_number(load.length)} s"
    )
    return f"{words}, edges {_number(load.edge)} s" if load.edge else words


def _sine(load: Sine, _: float) -> str:
    return f"sine {_number(load.mean)} ± {_number(load.amplitude)}/s every {_number(load.period)} s"


def _replay(load: Replay, duration: float) -> str:
    words = f"replay of {int(load.count(duration)):,} arrivals"
    return words if load.speed == 1 else f"{words}, {_number(load.speed)} x as fast"


_WORDS: Mapping[str, Callable[[Any, float], str]] = {
    "rate": _rate,
    "users": _users,
    "steps": _steps,
    "spike": _spike,
    "sine": _sine,
    "replay": _replay,
}
