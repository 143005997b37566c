from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.stack import timescale


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("667ms", 667),
        ("15s", 15_000),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("1d", 86_400_000),
        ("2w", 1_209_600_000),
        ("1y", 31_536_000_000),
        ("1h5s20ms", 3_605_020),
    ],
)
def test_durations_are_read(text: str, milliseconds: int) -> None:
    assert timescale.parse_ms(text) == milliseconds


@pytest.mark.parametrize("text", ["", "5", "5x", "5 m", "-5m", "m", "1.5h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        timescale.parse_ms(text)


@pytest.mark.parametrize(
    ("text", "scaled"),
    [("15s", "1s"), ("10s", "667ms"), ("30s", "2s"), ("5m", "20s"), ("12h", "2880s"), ("0s", "0s")],
)
def test_the_intervals_of_the_guide(text: str, scaled: str) -> None:
    assert timescale.scale_text(text, 15) == scaled


@given(st.integers(0, 10**13), st.integers(1, 1000))
def test_scaling_is_exact_to_half_a_millisecond(milliseconds: int, scale: int) -> None:
    scaled = timescale.scale_ms(milliseconds, scale)
    assert (scaled == 0) == (milliseconds == 0)
    if milliseconds >= scale:
        assert abs(Fraction(milliseconds, scale) - scaled) <= Fraction(1, 2)


@given(st.integers(0, 10**13))
def test_what_is_written_is_read_as_the_same(milliseconds: int) -> None:
    assert timescale.parse_ms(timescale.format_ms(milliseconds)) == milliseconds
