"""From values to pixels: linear and logarithmic scales with ticks a reader can count by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values ``low``…``high`` onto ``height``…0 pixels; SVG counts from the top."""

    low: float
    high: float
    height: float
    log: bool = False

    def y(self, value: float) -> float:
        """Where ``value`` lies; outside values are put on the edge."""
        held = min(max(value, self.low), self.high)
        if self.log:
            part = math.log(held / self.low) / math.log(self.high / self.low)
        else:
            part = (held - self.low) / (self.high - self.low)
        return round(self.height * (1 - part), 2)

    def ticks(self, label: Callable[[float], str]) -> tuple[tuple[float, str], ...]:
        """Pixel and label of each tick, lowest first."""
        values = _log_ticks(self.low, self.high) if self.log else linear_ticks(self.low, self.high)
        return tuple((self.y(value), label(value)) for value in values)


def linear(values: Iterable[float | None], height: float, least: float) -> Scale:
    """From 0 to a round number above the largest value, and never below ``least``."""
    top = max((v for v in values if v is not None), default=0.0)
    top = max(top, least)
    step = nice_step(top / 4)
    return Scale(0.0, math.ceil(top / step - 1e-9) * step, height)


def logarithmic(values: Iterable[float | None], height: float) -> Scale:
    """From a 1-2-5 number below the smallest positive value to one above the largest."""
    positive = [v for v in values if v is not None and v > 0]
    if not positive:
        return Scale(1e-3, 1.0, height, log=True)
    low, high = _one_two_five(min(positive), up=False), _one_two_five(max(positive), up=True)
    if high < 10 * low:
        high = _one_two_five(10 * low, up=True)
    return Scale(low, high, height, log=True)


def nice_step(rough: float) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that is not below ``rough``."""
    power = 10.0 ** math.floor(math.log10(rough))
    for step in _STEPS:
        if step * power >= rough * (1 - 1e-9):
            return step * power
    return 10 * power


def linear_ticks(low: float, high: float) -> list[float]:
    """About five round numbers from ``low`` to ``high``."""
    step = nice_step((high - low) / 5)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    decades = math.log10(high / low)
    wanted = _STEPS[:1] if decades > 2.5 else _STEPS[:3]
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    values = (step * 10.0**power for power in powers for step in wanted)
    return [v for v in values if low * (1 - 1e-9) <= v <= high * (1 + 1e-9)]


def _one_two_five(value: float, *, up: bool) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    steps = [step * power for step in _STEPS]
    if up:
        return next(s for s in steps if s >= value * (1 - 1e-9))
    return next(s for s in reversed(steps) if s <= value * (1 + 1e-9))
