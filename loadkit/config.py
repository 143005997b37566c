"""Settings from ``loadkit.toml`` in the folder where loadkit is called."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadkit.errors import UsageError

FILE = "loadkit.toml"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Config:
    """``allowed_targets`` are hosts that load may be sent to, loopback always among them."""

    allowed_targets: tuple[str, ...] = LOOPBACK


def load_config(folder: Path) -> Config:
    """Reads ``loadkit.toml`` in a folder; without one the defaults hold.

    Raises:
        UsageError: the file is not TOML, or has a section, key or value that is not known.
    """
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=FILE) from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"not valid TOML: {error}", where=FILE) from None
    return Config(allowed_targets=LOOPBACK + _allowed(values))


def _allowed(values: dict[str, Any]) -> tuple[str, ...]:
    remedy = 'It knows [targets] allow = ["host", …].'
    for section in values:
        if section != "targets":
            raise UsageError(f"section [{section}] is not known", where=FILE, remedy=remedy)
    targets = values.get("targets", {})
    if not isinstance(targets, dict):
        raise UsageError("targets must be a section", where=FILE, remedy=remedy)
    for key in targets:
        if key != "allow":
            raise UsageError(f"[targets] {key} is not known", where=FILE, remedy=remedy)
    allow = targets.get("allow", [])
    if not isinstance(allow, list) or not all(isinstance(host, str) and host for host in allow):
        raise UsageError("[targets] allow must be a list of hosts", where=FILE, remedy=remedy)
    return tuple(allow)
