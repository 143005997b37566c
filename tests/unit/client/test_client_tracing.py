"""Trace ids from serial numbers."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.load.tracing import TraceIds, trace_id_of

LINE = re.compile(rb"traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])\r\n")


def test_a_line_is_a_valid_header_and_can_be_made_again() -> None:
    ids = TraceIds()
    assert ids.next() == 1
    serial = ids.next()
    assert serial == 2
    match = LINE.fullmatch(ids.line(serial))
    assert match is not None
    trace, span, flag = (part.decode() for part in match.groups())
    assert ids.text(serial) == trace
    assert ids.value(serial) == f"00-{trace}-{span}-{flag}"
    assert int(trace, 16) and int(span, 16) and flag == "01"
    assert ids.line(serial) == ids.line(serial)


def test_they_never_repeat_and_look_random() -> None:
    ids = TraceIds()
    texts = [ids.text(n) for n in range(1, 20_001)]
    assert len(set(texts)) == 20_000
    lower = [int(text[16:], 16) for text in texts]
    # Each of the 64 bits is set in about half of them, 8 standard deviations of leeway.
    for bit in range(64):
        share = sum(n >> bit & 1 for n in lower) / len(lower)
        assert abs(share - 0.5) < 8 * 0.5 / len(lower) ** 0.5
    # And so is the difference between neighbours.
    steps = [a ^ b for a, b in pairwise(lower)]
    assert len(set(steps)) > 19_900


@given(st.integers(0, 2**32), st.lists(st.integers(1, 2**40), unique=True, max_size=20))
def test_different_serials_differ(seed: int, serials: list[int]) -> None:
    ids = TraceIds(seed=seed)
    assert len({ids.text(n) for n in serials}) == len(serials)


def test_two_processes_differ() -> None:
    assert TraceIds().text(1) != TraceIds().text(1)
    assert TraceIds(seed=3).text(1) == TraceIds(seed=3).text(1)


@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.25, 0.9, 1.0])
def test_the_ratio_is_kept(ratio: float) -> None:
    ids = TraceIds(ratio)
    flags = [ids.line(n).endswith(b"-01\r\n") for n in range(1, 20_001)]
    assert flags == [ids.sampled(n) for n in range(1, 20_001)]
    assert sum(flags) / len(flags) == pytest.approx(ratio, abs=0.02)
    if ratio in (0.0, 1.0):
        assert sum(flags) == ratio * len(flags)


def test_the_flag_follows_the_lower_half_as_samplers_read_it() -> None:
    ids = TraceIds(0.3)
    bound = round(0.3 * 2**64)
    for n in range(1, 2_000):
        assert ids.sampled(n) == (int(ids.text(n)[16:], 16) < bound)


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_a_ratio_beyond_its_bounds(ratio: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        TraceIds(ratio)


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        (f"00-{'ab' * 16}-{'cd' * 8}-01", "ab" * 16),
        (f" 00-{'ab' * 16}-{'cd' * 8}-01 ", "ab" * 16),
        (f"00-{'AB' * 16}-{'cd' * 8}-01", None),
        ("00-abc-def-01", None),
        ("", None),
    ],
)
def test_the_id_within_a_header(header: str, trace: str | None) -> None:
    assert trace_id_of(header) == trace
