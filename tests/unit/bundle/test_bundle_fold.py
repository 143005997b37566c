"""Folding intervals into seconds and windows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.bundle.fold import WINDOW_S, coarse, fold
from loadkit.bundle.histogram import COARSE, FINE, Histogram, bucket_edges, bucket_of
from loadkit.bundle.schema import BY_NAME

_ROW = st.tuples(
    st.sampled_from(("base", "peak")),
    st.integers(0, 25),
    st.sampled_from(("", "GET /a", "POST /b")),
    st.sampled_from(("ok", "failed")),
    st.sampled_from(("service", "response")),
    st.lists(st.integers(0, 2**40), min_size=1, max_size=6),
)
Given = list[tuple[str, int, str, str, str, list[int]]]
_PLACE = ("stage", "second", "operation", "outcome", "measure")


def _table(rows: Given) -> pa.Table:
    made = []
    for *place, values in rows:
        histogram = Histogram(FINE)
        for value in values:
            histogram.record(value)
        made.append(dict(zip(_PLACE, place, strict=True)) | _columns(histogram))
    return pa.Table.from_pylist(made, schema=BY_NAME["intervals"].schema)


def _columns(histogram: Histogram) -> dict[str, object]:
    order = sorted(histogram.buckets)
    return {
        "count": histogram.count,
        "sum_ns": histogram.sum_ns,
        "min_ns": histogram.min_ns,
        "max_ns": histogram.max_ns,
        "buckets": order,
        "counts": [histogram.buckets[index] for index in order],
    }


def _one_by_one(rows: Given, bits: int, step: int) -> list[dict[str, object]]:
    found: dict[tuple[str, int, str, str, str], Histogram] = {}
    for stage, second, *rest, values in rows:
        key = (stage, second - second % step, *rest)
        for value in values:
            found.setdefault(key, Histogram(bits)).record(value)  # type: ignore[arg-type]
    return [
        dict(zip(_PLACE, key, strict=True)) | _columns(histogram)
        for key, histogram in sorted(found.items())
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(_ROW, max_size=30))
def test_folding_is_recording_value_by_value(rows: Given) -> None:
    seconds, windows = fold(_table(rows))
    assert seconds.to_pylist() == _one_by_one(rows, COARSE, 1)
    assert windows.to_pylist() == _one_by_one(rows, FINE, WINDOW_S)


def test_every_fine_bucket_has_its_coarse_one() -> None:
    every = range(bucket_of(2**63 - 1) + 1)
    found = coarse(np.array(every, np.int64)).tolist()
    assert found == [bucket_of(bucket_edges(index)[0], COARSE) for index in every]
