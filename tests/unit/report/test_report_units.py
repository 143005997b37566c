"""Numbers as a reader sees them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.report import units


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "—"),
        (math.nan, "—"),
        (math.inf, "—"),
        (0.0, "0 ms"),
        (0.0123, "12.3 ms"),
        (0.41, "410 ms"),
        (0.0009996, "1.00 ms"),
        (0.9996, "1.00 s"),
        (1.2345, "1.23 s"),
        (99.96, "100 s"),
        (0.00000042, "420 ns"),
        (0.00042, "420 µs"),
        (125.2, "2 min 05 s"),
        (3725.0, "1 h 02 min"),
        (-0.0042, "−4.20 ms"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert units.duration(seconds) == text


def test_missing_is_never_zero() -> None:
    shown = [
        units.duration(None),
        units.rate(None),
        units.percent(None),
        units.count(None),
        units.number(None),
        units.clock(None),
        units.span(None),
        units.text(None),
    ]
    assert shown == ["—"] * 8


def test_rates_ratios_counts() -> None:
    assert units.rate(149.87) == "150/s"
    assert units.rate(0.1234) == "0.123/s"
    assert units.rate(1234.5) == "1,230/s"
    assert units.percent(0.00021) == "0.0210 %"
    assert units.percent(0.0) == "0 %"
    assert units.percent(1.0) == "100 %"
    assert units.count(1234567) == "1,234,567"
    assert units.span(45.0) == "45 s"
    assert units.span(150.0) == "2 min 30 s"


def test_clock() -> None:
    assert units.clock(90) == "1:30"
    assert units.clock(88.06, 1) == "1:28.1"
    assert units.clock(59.97, 1) == "1:00.0"
    assert units.clock(-4.0, 1) == "−0:04.0"
    assert units.clock(-0.01) == "0:00"
    assert units.clock(3723) == "1:02:03"


def test_axis_labels_have_no_trailing_zeros() -> None:
    assert units.axis_duration(0.0002) == "200 µs"
    assert units.axis_duration(2.0) == "2 s"
    assert units.axis_percent(0.2) == "20 %"
    assert units.axis_number(1000) == "1,000"


def test_no_line_ends_before_a_unit() -> None:
    assert units.held("p95 42.2 ms (objective 1 %), 3 men") == (
        "p95 42.2\u00a0ms (objective 1\u00a0%), 3 men"
    )


@given(st.floats(min_value=1e-9, max_value=1e9))
def test_three_digits_are_kept(value: float) -> None:
    shown = float(units.significant(value).replace(",", ""))
    assert shown == pytest.approx(value, rel=0.00501)
