"""One line of a log in, the fields of a row out; and no second with too many rows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.collect.logline import LogLine, parse
from loadkit.collect.logs import MOST_BAD, MOST_OTHER, Budget

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_line_of_the_reference_service() -> None:
    line = parse(
        json.dumps(
            {
                "timestamp": "2026-11-25T00:00:01.000250Z",
                "level": "error",
                "action": "store_cost",
                "message": "failed with api_key=abc123",
                "error_type": "QueueFull",
                "trace_id": TRACE,
                "span_id": "b7ad6b7169203331",
            }
        )
    )
    assert line == LogLine(
        wall_ns=1_795_564_801_000_250_000,
        level="error",
        action="store_cost",
        error_type="QueueFull",
        message="failed with api_key=[removed]",
        trace_id=TRACE,
        span_id="b7ad6b7169203331",
    )


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ('{"level":"WARN","msg":"x"}', "warning"),
        ('{"level":30,"msg":"x"}', "info"),
        ('{"level":50,"msg":"x"}', "error"),
        ('{"severity":"EMERGENCY","msg":"x"}', "critical"),
        ("2026-11-25 12:00:00 ERROR x", "error"),
        ('ts=2026-11-25T00:00:01.5Z caller=a.go:1 level=warn msg="x"', "warning"),
        ("nothing to see", None),
        ('{"level":true,"msg":"x"}', None),
    ],
)
def test_levels(text: str, level: str | None) -> None:
    assert parse(text).level == level


def test_key_value_line() -> None:
    line = parse('ts=2026-11-25T00:00:01.5Z caller=a.go:1 level=info msg="it \\"works\\""')
    assert (line.wall_ns, line.message) == (1_795_564_801_500_000_000, 'it "works"')


@pytest.mark.parametrize("scale", [1, 1_000, 1_000_000, 1_000_000_000])
def test_numeric_times_of_any_unit(scale: int) -> None:
    assert parse(json.dumps({"ts": 1_795_564_801 * scale})).wall_ns == 1_795_564_801 * 10**9


@pytest.mark.parametrize("trace", ["0" * 32, "xyz", "a" * 33, 7, None])
def test_what_is_no_trace_id_is_none(trace: object) -> None:
    assert parse(json.dumps({"message": "x", "trace_id": trace})).trace_id is None


@pytest.mark.parametrize("text", ["{broken", "[1,2]", "null", '{"a":' + "[" * 3_000])
def test_line_that_is_no_object_is_a_message(text: str) -> None:
    line = parse(text)
    assert line.message.startswith(text[:100])
    assert line.level is None


@given(st.text(max_size=300))
def test_any_text_is_a_line(text: str) -> None:
    assert isinstance(parse(text).message, str)


@given(
    st.dictionaries(
        st.sampled_from(["ts", "level", "message", "trace_id", "error", "error_type", "action"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
            max_leaves=5,
        ),
    )
)
def test_any_object_is_a_line(document: object) -> None:
    parse(json.dumps(document))


def _lines(budget: Budget, count: int, level: str, mono_ns: int, action: str = "a") -> list[int]:
    line = LogLine(None, level, action, None, "m", TRACE, None)
    return [row["count"] for _ in range(count) for row in budget.take(line, mono_ns)]


def test_beyond_the_cap_lines_are_added_up_and_none_is_lost() -> None:
    budget = Budget("service")
    second = 1_000_000_000
    assert _lines(budget, 300, "info", 5 * second) == [1] * MOST_OTHER
    # warnings have a budget of their own, which a flood of others cannot use up
    assert _lines(budget, 60, "error", 5 * second + 7) == [1] * MOST_BAD
    assert budget.close(5 * second + 8) == []
    sums = budget.close(6 * second)
    assert {(row["level"], row["count"]) for row in sums} == {
        ("info", 300 - MOST_OTHER),
        ("error", 60 - MOST_BAD),
    }
    assert {row["trace_id"] for row in sums} == {None}
    assert _lines(budget, 1, "info", 6 * second) == [1]


def test_many_kinds_of_lines_share_one_sum_a_level() -> None:
    budget = Budget("service", most_other=0)
    for number in range(500):
        assert _lines(budget, 1, "info", 1, action=f"action-{number}") == []
    rows = budget.flush()
    assert len(rows) == 51
    assert sum(row["count"] for row in rows) == 500
