"""What a flat schema says by itself: its types, a value it names, others like a value."""

from __future__ import annotations

from typing import Any

from loadkit.init.flatten import NoExampleError
from loadkit.init.merge import Schema
from loadkit.init.numbers import within

_BY_KEY = {
    "object": ("properties", "required", "additionalProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "contains"),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


def types(flat: Schema) -> list[str]:
    """Types it may have, null last."""
    named = flat.get("type")
    if named is None:
        implied = (name for name, keys in _BY_KEY.items() if any(key in flat for key in keys))
        known = [next(implied, "string")]
    else:
        known = [str(name) for name in (named if isinstance(named, list) else [named])]
    nullable = flat.get("nullable") is True or "null" in known
    return [name for name in known if name != "null"] + (["null"] if nullable else [])


def given(flat: Schema, types: list[str], path: str) -> tuple[bool, Any]:
    """(whether the schema names a value, the value)."""
    if "const" in flat:
        if "enum" in flat and flat["const"] not in flat["enum"]:
            raise NoExampleError(path, "its constant is not among its values")
        return True, flat["const"]
    examples = flat.get("examples")
    candidates: list[Any] = [flat["example"]] if "example" in flat else []
    candidates += examples[:1] if isinstance(examples, list) else []
    candidates += [flat["default"]] if "default" in flat else []
    allowed = flat.get("enum")
    if isinstance(allowed, list):
        candidates = [value for value in candidates if value in allowed] + allowed
        if not allowed:
            raise NoExampleError(path, "it has no values")
    for value in candidates:
        if value is not None or types == ["null"]:
            return True, value
    return "enum" in flat, None


def varied(value: Any, flat: Schema, count: int) -> list[Any]:
    """A value and others like it; fewer than asked for where it cannot be varied."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return [value]
    if isinstance(value, str):
        if {"format", "pattern"} & flat.keys():
            return [value]
        texts = [f"{value}{at}" for at in range(count)]
        most = flat.get("maxLength")
        if most is not None and len(texts[-1]) > most:
            texts = [str(at)[: int(most)] for at in range(count)]
            return texts if len(set(texts)) == count else [value]
        return texts
    step = flat.get("multipleOf") or 1
    for direction in (1, -1):
        found = [value + direction * at * step for at in range(count)]
        if all(within(flat, one) for one in found):
            return found
    return [value]
