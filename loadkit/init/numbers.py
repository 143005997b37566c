"""A number within the bounds of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Any

Bound = tuple[Fraction | None, bool]
"""(the bound, whether it is itself left out)."""


def number(schema: Mapping[str, Any], integer: bool) -> int | float | None:
    """1 if that is valid, else the valid number next to it; None if there is none."""
    low = _bound(schema, "minimum", "exclusiveMinimum", max)
    high = _bound(schema, "maximum", "exclusiveMaximum", min)
    step = _step(schema.get("multipleOf"), integer)
    value = _stepped(low, high, step) if step else _free(low, high)
    if value is None:
        return None
    return int(value) if value.denominator == 1 else float(value)


def within(schema: Mapping[str, Any], value: float) -> bool:
    """Whether a number keeps to the bounds of a schema."""
    low = _bound(schema, "minimum", "exclusiveMinimum", max)
    high = _bound(schema, "maximum", "exclusiveMaximum", min)
    return _within(Fraction(str(value)), low, high)


def _bound(schema: Mapping[str, Any], plain: str, exclusive: str, pick: Any) -> Bound:
    given, strict = schema.get(plain), schema.get(exclusive)
    if isinstance(strict, bool) or strict is None:  # as 3.0 has it
        return (None, False) if given is None else (Fraction(str(given)), strict is True)
    bound = Fraction(str(strict))
    if given is None or pick(Fraction(str(given)), bound) == bound:
        return bound, True
    return Fraction(str(given)), False


def _step(multiple: Any, integer: bool) -> Fraction | None:
    step = abs(Fraction(str(multiple))) if multiple else None
    if not integer:
        return step
    return Fraction(step.numerator) if step else Fraction(1)


def _stepped(low: Bound, high: Bound, step: Fraction) -> Fraction | None:
    first = last = None
    if low[0] is not None:
        first = ceil(low[0] / step)
        first += low[1] and first * step == low[0]
    if high[0] is not None:
        last = floor(high[0] / step)
        last -= high[1] and last * step == high[0]
    if first is not None and last is not None and first > last:
        return None
    wanted = ceil(1 / step)
    if last is not None:
        wanted = min(wanted, last)
    if first is not None:
        wanted = max(wanted, first)
    return wanted * step


def _free(low: Bound, high: Bound) -> Fraction | None:
    one = Fraction(1)
    if _within(one, low, high):
        return one
    for bound, strict in (low, high):
        if bound is not None and not strict and _within(bound, low, high):
            return bound
    if low[0] is not None and high[0] is not None:
        middle = (low[0] + high[0]) / 2
        return middle if _within(middle, low, high) else None
    if low[0] is not None:
        return low[0] + 1
    return high[0] - 1 if high[0] is not None else one


def _within(value: Fraction, low: Bound, high: Bound) -> bool:
    above = low[0] is None or value > low[0] or (value == low[0] and not low[1])
    under = high[0] is None or value < high[0] or (value == high[0] and not high[1])
    return above and under
