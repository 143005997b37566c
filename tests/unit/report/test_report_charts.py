"""Scales, bins, paths and the charts made of them."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_sample import bare, crowded, lasting, line, nothing, peak

from loadkit.analyse.result import Line
from loadkit.report import units
from loadkit.report.charts import CHARTS, build_all, latency, saturation, scale, svg, values
from loadkit.report.charts.axis import Axis, axis
from loadkit.report.charts.bins import thin
from loadkit.report.charts.frame import frame, gutter


def test_linear_scale_ends_on_a_round_number() -> None:
    lines = scale.linear([3.0, None, 137.0], 100.0, 1.0)
    assert (lines.low, lines.high) == (0.0, 150.0)
    assert lines.y(0) == 100.0
    assert lines.y(75) == 50.0
    assert lines.y(999) == 0.0
    assert [label for _, label in lines.ticks(units.axis_number)] == ["0", "50", "100", "150"]


def test_logarithmic_scale_counts_one_two_five() -> None:
    lines = scale.logarithmic([0.0071, 0.19, None, 0.0], 90.0)
    assert (lines.low, lines.high) == pytest.approx((0.005, 0.2))
    labels = [label for _, label in lines.ticks(units.axis_duration)]
    assert labels == ["5 ms", "10 ms", "20 ms", "50 ms", "100 ms", "200 ms"]
    assert lines.y(0.005) == 90.0
    assert lines.y(math.sqrt(0.005 * 0.2)) == pytest.approx(45.0, abs=0.01)


def test_logarithmic_scale_over_many_decades_labels_decades() -> None:
    labels = [text for _, text in scale.logarithmic([1e-5, 9.0], 90).ticks(units.axis_duration)]
    assert labels == ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"]


@given(st.lists(st.floats(min_value=1e-9, max_value=1e5), min_size=1))
def test_every_value_lies_in_the_plot(found: list[float]) -> None:
    for lines in (scale.logarithmic(found, 100.0), scale.linear(found, 100.0, 1.0)):
        assert lines.low <= min(found) * (1 + 1e-9) and lines.high >= max(found) * (1 - 1e-9)
        assert all(0 <= lines.y(value) <= 100 for value in found)
        assert len(lines.ticks(str)) >= 2


def test_time_axis() -> None:
    shared = axis(145.0)
    labels = [label for _, label in shared.ticks()]
    assert labels[:3] == ["0:00", "0:15", "0:30"] and labels[-1] == "2:15"
    assert shared.share(72.5) == 50.0
    assert shared.share(-3) == 0.0
    assert shared.clip(-5, 10) == (0.0, 10)
    assert shared.clip(150, 160) is None
    assert axis(0.0).length == 1.0


def test_no_line_is_drawn_through_missing_data() -> None:
    assert svg.line_path([(0, 1), (1, 2), None, (3, 4), None, (5, 6), (6, 6)]) == (
        "M0 1L1 2M3 4h0M5 6L6 6"
    )


def test_short_series_are_drawn_as_they_are() -> None:
    points = thin([0.5, 1.5, 2.5], [1.0, None, 3.0])
    assert points.x == (0.5, 1.5, 2.5)
    assert points.y == (1.0, None, 3.0)
    assert points.low is None and points.each_s is None


def test_a_hole_in_time_cuts_the_line() -> None:
    points = thin([0.0, 1.0, 2.0, 9.0, 10.0], [1.0] * 5)
    assert points.x == (0.0, 1.0, 2.0, 3.0, 9.0, 10.0)
    assert points.y == (1.0, 1.0, 1.0, None, 1.0, 1.0)


def test_long_series_are_binned_with_their_extremes() -> None:
    y: list[float | None] = [float(n % 7) for n in range(6000)]
    y[2003] = 500.0
    points = thin([float(n) for n in range(6000)], y)
    assert len(points.x) <= 600
    assert points.high is not None and max(v for v in points.high if v is not None) == 500.0
    assert points.low is not None and min(v for v in points.low if v is not None) == 0.0
    assert points.each_s == 10.0
    assert points.y[0] == pytest.approx(sum(n % 7 for n in range(10)) / 10)


def test_not_a_number_is_a_gap() -> None:
    assert thin([0.0, 1.0], [math.nan, math.inf]).y == (None, None)


def test_every_chart_of_a_full_run_has_data_on_one_axis() -> None:
    analysis = peak()
    shared = frame(analysis)
    charts = build_all(analysis, shared.axis)
    assert [chart.key for chart in charts] == [
        "load",
        "latency",
        "heat",
        "errors",
        "saturation",
        "alerts",
    ]
    assert all(not chart.empty for chart in charts)
    assert [s.name for s in charts[1].series] == ["p50", "p95", "p99", "p99.9"]
    assert [band.label for band in shared.stages][:3] == ["warm-up", "base", "base-profile"]
    assert [band.label for band in shared.faults] == ["error_rate=0.08"]
    assert [i.title for i in shared.instants] == ["HighErrorRate fires at 1:28.1"]
    assert len(charts) == len(CHARTS)


def test_objectives_on_percentiles_are_drawn_where_they_hold() -> None:
    chart = build_all(peak(), axis(145))[1]
    assert [label.text for label in chart.labels] == ["p95 < 300 ms"]
    assert chart.labels[0].at_s == 55.0  # the longest of the stages it holds for
    assert chart.marks.count('class="guide"') == 2


def test_a_threshold_beyond_the_data_is_still_in_the_plot() -> None:
    analysis = peak()
    slow = tuple(replace(slo, threshold=30.0) for slo in analysis.slos)
    chart = build_all(replace(analysis, slos=slow), axis(145))[1]
    assert chart.scale is not None and chart.scale.high >= 30.0


def test_alerts_are_bars_and_dots() -> None:
    chart = build_all(peak(), axis(145))[5]
    assert [label for _, label in chart.ticks] == [
        "HighErrorRate",
        "SlowResponseTime",
        "DiskSpaceLow",
        "HighCPUUsage",
    ]
    assert chart.marks.count('class="pending"') == 2
    assert chart.marks.count('class="firing"') == 2
    assert chart.marks.count('class="told"') == 2  # the one before the start is off the axis
    first = re.search(r'<rect class="firing" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', chart.marks)
    assert first is not None and first.groups() == ("88.1", "19.9")


def test_charts_without_data_say_so() -> None:
    charts = {chart.key: chart for chart in build_all(bare(), axis(60))}
    assert charts["errors"].empty == "No request failed."
    assert charts["saturation"].empty and charts["alerts"].empty
    assert [s.name for s in charts["load"].series] == ["achieved"]  # nothing was offered
    assert charts["load"].series[0].colour == 1  # and achieved keeps its colour
    assert all(chart.empty for chart in build_all(nothing(), axis(0)))


def test_overlapping_faults_get_lanes() -> None:
    shared = frame(crowded())
    lanes = {band.label: band.lane for band in shared.faults}
    assert lanes == {"error_rate=0.08": 0, "latency:store_cost=0.2": 1, "cpu=0.01": 0}
    assert shared.lanes == 2
    assert next(b for b in shared.faults if b.label == "cpu=0.01").end_s == 145.0


def test_the_gutter_fits_the_longest_label_within_reason() -> None:
    assert gutter(build_all(bare(), axis(60))) == 58
    assert 100 < gutter(build_all(peak(), axis(145))) < gutter(build_all(crowded(), axis(145)))


def test_a_long_run_stays_small() -> None:
    charts = build_all(lasting(), axis(7200))
    assert all(len(s.points.x) <= 603 for chart in charts for s in chart.series)
    assert charts[0].note == "Each point is the mean of 12 s; shaded from smallest to largest."
    assert 'class="spread"' in charts[0].marks


def test_the_table_of_values_has_the_numbers() -> None:
    shared = Axis(0.0, 4.0)
    lines = (line("p50", "s", lambda s: None if s == 2 else 0.01 * (s + 1), 4),)
    chart = build_all(replace(bare(), latency_lines=lines, end_s=4.0), shared)[1]
    assert values.rows(chart, shared) == [
        ("0:00", "10.0 ms"),
        ("0:01", "20.0 ms"),
        ("0:02", "—"),
        ("0:03", "40.0 ms"),
    ]


def test_lines_outside_the_axis_are_left_out() -> None:
    lines = (Line("achieved", "1/s", (-30.0, 1.5, 2.5, 400.0), (9.0, 1.0, 2.0, 9.0)),)
    chart = build_all(replace(bare(), rate_lines=lines, end_s=60.0), axis(60))[0]
    assert chart.series[0].points.x == (1.5, 2.5)


# -- colours ------------------------------------------------------------------------------------

# How protanopes, deuteranopes and tritanopes see linear RGB (Machado, Oliveira, Fernandes 2009).
_EYES = (
    ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
)
_WHITE = (0.95047, 1.0, 1.08883)


def _linear(colour: str) -> list[float]:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def _xyz(rgb: list[float]) -> list[float]:
    r, g, b = (min(1.0, max(0.0, part)) for part in rgb)
    return [
        0.4124 * r + 0.3576 * g + 0.1805 * b,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        0.0193 * r + 0.1192 * g + 0.9505 * b,
    ]


def _lab(rgb: list[float]) -> tuple[float, float, float]:
    f = [
        math.cbrt(v / w) if v / w > 0.008856 else 7.787 * v / w + 16 / 116
        for v, w in zip(_xyz(rgb), _WHITE, strict=True)
    ]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


def _seen(colour: str, eye: tuple[tuple[float, ...], ...]) -> tuple[float, float, float]:
    rgb = _linear(colour)
    return _lab([sum(a * b for a, b in zip(row, rgb, strict=True)) for row in eye])


@pytest.mark.parametrize(("scheme", "card"), [(0, "#ffffff"), (1, "#1b1e24")])
def test_series_can_be_told_apart_by_everyone(scheme: int, card: str) -> None:
    css = files("loadkit.report").joinpath("assets/charts.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--c\d: light-dark\((#\w{6}), (#\w{6})\);", css)
    colours = [pair[scheme] for pair in pairs]
    assert len(colours) == 8
    back = _xyz(_linear(card))[1]
    for colour in colours:
        low, high = sorted((_xyz(_linear(colour))[1], back))
        assert (high + 0.05) / (low + 0.05) > 3, colour
    for eye in _EYES:
        for a, b in itertools.combinations(colours, 2):
            assert math.dist(_seen(a, eye), _seen(b, eye)) > 13, (a, b)


def test_saturation_draws_the_fullest_and_names_the_idle() -> None:
    names = [f"r{n}" for n in range(12)]
    lines = tuple(
        Line(name, "", (0.0, 1.0), (0.0, 1.05 if n == 11 else 0.03 * n))
        for n, name in enumerate(names)
    )
    analysis = replace(peak(), saturation_lines=lines)
    built = saturation.build(analysis, axis(1.0))
    assert [series.name for series in built.series] == names[4:]
    assert built.note.startswith("Not drawn, never above 9")
    assert built.note.endswith("r0, r1, r2, r3.")
    assert built.scale is not None
    assert built.scale.high == 1.0


@pytest.mark.parametrize(("slowest", "css"), [(0.2, "objective under"), (9.0, "objective")])
def test_an_objective_at_the_top_of_the_plot_is_named_below_its_line(
    slowest: float, css: str
) -> None:
    lines = (Line("p99.9", "s", (0.0, 1.0), (0.002, slowest)),)
    slos = tuple(result for result in peak().slos if result.slo == "p95 < 300 ms")
    built = latency.build(replace(peak(), latency_lines=lines, slos=slos), axis(1.0))
    assert [label.css for label in built.labels if label.text == "p95 < 300 ms"] == [css]
