"""The heat map, its picture, and histograms packed for the page."""

from __future__ import annotations

import base64
import itertools
import math
import random
import re
import struct
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_sample import bare, peak, steps_of, timeline

from loadkit.analyse.steps import Step, Timeline
from loadkit.bundle.histogram import COARSE, Histogram, bucket_edges, bucket_of
from loadkit.report.charts import heat, pack, png, scale
from loadkit.report.charts.axis import axis
from loadkit.report.charts.cells import MOST_COLUMNS, ROWS, heat_of, opacity


def pixels(picture: bytes) -> list[bytes]:
    """The rows of a grey PNG, read by its specification."""
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at < len(picture):
        (size,) = struct.unpack(">I", picture[at : at + 4])
        kind, content = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + size]
        assert struct.unpack(">I", picture[at + 8 + size : at + 12 + size])[0] == zlib.crc32(
            kind + content
        )
        chunks[kind] = content
        at += 12 + size
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour, rest) == (8, 0, [0, 0, 0])
    raw = zlib.decompress(chunks[b"IDAT"])
    lines = [raw[n * (width + 1) : (n + 1) * (width + 1)] for n in range(height)]
    assert all(line[0] == 0 for line in lines)
    return [line[1:] for line in lines]


@pytest.mark.parametrize("width", [1, 7, 600, 2000])
def test_a_picture_is_what_went_into_it(width: int) -> None:
    random_ = random.Random(width)
    rows = [random_.randbytes(width) for _ in range(60)]
    assert pixels(png.grey(rows)) == rows


def unpack(text: str, steps: int) -> list[Step]:
    """By the description in pack.py, with other code."""
    bits = "".join(f"{byte:08b}" for byte in base64.b64decode(text))
    at = 0

    def plain(width: int) -> int:
        nonlocal at
        at += width
        return int(bits[at - width : at] or "0", 2)

    def golomb(order: int = 0) -> int:
        nonlocal at
        zeros = bits.index("1", at) - at
        at += zeros
        return plain(zeros + 1 + order) - (1 << order)

    found = []
    for _ in range(steps):
        buckets: list[int] = []
        counts: list[int] = []
        for n in range(golomb()):
            buckets.append(buckets[-1] + 1 + golomb() if n else golomb(6))
            counts.append(golomb() + 1)
        ends = [0, 0]
        if buckets:
            for n, bucket in enumerate((buckets[0], buckets[-1])):
                low, high = bucket_edges(bucket, COARSE)
                ends[n] = low + plain((high - low).bit_length())
        found.append(Step(sum(counts), ends[0], ends[1], tuple(buckets), tuple(counts)))
    assert len(bits) - at < 8
    return found


@given(st.lists(st.lists(st.integers(0, 10**13), max_size=30), max_size=6))
def test_packed_histograms_are_whole(values: list[list[int]]) -> None:
    histograms = []
    for one in values:
        histogram = Histogram(COARSE)
        for value in one:
            histogram.record(value)
        histograms.append(histogram)
    steps = steps_of(histograms)
    assert unpack(pack.packed(steps), len(steps)) == list(steps)


def test_packing_is_worth_it() -> None:
    steps = timeline().response
    entries = sum(len(step.buckets) for step in steps)
    assert len(pack.packed(steps)) < 1.2 * entries  # JSON would take some eight


def _lines(one: Timeline) -> scale.Scale:
    ends = [v / 1e9 for step in one.response if step.count for v in (step.min_ns, step.max_ns)]
    return scale.logarithmic(ends, heat.HEIGHT)


def test_every_request_is_in_the_cell_of_its_second_and_bucket() -> None:
    one = timeline()
    found = heat_of(one, _lines(one))
    assert found.column_s == 1 and found.counts.shape == (ROWS, len(one.response))
    for n in (0, 60, 144):
        step = one.response[n]
        for row in range(ROWS):
            low, high = found.bounds[row], found.bounds[row + 1]
            inside = sum(
                c for b, c in zip(step.buckets, step.counts, strict=True) if low <= b < high
            )
            assert found.counts[row, n] == inside
    assert int(found.counts.sum()) == sum(step.count for step in one.response)


def test_rows_lie_where_the_axis_says() -> None:
    one = timeline()
    lines = _lines(one)
    found = heat_of(one, lines)
    assert list(found.bounds) == sorted(found.bounds)
    for row in range(1, ROWS):
        low, high = found.range_s(row, row)
        edge = lines.low * (lines.high / lines.low) ** (row / ROWS)
        assert low == pytest.approx(edge, rel=2**-COARSE)
        assert high > low
        assert low == found.range_s(row - 1, row - 1)[1]


def test_a_long_run_has_no_more_columns_than_the_picture() -> None:
    histogram = Histogram(COARSE)
    histogram.record(5_000_000, 3)
    steps = steps_of([histogram]) * 1801
    one = Timeline(2, steps, steps, (3,) * 1801, (0,) * 1801, (3,) * 1801)
    found = heat_of(one, _lines(one))
    assert found.counts.shape[1] <= MOST_COLUMNS
    assert found.column_s == 8
    assert int(found.counts.sum()) == 3 * 1801


def test_strength_follows_the_count() -> None:
    strengths = [opacity(count, 1000) for count in (0, 1, 10, 100, 1000)]
    assert strengths[0] == 0.0 and strengths[-1] == 1.0
    steps = [b - a for a, b in itertools.pairwise(strengths[1:])]
    assert steps == pytest.approx([steps[0]] * 3)
    assert opacity(1, 1) == 1.0


def test_the_picture_shows_the_counts() -> None:
    chart = heat.build(peak(), axis(145))
    assert chart.heat is not None and chart.table is not None
    found = re.search(r'href="data:image/png;base64,([^"]+)"', chart.marks)
    assert found is not None
    rows = pixels(base64.b64decode(found[1]))
    counts, most = chart.heat.counts, int(chart.heat.counts.max())
    for row, n in itertools.product((0, 20, 30, 59), (0, 72, 144)):
        level = rows[ROWS - 1 - row][n]  # the highest latency is on top
        assert level == pytest.approx(255 * opacity(int(counts[row, n]), most), abs=1)
    assert [key.name for key in chart.keys][-1] == str(most)
    assert chart.keys[0].opacity == pytest.approx(opacity(1, most), abs=0.001)
    assert [one.name for one in chart.series] == ["p50", "p95", "p99"]


def test_the_table_adds_up_to_every_request() -> None:
    analysis = peak()
    chart = heat.build(analysis, axis(145))
    assert chart.table is not None and analysis.timeline is not None
    total = sum(int(cell.replace(",", "")) for row in chart.table.rows for cell in row[1:])
    assert total == sum(step.count for step in analysis.timeline.response)
    assert len(chart.table.head) == 1 + ROWS // 6
    assert all(len(row) == len(chart.table.head) for row in chart.table.rows)


def test_one_request_is_a_picture_and_none_is_a_sentence() -> None:
    histogram = Histogram(COARSE)
    histogram.record(2_500_000)
    steps = steps_of([histogram])
    one = Timeline(1, steps, steps, (1,), (0,), (1,))
    chart = heat.build(replace(bare(), timeline=one), axis(1))
    assert [key.name for key in chart.keys] == ["1"] and chart.keys[0].opacity == 1.0
    assert chart.scale is not None and chart.scale.low <= 0.0025 <= chart.scale.high
    assert heat.build(replace(bare(), timeline=None), axis(1)).empty == "No response was recorded."


def test_the_same_run_is_the_same_picture() -> None:
    assert heat.build(peak(), axis(145)).marks == heat.build(peak(), axis(145)).marks


def test_a_bucket_of_the_lowest_and_of_the_highest_value_is_in_the_map() -> None:
    one = timeline()
    found = heat_of(one, _lines(one))
    steps = [step for step in one.response if step.count]
    assert bucket_of(min(s.min_ns for s in steps), COARSE) >= found.bounds[0]
    assert bucket_of(max(s.max_ns for s in steps), COARSE) < found.bounds[-1]
    assert math.isfinite(found.range_s(0, ROWS - 1)[1])
