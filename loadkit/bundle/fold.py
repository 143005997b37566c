"""Folds the histograms as they came into the two resolutions that are kept.

``intervals`` (fine, a row a flush) become ``seconds`` (coarse, per second) and ``windows`` (fine,
per stage and 10 s). Both are sums, so folding a cut stream gives what there was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from loadkit.bundle.histogram import FINE, Histogram
from loadkit.bundle.schema import BY_NAME

WINDOW_S = 10
_Key = tuple[str, int, str, str, str]


def fold(intervals: pa.Table) -> tuple[pa.Table, pa.Table]:
    """(seconds, windows) of a table of intervals."""
    seconds: dict[_Key, Histogram] = {}
    windows: dict[_Key, Histogram] = {}
    for row in _rows(intervals):
        stage, second, *rest = (
            row["stage"],
            row["second"],
            row["operation"],
            row["outcome"],
            row["measure"],
        )
        _add(seconds, (stage, second, *rest), row)
        _add(windows, (stage, second - second % WINDOW_S, *rest), row)
    return (
        _table("seconds", ((key, found.coarse()) for key, found in sorted(seconds.items()))),
        _table("windows", sorted(windows.items(), key=lambda item: item[0])),
    )


def _rows(table: pa.Table) -> Iterable[Mapping[str, Any]]:
    for batch in table.to_batches(max_chunksize=4096):
        yield from batch.to_pylist()


def _add(into: dict[_Key, Histogram], key: tuple[Any, ...], row: Mapping[str, Any]) -> None:
    histogram = into.setdefault(key, Histogram(FINE))
    pairs = zip(row["buckets"], row["counts"], strict=True)
    histogram.merge_row(row["count"], row["sum_ns"], row["min_ns"], row["max_ns"], pairs)


def _table(name: str, items: Iterable[tuple[_Key, Histogram]]) -> pa.Table:
    rows = []
    for (stage, second, operation, outcome, measure), histogram in items:
        order = sorted(histogram.buckets)
        rows.append(
            {
                "stage": stage,
                "second": second,
                "operation": operation,
                "outcome": outcome,
                "measure": measure,
                "count": histogram.count,
                "sum_ns": histogram.sum_ns,
                "min_ns": histogram.min_ns,
                "max_ns": histogram.max_ns,
                "buckets": order,
                "counts": [histogram.buckets[index] for index in order],
            }
        )
    return pa.Table.from_pylist(rows, schema=BY_NAME[name].schema)
