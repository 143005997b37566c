"""An OpenAPI document: read from text, with its references followed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import yaml

from loadkit.errors import UsageError

Json = Any
_DEEPEST = 200


class _Loader(yaml.SafeLoader):
    """YAML as JSON has it: a date stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str, where: str) -> dict[str, Json]:
    """A JSON or YAML text whose root is a mapping, as JSON values with text keys.

    Raises:
        UsageError: it is neither, is nested without end, or its root is something else.
    """
    try:
        root = _plain(_parsed(text.removeprefix("\ufeff"), where), where)
    except RecursionError:
        raise UsageError("nested too deeply", where=where) from None
    if not isinstance(root, dict):
        raise UsageError(
            "not an OpenAPI document: its root is no mapping",
            where=where,
            remedy="Give the JSON or YAML file that begins with `openapi: 3…`.",
        )
    return root


def _parsed(text: str, where: str) -> Json:
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except ValueError as error:
            problem = f"not valid JSON: {error}"
    else:
        problem = ""
    try:
        return yaml.load(text, Loader=_Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = problem or f"not valid YAML: {error.problem}{place}"
    except (yaml.YAMLError, ValueError) as error:
        problem = problem or f"neither JSON nor YAML: {str(error).splitlines()[0]}"
    raise UsageError(problem, where=where)


def _plain(root: Json, where: str) -> Json:
    """The same with text keys and JSON values only; what YAML shares stays shared."""
    done: dict[int, Json] = {}
    open_: set[int] = set()

    def walk(value: Json, depth: int) -> Json:
        if isinstance(value, dict | list):
            if id(value) in done:
                return done[id(value)]
            if id(value) in open_ or depth > _DEEPEST:
                raise UsageError("nested without end, or too deeply", where=where)
            open_.add(id(value))
            made: Json
            if isinstance(value, dict):
                made = {_key(k): walk(v, depth + 1) for k, v in value.items()}
            else:
                made = [walk(v, depth + 1) for v in value]
            open_.discard(id(value))
            done[id(value)] = made
            return made
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        return str(value)

    return walk(root, 0)


def _key(key: Json) -> str:
    if isinstance(key, bool):  # YAML reads a bare `on` or `no` as one
        return "true" if key else "false"
    return str(key)


@dataclass(frozen=True, slots=True)
class Document:
    """``version`` is (3, 0) or (3, 1) and so on; ``where`` is the file or URL, for errors."""

    root: Mapping[str, Json]
    where: str

    @classmethod
    def read(cls, text: str, where: str) -> Document:
        """Reads a document.

        Raises:
            UsageError: it is no OpenAPI document of version 3.
        """
        root = parse(text, where)
        if "swagger" in root:
            raise UsageError(
                f"Swagger {root['swagger']} is not read, only OpenAPI 3",
                where=where,
                remedy="Convert it first, for example with swagger2openapi.",
            )
        version = str(root.get("openapi", ""))
        if not version.startswith("3."):
            said = f"`openapi` is {version!r}" if version else "there is no `openapi` in it"
            raise UsageError(
                f"not an OpenAPI 3 document: {said}",
                where=where,
                remedy="Give the JSON or YAML file that begins with `openapi: 3…`.",
            )
        return cls(root, where)

    @property
    def siblings(self) -> bool:
        """Whether what stands beside a ``$ref`` counts: not in 3.0."""
        return not str(self.root["openapi"]).startswith("3.0")

    def error(self, what: str, path: str, remedy: str | None = None) -> UsageError:
        """An error that names a place in the document."""
        return UsageError(what, where=f"{self.where} {path}", remedy=remedy)

    def at(self, reference: str, path: str) -> Json:
        """What a reference within the document names.

        Raises:
            UsageError: it leads out of the document, or to nothing.
        """
        if not reference.startswith("#"):
            raise self.error(
                f"{reference!r} leads out of the document",
                path,
                "Bundle it into one file first, for example with redocly bundle.",
            )
        pointer = unquote(reference[1:])
        if pointer and not pointer.startswith("/"):
            raise self.error(f"{reference!r} names an anchor, not a place", path)
        found: Json = self.root
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
                found = found[int(key)]
            else:
                raise self.error(f"{reference!r} leads to nothing", path)
        return found

    def follow(self, value: Json, path: str) -> Mapping[str, Json]:
        """A mapping, or the one that its ``$ref`` leads to in the end.

        Raises:
            UsageError: it is no mapping, or its references go round in a circle.
        """
        seen: list[str] = []
        while isinstance(value, Mapping) and isinstance(value.get("$ref"), str):
            reference = value["$ref"]
            if reference in seen:
                raise self.error(f"references go in a circle: {' → '.join(seen)}", path)
            seen.append(reference)
            value = self.at(reference, path)
        if not isinstance(value, Mapping):
            raise self.error(f"a mapping is expected, found {kind(value)}", path)
        return value


def kind(value: Json) -> str:
    """What a JSON value is called."""
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false"}
    return "nothing" if value is None else names.get(type(value), "a number")


def below(path: str, *keys: str | int) -> str:
    """A pointer with more steps behind it."""
    parts = (str(key).replace("~", "~0").replace("/", "~1") for key in keys)
    return "/".join((path, *parts))
