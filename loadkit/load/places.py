"""Where a recorded number belongs, as one integer: stage, second, operation, outcome, measure.

From the top: 10 bits of stage, 24 of second, 13 of operation, 3 of outcome, 3 of measure. So the
order of places is the order of these, and what belongs together lies together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_NS = 1_000_000_000
_MEASURE, _OUTCOME, _CODE, _SECOND = 3, 3, 13, 24
MEASURE_BITS = _MEASURE
MOST_CODES = 1 << _CODE


class Place(NamedTuple):
    """The parts of a place: numbers of the stage, second, operation, outcome and measure."""

    stage: int
    second: int
    code: int
    outcome: int
    measure: int


def packed(stage: Ints, second: Ints, code: Ints | int, outcome: Ints | int) -> Ints:
    """Places with measure 0."""
    place = (((stage << _SECOND) | second) << _CODE) | code
    return ((place << _OUTCOME) | outcome) << _MEASURE


def unpacked(place: int) -> Place:
    """The parts of a place."""
    measure = place & ((1 << _MEASURE) - 1)
    place >>= _MEASURE
    outcome = place & ((1 << _OUTCOME) - 1)
    place >>= _OUTCOME
    code = place & ((1 << _CODE) - 1)
    place >>= _CODE
    return Place(place >> _SECOND, place & ((1 << _SECOND) - 1), code, outcome, measure)


class Axis:
    """Stages and seconds of instants of a clock, ns. ``t0_ns`` is the start; 0: not yet."""

    def __init__(self, bounds: list[int]) -> None:
        """``bounds`` are where stages begin and the last one ends, ns since the start."""
        self._inner = np.array(bounds[1:-1], np.int64)
        self.t0_ns = 0

    def offsets(self, instants: Ints) -> Ints:
        """ns since the start; what comes before it (hooks may send) counts as its first."""
        if not self.t0_ns:
            return np.zeros(len(instants), np.int64)
        return np.maximum(instants - self.t0_ns, 0)

    def stages(self, offsets: Ints) -> Ints:
        """Index of the stage of each offset; a stage holds its first instant, not its last."""
        if not len(self._inner):
            return np.zeros(len(offsets), np.int64)
        return np.searchsorted(self._inner, offsets, side="right")

    def seconds(self, offsets: Ints) -> Ints:
        """Whole seconds."""
        return offsets // _NS
