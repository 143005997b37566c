"""Secrets of a recording: none is written down, each becomes a variable or comes from an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from loadkit.init import names
from loadkit.init.draft import Field, Joined, Keep, Secret

_SHORTEST = 8
"""Characters from which on an equal text in an answer is taken for the source of a value."""
_SCHEMES = ("Bearer ", "Basic ", "Token ", "Digest ")

Keys = tuple[str | int, ...]


class Withheld:
    """Knows each secret of a session by its name and value, and where values came from."""

    def __init__(self, unique: names.Unique) -> None:
        self._unique = unique
        self._variables: dict[tuple[str, str], Secret] = {}
        self._taken = names.Unique()
        self._answers: dict[str, tuple[int, Keys]] = {}
        self._things: dict[int, str] = {}
        self._fields: dict[tuple[int, Keys], str] = {}
        self.keeps: dict[int, list[Keep]] = {}
        """Number of an entry → what its answer gives to later requests."""

    def learn(self, number: int, path: str, answer: str | None) -> None:
        """Takes in the JSON answer of an entry; what came before keeps its source."""
        if not answer:
            return
        self._things[number] = path.rstrip("/").rpartition("/")[2]
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError):
            return
        for keys, value in _texts(found):
            if len(value) >= _SHORTEST:
                self._answers.setdefault(value, (number, keys))

    def known(self, value: str) -> Field | None:
        """The attribute that holds a value which an earlier answer gave; None if none did."""
        source = self._answers.get(value)
        if source is None:
            return None
        if source not in self._fields:
            number, keys = source
            words = [self._things[number], *(key for key in keys if isinstance(key, str))]
            told = words[-1] if len(words[-1]) > 2 else "_".join(words[-2:])  # not just "id"
            name = self._unique.take(names.method_name(told, "value"))
            self._fields[source] = name
            self.keeps.setdefault(number, []).append(Keep(name, keys))
        return Field(self._fields[source])

    def secret(self, name: str, value: str) -> Secret | Joined | Field:
        """What is sent instead of a secret value."""
        scheme = next((s for s in _SCHEMES if value.lower().startswith(s.lower())), "")
        rest = value[len(scheme) :]
        known = self.known(rest) or self.known(unquote(rest))
        if known is not None:
            return Joined((scheme, known)) if scheme else known
        label = "auth_token" if scheme in ("Bearer ", "Token ") else name
        key = (label, rest)
        if key not in self._variables:
            self._variables[key] = Secret(self._taken.take(names.variable(label)).upper())
        found = self._variables[key]
        return Joined((scheme, found)) if scheme else found


def _texts(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    if isinstance(value, str):
        yield keys, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(one, (*keys, key))
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from _texts(one, (*keys, at))
