"""Parameters of an operation: which are sent, with which value, written how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from loadkit.init import names
from loadkit.init.document import Document, below
from loadkit.init.draft import Secret, Text
from loadkit.init.examples import Examples
from loadkit.init.sensitive import is_secret_name

_ELSEWHERE = frozenset({"accept", "content-type", "authorization"})
_PLACES = ("path", "query", "header", "cookie")
_GIVES = ("example", "const", "default", "enum")


@dataclass(slots=True)
class Parameters:
    """What the parameters of one operation add to its request.

    ``path`` are percent-encoded texts by name; ``made_up`` names those among them that the
    document gives no value for.
    """

    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Text] = field(default_factory=dict)
    cookies: dict[str, Text] = field(default_factory=dict)
    made_up: list[str] = field(default_factory=list)


def read(document: Document, examples: Examples, lists: list[tuple[Any, str]]) -> Parameters:
    """The parameters of a path and then of an operation, which outranks it.

    Args:
        document: where references lead.
        examples: makes values.
        lists: (list of parameters, its path).

    Raises:
        UsageError: one is none, or has no example.
    """
    found: dict[tuple[str, str], tuple[Mapping[str, Any], str]] = {}
    for given, path in lists:
        if not isinstance(given, list):
            raise document.error("`parameters` is a list", path)
        for at, one in enumerate(given):
            where = below(path, at)
            parameter = document.follow(one, where)
            place, name = str(parameter.get("in")), parameter.get("name")
            if place not in _PLACES or not isinstance(name, str) or not name:
                raise document.error("a parameter needs `name` and `in`", where)
            found[place, name] = (parameter, where)
    result = Parameters()
    for (place, name), (parameter, path) in found.items():
        _add(result, document, examples, place, name, parameter, path)
    return result


def _add(
    result: Parameters,
    document: Document,
    examples: Examples,
    place: str,
    name: str,
    parameter: Mapping[str, Any],
    path: str,
) -> None:
    needed = parameter.get("required") is True or place == "path"
    if place == "header" and name.lower() in _ELSEWHERE:
        return
    if not needed and not _has_example(document, parameter, path):
        return
    if place != "path" and is_secret_name(name):
        secret = Secret(names.variable(name))
        {"query": result.query, "header": result.headers, "cookie": result.cookies}[place][name] = (
            secret
        )
        return
    value = _value(document, examples, parameter, path)
    if place == "path":
        result.path[name] = _in_path(name, value, parameter)
        if not _has_example(document, parameter, path, _GIVES):
            result.made_up.append(name)
    elif place == "query":
        result.query.update(_in_query(name, value, parameter))
    elif place == "header":
        result.headers[name] = value if isinstance(value, Secret) else _listed(value)
    else:
        result.cookies[name] = value if isinstance(value, Secret) else _listed(value)


def _has_example(
    document: Document,
    parameter: Mapping[str, Any],
    path: str,
    keys: tuple[str, ...] = ("example", "const"),
) -> bool:
    """Whether the document gives a value."""
    if "example" in parameter or parameter.get("examples"):
        return True
    schema = parameter.get("schema")
    if not isinstance(schema, Mapping):
        return False
    schema = document.follow(schema, below(path, "schema"))
    return any(key in schema for key in keys) or bool(schema.get("examples"))


def _value(document: Document, examples: Examples, parameter: Mapping[str, Any], path: str) -> Any:
    found, value = given(document, parameter, path)
    if found:
        return value
    content = parameter.get("content")
    if isinstance(content, Mapping) and content:
        kind, media = next(iter(content.items()))
        where = below(path, "content", kind)
        media = document.follow(media, where)
        found, value = given(document, media, where)
        if not found:
            value = examples.of(media.get("schema", True), below(where, "schema"))
        return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return examples.of(parameter.get("schema", {"type": "string"}), below(path, "schema"))


def given(document: Document, holder: Mapping[str, Any], path: str) -> tuple[bool, Any]:
    """(whether a parameter or media type has an example beside its schema, the example)."""
    if "example" in holder:
        return True, holder["example"]
    several = holder.get("examples")
    if isinstance(several, Mapping):
        for name, one in several.items():
            example = document.follow(one, below(path, "examples", name))
            if "value" in example:
                return True, example["value"]
            if "dataValue" in example:
                return True, example["dataValue"]
    return False, None


# -- how a value is written -----------------------------------------------------------------------


def scalar(value: Any) -> str:
    """As a query or form has it: true and false in small letters, what is nested as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def plain(value: Any) -> Any:
    """A value that a query or form may have; a list stays one, and is sent as several."""
    if isinstance(value, list):
        return [one if isinstance(one, Secret) else scalar(one) for one in value]
    if isinstance(value, Secret) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    return scalar(value)


def _listed(value: Any, between: str = ",") -> str:
    if isinstance(value, Mapping):
        return between.join(f"{key}{between}{scalar(one)}" for key, one in value.items())
    if isinstance(value, list):
        return between.join(map(scalar, value))
    return scalar(value)


def _in_path(name: str, value: Any, parameter: Mapping[str, Any]) -> str:
    if isinstance(value, Secret):  # a password in a path: nothing to be encouraged
        value = value.variable.lower()
    style, explode = parameter.get("style", "simple"), parameter.get("explode") is True
    if isinstance(value, Mapping):
        if explode:
            parts = [f"{_encoded(key)}={_encoded(scalar(one))}" for key, one in value.items()]
        else:
            parts = [_encoded(text) for pair in value.items() for text in map(scalar, pair)]
    elif isinstance(value, list):
        parts = [_encoded(scalar(one)) for one in value]
    else:
        parts = [_encoded(scalar(value))]
    if style == "label":
        return "." + ("." if explode else ",").join(parts)
    if style == "matrix":
        if not explode:
            return f";{_encoded(name)}={','.join(parts)}"
        pairs = parts if isinstance(value, Mapping) else [f"{_encoded(name)}={p}" for p in parts]
        return "".join(f";{pair}" for pair in pairs)
    return ",".join(parts)


def _encoded(text: str) -> str:
    encoded = quote(text, safe="!$&'()*+:@~", errors="replace")
    # A segment of dots alone would be resolved away.
    return encoded.replace(".", "%2E") if encoded and not encoded.strip(".") else encoded


def _in_query(name: str, value: Any, parameter: Mapping[str, Any]) -> dict[str, Any]:
    style = parameter.get("style", "form")
    explode = parameter.get("explode", style == "form") is True
    if isinstance(value, Mapping):
        if style == "deepObject":
            return {f"{name}[{key}]": plain(one) for key, one in value.items()}
        if explode:
            return {str(key): plain(one) for key, one in value.items()}
        return {name: _listed(value)}
    if isinstance(value, list) and not explode:
        between = {"spaceDelimited": " ", "pipeDelimited": "|"}.get(style, ",")
        return {name: _listed(value, between)}
    return {name: plain(value)}
