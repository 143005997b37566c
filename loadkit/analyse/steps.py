"""Histograms by step of time: the nouns that :mod:`loadkit.analyse.timeline` makes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """The histogram of one step, buckets of COARSE, ascending; all empty where nothing ended."""

    count: int
    min_ns: int
    max_ns: int
    buckets: tuple[int, ...]
    counts: tuple[int, ...]


EMPTY = Step(0, 0, 0, (), ())


@dataclass(frozen=True, slots=True)
class Timeline:
    """Step n covers the seconds ``n * step_s`` up to, not including, ``(n + 1) * step_s``.

    Histograms cover the requests that ended and were due in the step.
    """

    step_s: int
    response: tuple[Step, ...]
    service: tuple[Step, ...]
    due: tuple[int, ...]  # requests due in it that ended in any way, cancelled ones among them
    failed: tuple[int, ...]  # of those: failed, raised or cancelled
    completed: tuple[int, ...]  # responses that came in it

    @property
    def length_s(self) -> int:
        """Seconds covered."""
        return self.step_s * len(self.response)
