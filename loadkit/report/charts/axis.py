"""The time axis that all charts share: ticks, and places as percentages of its length."""

from __future__ import annotations

import math
from dataclasses import dataclass

from loadkit.report import units

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
MOST_TICKS = 11


@dataclass(frozen=True, slots=True)
class Axis:
    """Seconds ``start``…``end`` since the load began."""

    start: float
    end: float

    @property
    def length(self) -> float:
        """Seconds shown."""
        return self.end - self.start

    def share(self, seconds: float) -> float:
        """Where an instant lies, in percent of the length, held to the axis."""
        held = min(max(seconds, self.start), self.end)
        return round((held - self.start) / self.length * 100, 4)

    def clip(self, start: float, end: float) -> tuple[float, float] | None:
        """The part of a stretch that is on the axis; None when nothing is."""
        low, high = max(start, self.start), min(end, self.end)
        return (low, high) if high > low else None

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Seconds and label of each tick."""
        step = next((s for s in STEPS if self.length / s <= MOST_TICKS), STEPS[-1])
        first = math.ceil(self.start / step)
        return tuple(
            (float(n * step), units.clock(n * step))
            for n in range(first, math.floor(self.end / step) + 1)
        )


def axis(end_s: float) -> Axis:
    """From the start of the load to ``end_s``; at least a second, so that nothing divides by 0."""
    return Axis(0.0, max(1.0, end_s))
