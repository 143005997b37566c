"""The offset of two clocks is never wrong by more than what is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.load.workers.offset import WINDOW, Offset

DELAY = st.integers(0, 50_000_000)


@given(
    st.integers(-(10**18), 10**18), st.lists(st.tuples(DELAY, DELAY, DELAY), min_size=1, max_size=9)
)
def test_the_truth_lies_within_the_uncertainty(
    truth: int, exchanges: list[tuple[int, int, int]]
) -> None:
    offset = Offset()
    now = 1_000
    for there, thinking, back in exchanges:
        got = now + there + truth
        offset.add(now, got, got + thinking, now + there + thinking + back)
        now += 10**9
    estimate, uncertainty = offset.estimate()
    assert abs(estimate - truth) <= uncertainty + 1
    assert uncertainty <= min((there + back + 1) // 2 for there, _, back in exchanges)


def test_the_quickest_exchange_of_the_window_counts() -> None:
    offset = Offset()
    offset.add(0, 500, 500, 1_000)
    offset.add(0, 900_000, 900_000, 1_000_000)
    assert offset.estimate() == (0, 500)
    for _ in range(WINDOW):
        offset.add(0, 5_100, 5_100, 200)
    assert offset.estimate() == (5_000, 100)


def test_on_one_machine_the_clock_is_the_same_unless_exchanges_deny_it() -> None:
    offset = Offset()
    offset.add(0, 700, 700, 1_000)
    assert offset.estimate(same_host=True) == (0, 0)
    assert offset.estimate() == (200, 500)
    elsewhere = Offset()  # a time namespace: one kernel, two clocks
    elsewhere.add(0, 10**9, 10**9, 1_000)
    assert elsewhere.estimate(same_host=True) == (10**9 - 500, 500)


def test_an_answer_before_the_question_is_not_believed() -> None:
    offset = Offset()
    offset.add(1_000, 0, 5_000, 2_000)
    assert not offset
    with pytest.raises(ValueError, match="no exchange"):
        offset.estimate()
