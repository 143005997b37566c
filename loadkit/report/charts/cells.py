"""Requests by time and latency: the cells of a heat map, their edges those of buckets."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loadkit.analyse.steps import Timeline
from loadkit.bundle.histogram import COARSE, bucket_edges, bucket_of
from loadkit.report.charts.scale import Scale

ROWS = 60
MOST_COLUMNS = 600
FAINTEST = 0.22  # opacity of a single request: to be seen beside nothing

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Heat:
    """Counts of requests by column of time and row of latency.

    Row r holds the buckets ``bounds[r]`` up to, not including, ``bounds[r + 1]``, lowest latency
    first, so a count is exact for the range that is named beside it; a row lies where its buckets
    lie, within half a bucket (0.8 %).
    """

    column_s: int
    bounds: tuple[int, ...]
    counts: Counts  # shape (rows, columns)

    def range_s(self, first: int, last: int) -> tuple[float, float]:
        """Lower and upper edge of the rows ``first``…``last``, seconds."""
        low = bucket_edges(self.bounds[first], COARSE)[0]
        return low / 1e9, (bucket_edges(self.bounds[last + 1] - 1, COARSE)[1] + 1) / 1e9


def heat_of(timeline: Timeline, lines: Scale) -> Heat:
    """The histograms of a run in the rows of a logarithmic scale."""
    bounds = _bounds(lines)
    each = -(-len(timeline.response) // MOST_COLUMNS)
    counts = np.zeros((ROWS, -(-len(timeline.response) // each)), np.int64)
    for n, step in enumerate(timeline.response):
        if step.count:
            rows = np.searchsorted(bounds, step.buckets, side="right") - 1
            np.add.at(counts[:, n // each], np.clip(rows, 0, ROWS - 1), step.counts)
    return Heat(each * timeline.step_s, bounds, counts)


def _bounds(lines: Scale) -> tuple[int, ...]:
    """First bucket of each row, and the one after the last."""
    first, last = (bucket_of(round(edge * 1e9), COARSE) for edge in (lines.low, lines.high))
    buckets = range(first, last + 1)
    middles = [sum(bucket_edges(bucket, COARSE)) / 2e9 for bucket in buckets]
    edges = (lines.low * (lines.high / lines.low) ** (row / ROWS) for row in range(1, ROWS))
    inner = (first + bisect_left(middles, edge) for edge in edges)
    return (first, *inner, last + 1)


def opacity(count: int, most: int) -> float:
    """How strongly a count is drawn: by its logarithm, nothing at all for none."""
    if count <= 0:
        return 0.0
    part = math.log(count) / math.log(most) if most > 1 else 1.0
    return FAINTEST + (1 - FAINTEST) * part
