"""Percentiles from histogram rows, quickly: by nearest rank, whatever the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.analyse.result import Percentiles
from loadkit.bundle.histogram import COARSE, FINE, Histogram

ENDED = ("ok", "failed", "raised")
"""Outcomes of requests that ended; a cancelled one has no latency, only a lower bound."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def pick(
    frame: pd.DataFrame,
    measure: str,
    *,
    stage: str | None = None,
    operation: str | None = None,
    outcomes: Sequence[str] = ENDED,
) -> pd.DataFrame:
    """The rows of ``windows`` or ``seconds`` that are asked for and hold something."""
    keep = (frame["measure"] == measure) & (frame["count"].fillna(0) > 0)
    keep &= frame["outcome"].isin(list(outcomes))
    if stage is not None:
        keep &= frame["stage"] == stage
    if operation is not None:
        keep &= frame["operation"] == operation
    return frame[keep.fillna(False)]


def _joined(cells: Sequence[Any]) -> Ints:
    if not len(cells):
        return np.empty(0, np.int64)
    return np.concatenate([np.asarray(cell, np.int64) for cell in cells])


def merged(frame: pd.DataFrame, bits: int = FINE) -> Histogram:
    """One histogram of all rows (as ``pick`` returns them)."""
    if not len(frame):
        return Histogram(bits)
    index, counts = _joined(frame["buckets"].tolist()), _joined(frame["counts"].tolist())
    unique, place = np.unique(index, return_inverse=True)
    sums = np.zeros(len(unique), np.int64)
    np.add.at(sums, place, counts)
    return Histogram(
        bits,
        int(frame["count"].sum()),
        sum(int(value) for value in frame["sum_ns"]),  # Python integers: no overflow
        int(frame["min_ns"].min()),
        int(frame["max_ns"].max()),
        dict(zip(unique.tolist(), sums.tolist(), strict=True)),
    )


def percentiles(histogram: Histogram) -> Percentiles:
    """The usual ones, seconds."""

    def at(q: float) -> float | None:
        value = histogram.quantile(q)
        return None if value is None else value / 1e9

    mean = histogram.mean_ns
    return Percentiles(
        count=histogram.count,
        p50=at(0.5),
        p90=at(0.9),
        p95=at(0.95),
        p99=at(0.99),
        p999=at(0.999),
        max=None if histogram.max_ns is None else histogram.max_ns / 1e9,
        mean=None if mean is None else mean / 1e9,
    )


def bucket_middles(index: Ints, bits: int) -> Floats:
    """Middle of each bucket, ns: what ``Histogram.quantile`` reads."""
    shift = np.maximum(0, (index >> bits) - 1)
    low = (index - (shift << bits)) << shift
    middles: Floats = low + ((1 << shift) - 1) / 2
    return middles


def quantiles_by_second(
    frame: pd.DataFrame, quantiles: Sequence[float], seconds: int, bits: int = COARSE
) -> Floats:
    """Quantiles of each second, seconds of time, shape (quantiles, seconds); NaN where empty.

    ``frame`` holds rows of the table ``seconds`` as ``pick`` returns them. The same numbers as
    merging each second's rows into a Histogram and asking it.
    """
    result = np.full((len(quantiles), seconds), np.nan)
    frame = frame[(frame["second"] >= 0) & (frame["second"] < seconds)]
    if not len(frame):
        return result
    second = frame["second"].to_numpy(np.int64)
    cells, counts = frame["buckets"].tolist(), frame["counts"].tolist()
    lengths = np.array([len(cell) for cell in cells])
    key = (np.repeat(second, lengths) << 32) | _joined(cells)
    unique, place = np.unique(key, return_inverse=True)
    sums = np.zeros(len(unique), np.int64)
    np.add.at(sums, place, _joined(counts))
    owner = unique >> 32
    middles = bucket_middles(unique & 0xFFFFFFFF, bits)
    running = np.cumsum(sums)
    low = np.full(seconds, np.iinfo(np.int64).max)
    high = np.zeros(seconds, np.int64)
    np.minimum.at(low, second, frame["min_ns"].to_numpy(np.int64))
    np.maximum.at(high, second, frame["max_ns"].to_numpy(np.int64))
    filled, first = np.unique(owner, return_index=True)
    before = running[first] - sums[first]
    total = np.append(before[1:], running[-1]) - before
    for row, q in enumerate(quantiles):
        rank = np.maximum(1, np.ceil(np.round(q * total, 9))).astype(np.int64)
        found = np.searchsorted(running, before + np.minimum(rank, total), side="left")
        value = np.clip(middles[found], low[filled], high[filled])
        result[row, filled] = np.where(rank >= total, high[filled], value) / 1e9
    return result
