"""Placing foreign stamps on loadkit's clock.

loadkit measures with CLOCK_MONOTONIC; Prometheus, spans and logs carry Unix time. Once a second
both clocks are read together, and a foreign stamp is placed by interpolating between the two
nearest pairs, so that a wall clock stepped or slewed in mid-run moves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def read_pair() -> tuple[int, int]:
    """(monotonic ns, Unix ns) of the same instant, to within the time one reading takes."""
    before = time.monotonic_ns()
    wall = time.time_ns()
    after = time.monotonic_ns()
    return (before + after) // 2, wall


class ClockMap:
    """Turns Unix ns into CLOCK_MONOTONIC ns by recorded pairs."""

    def __init__(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Pairs are (monotonic ns, Unix ns), at least one, in any order.

        Raises:
            ValueError: there are none.
        """
        if not pairs:
            raise ValueError("a clock map needs at least one pair of readings")
        ordered = sorted(pairs)
        mono = np.array([pair[0] for pair in ordered], dtype=np.int64)
        wall = np.array([pair[1] for pair in ordered], dtype=np.int64)
        # Small numbers from here on: a float64 cannot hold Unix nanoseconds exactly.
        self._mono0, self._wall0 = int(mono[0]), int(wall[0])
        # Interpolation wants an ascending axis: where the wall clock was set back, the later
        # readings win from the step on.
        rising = np.maximum.accumulate(wall - self._wall0)
        self._wall = rising.astype(np.float64)
        self._mono = (mono - self._mono0).astype(np.float64)

    def to_mono(self, wall_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """CLOCK_MONOTONIC ns for an array of Unix ns; beyond the pairs the end's offset holds."""
        relative = (wall_ns - self._wall0).astype(np.float64)
        inside = np.interp(relative, self._wall, self._mono)
        before = relative - self._wall[0] + self._mono[0]
        after = relative - self._wall[-1] + self._mono[-1]
        placed = np.where(
            relative < self._wall[0], before, np.where(relative > self._wall[-1], after, inside)
        )
        return np.asarray(np.round(placed), dtype=np.int64) + self._mono0
