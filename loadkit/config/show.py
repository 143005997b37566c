"""Every setting as text: value and origin, secrets by where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass
from pathlib import Path
from typing import Any

from loadkit.config.kinds import DURATION
from loadkit.config.shape import LISTS, SECTIONS, Config, keys, kind_of
from loadkit.scrub import scrub

NOT_SET = "-"


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting. ``value`` is what JSON can hold, without any secret."""

    key: str
    value: Any
    origin: str

    @property
    def text(self) -> str:
        """The value for people."""
        if self.value is None or self.value in ([], {}):
            return NOT_SET
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        if isinstance(self.value, list):
            return ", ".join(map(str, self.value))
        if isinstance(self.value, dict):
            return ", ".join(f"{name} = {value}" for name, value in self.value.items())
        return f"{self.value:g}" if isinstance(self.value, float) else str(self.value)


def settings(config: Config) -> Iterator[Shown]:
    """All of them, in the order of the documentation; repeated sections by number from 0."""
    for name, section in SECTIONS.items():
        for key in keys(section):
            yield _shown(config, f"{name}.{key.name}", key, getattr(config, name))
    for name, (field, section) in LISTS.items():
        for number, entry in enumerate(getattr(config, field)):
            for key in keys(section):
                yield _shown(config, f"{name}.{number}.{key.name}", key, entry)


def shown_default(section: type, key: Field[Any]) -> str:
    """The default of a key, as people see it."""
    return Shown(key.name, _value(section(), key), "").text


def _shown(config: Config, full: str, key: Field[Any], section: object) -> Shown:
    return Shown(full, _value(section, key), config.origin(full))


def _value(section: object, key: Field[Any]) -> Any:
    value = _plain(getattr(section, key.name))
    if value in ("", "."):  # of a key that an entry must have
        return None
    return f"{value:g}s" if kind_of(key) is DURATION else value


def _plain(value: Any) -> Any:
    if isinstance(value, Path | str):
        return scrub(str(value))
    if isinstance(value, tuple):
        return [scrub(str(item)) for item in value]
    if isinstance(value, Mapping):
        return {name: str(secret) for name, secret in value.items()}
    return value
