"""Loads as plain data and back, exactly. What has its default is left out."""

from __future__ import annotations

import binascii
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loadkit.errors import ScenarioError
from loadkit.model import Load, Rate, Replay, Sine, Spike, Steps, Users

_LISTED = 1000  # longer recordings are packed

Data = Mapping[str, Any]


def load_data(load: Load) -> dict[str, Any]:
    """A load in types of JSON."""
    return {"kind": load.kind, **_WRITE[load.kind](load), **_common(load)}


def load_of(data: Data) -> Load:
    """The load that ``load_data`` wrote.

    Raises:
        ScenarioError: its kind is not known, or its values cannot be meant.
        KeyError: a part is missing.
    """
    read = _READ.get(data["kind"])
    if read is None:
        raise ScenarioError(f"load of kind {data['kind']!r} is not known")
    return read(data)


def _common(load: Load) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if load.user is not None:
        found["user"] = load.user
    if isinstance(load, Users):
        return found if load.pacing is None else {**found, "pacing": load.pacing}
    if load.arrivals != "even":
        found["arrivals"] = load.arrivals
    return {"max_users": load.max_users, **found}


def _open(data: Data) -> dict[str, Any]:
    return {
        "max_users": data.get("max_users"),
        "user": data.get("user"),
        "arrivals": data.get("arrivals", "even"),
    }


def _rate(data: Data) -> Rate:
    return Rate(data["from"], data.get("to"), **_open(data))


def _users(data: Data) -> Users:
    return Users(data["from"], data.get("to"), user=data.get("user"), pacing=data.get("pacing"))


def _steps(data: Data) -> Steps:
    return Steps(data["levels"], **_open(data))


def _spike(data: Data) -> Spike:
    parts = (data[name] for name in ("base", "peak", "begin", "length", "edge"))
    return Spike(*parts, **_open(data))


def _sine(data: Data) -> Sine:
    parts = (data[name] for name in ("mean", "amplitude", "period", "phase"))
    return Sine(*parts, **_open(data))


def _replay(data: Data) -> Replay:
    times = data["times"]
    return Replay(
        unpacked(times) if isinstance(times, str) else times,
        speed=data.get("speed", 1.0),
        max_users=data.get("max_users"),
        user=data.get("user"),
    )


def _written(*names: str) -> Callable[[Any], dict[str, Any]]:
    return lambda load: {name: getattr(load, name) for name in names}


def _write_replay(load: Replay) -> dict[str, Any]:
    long = len(load.times) > _LISTED
    return {"times": packed(load.times) if long else list(load.times), "speed": load.speed}


_WRITE: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "rate": lambda load: {"from": load.rate, "to": load.to},
    "users": lambda load: {"from": load.users, "to": load.to},
    "steps": lambda load: {"levels": list(load.levels)},
    "spike": _written("base", "peak", "begin", "length", "edge"),
    "sine": _written("mean", "amplitude", "period", "phase"),
    "replay": _write_replay,
}
_READ: Mapping[str, Callable[[Data], Load]] = {
    "rate": _rate,
    "users": _users,
    "steps": _steps,
    "spike": _spike,
    "sine": _sine,
    "replay": _replay,
}


def packed(times: Sequence[float]) -> str:
    """Many times as one text: doubles, little-endian, deflated, in base 64."""
    return b64encode(zlib.compress(struct.pack(f"<{len(times)}d", *times))).decode("ascii")


def unpacked(text: str) -> tuple[float, ...]:
    """The times in it.

    Raises:
        ScenarioError: it is not what ``packed`` wrote.
    """
    try:
        data = zlib.decompress(b64decode(text, validate=True))
        return struct.unpack(f"<{len(data) // 8}d", data)
    except (binascii.Error, zlib.error, struct.error) as error:
        raise ScenarioError(f"packed times of a replay cannot be read: {error}") from error
