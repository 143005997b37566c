"""Histograms over time, all operations together: what any stretch of a run can be asked for.

The rows of the table ``seconds`` added up by step. Steps add up again, so that the percentiles of a
stretch are those of its requests and no mean of percentiles.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from loadkit.analyse.accounting import FAILURES, Flow
from loadkit.analyse.context import Context
from loadkit.analyse.latency import ENDED, pick
from loadkit.analyse.steps import EMPTY, Step, Timeline

MOST_STEPS = 1800
_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)


def timeline(context: Context, flow: Flow) -> Timeline | None:
    """The run by steps of a second, or of more where it is long; None without any response."""
    seconds = context.seconds
    rows = pick(context.run.seconds, "response", outcomes=(*ENDED, "cancelled"))
    if not seconds or not len(rows):
        return None
    step = next((s for s in _STEPS if seconds <= s * MOST_STEPS), -(-seconds // MOST_STEPS))
    n = -(-seconds // step)
    ended = rows[rows["outcome"] != "cancelled"]
    completed = flow.completions(seconds)
    return Timeline(
        step_s=step,
        response=_steps(ended, step, n),
        service=_steps(pick(context.run.seconds, "service"), step, n),
        due=_counts(rows, step, n),
        failed=_counts(rows[rows["outcome"].isin(FAILURES)], step, n),
        completed=tuple(round(float(completed[k * step : (k + 1) * step].sum())) for k in range(n)),
    )


def _inside(frame: pd.DataFrame, step: int, n: int) -> pd.DataFrame:
    return frame[(frame["second"] >= 0) & (frame["second"] < n * step)]


def _counts(frame: pd.DataFrame, step: int, n: int) -> tuple[int, ...]:
    frame = _inside(frame, step, n)
    sums = np.zeros(n, np.int64)
    np.add.at(sums, frame["second"].to_numpy(np.int64) // step, frame["count"].to_numpy(np.int64))
    return tuple(sums.tolist())


def _steps(frame: pd.DataFrame, step: int, n: int) -> tuple[Step, ...]:
    frame = _inside(frame, step, n)
    if not len(frame):
        return (EMPTY,) * n
    at = frame["second"].to_numpy(np.int64) // step
    cells, counts = frame["buckets"].tolist(), frame["counts"].tolist()
    lengths = np.array([len(cell) for cell in cells])
    key = (np.repeat(at, lengths) << 32) | np.concatenate([np.asarray(c, np.int64) for c in cells])
    unique, place = np.unique(key, return_inverse=True)
    sums = np.zeros(len(unique), np.int64)
    np.add.at(sums, place, np.concatenate([np.asarray(c, np.int64) for c in counts]))
    low = np.full(n, np.iinfo(np.int64).max)
    high = np.zeros(n, np.int64)
    np.minimum.at(low, at, frame["min_ns"].to_numpy(np.int64))
    np.maximum.at(high, at, frame["max_ns"].to_numpy(np.int64))
    filled, first = np.unique(unique >> 32, return_index=True)
    found = dict(zip(filled.tolist(), np.split(np.arange(len(unique)), first[1:]), strict=True))
    return tuple(
        Step(
            int(sums[found[k]].sum()),
            int(low[k]),
            int(high[k]),
            tuple((unique[found[k]] & 0xFFFFFFFF).tolist()),
            tuple(sums[found[k]].tolist()),
        )
        if k in found
        else EMPTY
        for k in range(n)
    )
