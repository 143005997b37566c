"""Options laid over settings: what the command line says holds before everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from loadkit.config.kinds import WrongValue
from loadkit.config.shape import SECTIONS, Config, Process, keys, kind_of
from loadkit.errors import UsageError


def with_options(config: Config, options: Mapping[str, tuple[str, Any]]) -> Config:
    """The settings with options over them.

    Args:
        config: what file, environment and defaults say.
        options: ``section.key`` → (option as typed, value); a value of None was not given. The
            key ``process`` replaces all processes by that process id.

    Raises:
        UsageError: a value is not what the key takes; the message names the option.
    """
    origins = dict(config.origins)
    sections: dict[str, Any] = {}
    for full, (option, value) in options.items():
        if value is None:
            continue
        if full == "process":
            origins = {k: at for k, at in origins.items() if not k.startswith("process.")}
            origins["process.0.pid"] = f"option {option}"
            sections["processes"] = (Process(name=f"pid {value}", pid=value),)
            continue
        name, _, key = full.partition(".")
        section = sections.get(name, getattr(config, name))
        sections[name] = replace(section, **{key: _checked(name, key, option, value)})
        origins[full] = f"option {option}"
    return replace(config, **sections, origins=origins)


def _checked(name: str, key: str, option: str, value: Any) -> Any:
    field = next(field for field in keys(SECTIONS[name]) if field.name == key)
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, Path):
        value = str(value)
    try:
        return kind_of(field).check(value, Path())
    except WrongValue as error:
        raise UsageError(str(error), where=option) from None
