"""Two schemas that both must hold, as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import lcm
from typing import Any

Schema = dict[str, Any]
EXAMPLES = ("example", "examples", "default")
"""Keys that give a value for a schema."""


class Impossible(Exception):
    """Nothing is valid against both."""


def merged(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> Schema:
    """A schema for what is valid against both; of notes such as examples the outer one's stay.

    Raises:
        Impossible: they have no type or value in common.
    """
    result = dict(inner)
    for key, value in outer.items():
        rule = _RULES.get(key)
        known = key in result and rule is not None
        result[key] = rule(value, result[key]) if known and rule is not None else value
    return result


def _types(one: Any, two: Any) -> Any:
    first = one if isinstance(one, list) else [one]
    second = two if isinstance(two, list) else [two]
    common = [t for t in first if t in second]
    if "integer" in (*first, *second) and "number" in (*first, *second) and not common:
        common = ["integer"]
    if not common:
        raise Impossible
    return common[0] if len(common) == 1 else common


def _enums(one: list[Any], two: list[Any]) -> list[Any]:
    common = [value for value in one if value in two]
    if not common:
        raise Impossible
    return common


def _constants(one: Any, two: Any) -> Any:
    if one != two:
        raise Impossible
    return one


def _properties(one: Mapping[str, Any], two: Mapping[str, Any]) -> Schema:
    return {
        **{name: schema for name, schema in two.items() if name not in one},
        **{name: _both(schema, two[name]) if name in two else schema
           for name, schema in one.items()},
    }  # fmt: skip


def _both(one: Any, two: Any) -> Any:
    if one is True or one == two:
        return two
    if two is True:
        return one
    return {"allOf": [one, two]}


def _multiples(one: Any, two: Any) -> Any:
    first, second = Fraction(str(one)), Fraction(str(two))
    if not first or not second:
        return one or two
    below = lcm(first.denominator, second.denominator)
    common = Fraction(lcm(int(first * below), int(second * below)), below)
    return int(common) if common.denominator == 1 else float(common)


def _exclusive(pick: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def rule(one: Any, two: Any) -> Any:
        if isinstance(one, bool) or isinstance(two, bool):  # as 3.0 has it
            return one is True or two is True
        return pick(one, two)

    return rule


_RULES: dict[str, Callable[[Any, Any], Any]] = {
    "type": _types,
    "enum": _enums,
    "const": _constants,
    "properties": _properties,
    "required": lambda one, two: list(dict.fromkeys([*two, *one])),
    "items": _both,
    "additionalProperties": _both,
    "minimum": max,
    "maximum": min,
    "exclusiveMinimum": _exclusive(max),
    "exclusiveMaximum": _exclusive(min),
    "multipleOf": _multiples,
    "minLength": max,
    "maxLength": min,
    "minItems": max,
    "maxItems": min,
    "minProperties": max,
    "maxProperties": min,
    "uniqueItems": lambda one, two: one or two,
    "nullable": lambda one, two: one and two,
}
