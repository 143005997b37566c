"""What a bundle's manifest says of the load of a stage, for whoever reads it without loadkit."""

from __future__ import annotations

from typing import Any

from loadkit.model import Load, Rate, Stage, Users
from loadkit.scenario.words import load_words, stage_words


def summary(stage: Stage) -> dict[str, Any]:
    """The load of a stage in types of JSON: rates a second, or users.

    ``kind``, ``from``, ``to`` and ``max_users`` for a plain rate or number of users. Other loads
    also have ``mean`` and ``peak`` (of the planned rate) and ``text``; a stage with several loads
    is of kind ``several``, with sums over the open ones, ``users`` (first and last of the closed
    ones) and each by itself in ``loads``.
    """
    if len(stage.loads) == 1:
        return _one(stage.loads[0], stage.duration)
    each = [_one(load, stage.duration) for load in stage.loads]
    open_ones = [_open(load, stage.duration) for load in stage.open_loads]
    sums = {
        key: sum(one[key] for one in open_ones) if open_ones else None
        for key in ("from", "to", "mean", "peak", "max_users")
    }
    closed = stage.closed_loads
    users = [sum(one.users for one in closed), sum(one.end for one in closed)] if closed else None
    return {
        "kind": "several",
        **sums,
        "users": users,
        "text": stage_words(stage),
        "loads": each,
    }


def _one(load: Load, duration: float) -> dict[str, Any]:
    if isinstance(load, Users):
        return _closed(load, duration)
    found = _open(load, duration)
    if isinstance(load, Rate) and load.user is None and load.arrivals == "even":
        return {key: found[key] for key in ("kind", "from", "to", "max_users")}
    if load.user is not None:
        found["user"] = load.user
    return found | {"arrivals": load.arrivals, "text": load_words(load, duration)}


def _closed(load: Users, duration: float) -> dict[str, Any]:
    found = {"kind": load.kind, "from": load.users, "to": load.end, "max_users": None}
    if load.user is None and load.pacing is None:
        return found
    words = {"pacing": load.pacing, "text": load_words(load, duration)}
    return found | ({} if load.user is None else {"user": load.user}) | words


def _open(load: Load, duration: float) -> dict[str, Any]:
    assert not isinstance(load, Users)
    return {
        "kind": load.kind,
        "from": load.rate if isinstance(load, Rate) else load.rate_at(0.0, duration),
        "to": load.end if isinstance(load, Rate) else load.rate_at(duration, duration),
        "max_users": load.pool,
        "mean": load.average(duration),
        "peak": load.highest,
    }
