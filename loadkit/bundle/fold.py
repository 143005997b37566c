"""Folds the histograms as they came into the two resolutions that are kept.

``intervals`` (fine, a row a flush) become ``seconds`` (coarse, per second) and ``windows`` (fine,
per stage and 10 s). Both are sums, so folding a cut stream gives what there was. Whole columns are
summed at once: while a run is watched it is folded again and again.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loadkit.bundle.histogram import COARSE, FINE
from loadkit.bundle.schema import BY_NAME

WINDOW_S = 10
_PLACE = ("stage", "second", "operation", "outcome", "measure")
_SUMMED = (("count", np.add), ("sum_ns", np.add), ("min_ns", np.minimum), ("max_ns", np.maximum))
_BUCKET_BITS = 15  # the largest bucket of an int64 is 28,159

Ints = npt.NDArray[np.int64]


def fold(intervals: pa.Table) -> tuple[pa.Table, pa.Table]:
    """(seconds, windows) of a table of intervals, each ordered by its place."""
    if not len(intervals):
        return BY_NAME["seconds"].schema.empty_table(), BY_NAME["windows"].schema.empty_table()
    columns = {name: intervals[name].combine_chunks() for name in intervals.column_names}
    second = columns["second"].to_numpy().astype(np.int64)
    row, bucket, count = _pairs(columns)
    return (
        _folded("seconds", columns, second, (row, coarse(bucket), count)),
        _folded("windows", columns, second - second % WINDOW_S, (row, bucket, count)),
    )


def coarse(bucket: Ints) -> Ints:
    """Buckets of FINE as buckets of COARSE; see ``loadkit.bundle.histogram.coarser``."""
    shift = np.maximum(0, (bucket >> FINE) - 1)
    lower_edge = (bucket - (shift << FINE)) << shift
    # Beyond 53 bits a float is too short: the edge's highest ten bits say where it belongs.
    bits = shift + np.where(shift > 0, FINE + 1, np.frexp(lower_edge.astype(np.float64))[1])
    wider = np.maximum(0, bits - COARSE - 1)
    found: Ints = (wider << COARSE) + (lower_edge >> wider)
    return found


def _pairs(columns: dict[str, pa.Array]) -> tuple[Ints, Ints, Ints]:
    """(row, bucket, count) of every bucket of every row."""
    lengths = pc.fill_null(pc.list_value_length(columns["buckets"]), 0).to_numpy()
    row = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    buckets, counts = (columns[name].flatten().to_numpy() for name in ("buckets", "counts"))
    return row, buckets.astype(np.int64), counts.astype(np.int64)


def _folded(
    name: str, columns: dict[str, pa.Array], second: Ints, pairs: tuple[Ints, Ints, Ints]
) -> pa.Table:
    schema = BY_NAME[name].schema
    places = {key: columns[key] for key in _PLACE} | {"second": pa.array(second, pa.int32())}
    first, group = _grouped(places)
    values = {key: column.take(pa.array(first)) for key, column in places.items()}
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(first)))
    for key, combine in _SUMMED:
        numbers = columns[key].to_numpy().astype(np.int64)
        values[key] = pa.array(combine.reduceat(numbers[order], starts))
    row, bucket, count = pairs
    offsets, kept, sums = _summed((group[row] << _BUCKET_BITS) | bucket, count, len(first))
    values["buckets"] = pa.ListArray.from_arrays(offsets, pa.array(kept, pa.int32()))
    values["counts"] = pa.ListArray.from_arrays(offsets, pa.array(sums))
    return pa.Table.from_arrays([values[key] for key in schema.names], schema=schema)


def _grouped(places: dict[str, pa.Array]) -> tuple[Ints, Ints]:
    """A row of each distinct place, ascending by place, and the number of each row's place."""
    key = np.zeros(len(places["second"]), np.int64)
    for name in _PLACE:
        distinct, code = np.unique(places[name].to_numpy(zero_copy_only=False), return_inverse=True)
        key = key * len(distinct) + code
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    return first.astype(np.int64), group.astype(np.int64)


def _summed(key: Ints, count: Ints, groups: int) -> tuple[pa.Array, Ints, Ints]:
    """(offsets of each group, buckets, counts): equal keys added up."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    sums = np.add.reduceat(count[order], starts) if len(starts) else np.empty(0, np.int64)
    distinct = ordered[starts]
    ends = np.searchsorted(distinct >> _BUCKET_BITS, np.arange(groups + 1))
    kept: Ints = distinct & ((1 << _BUCKET_BITS) - 1)
    return pa.array(ends, pa.int32()), kept, sums
