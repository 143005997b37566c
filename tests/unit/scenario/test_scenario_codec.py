"""Scenarios as data, and durations as text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.errors import ScenarioError, UsageError
from loadkit.model import Fault, Load, Rate, Scenario, Stage, Users
from loadkit.scenario.codec import from_dict, to_dict
from loadkit.scenario.durations import parse_duration

_rates = st.builds(
    Rate,
    st.floats(0.001, 1e4),
    st.one_of(st.none(), st.floats(0, 1e4)),
    st.one_of(st.none(), st.integers(1, 10_000)),
)
_users = st.builds(Users, st.integers(1, 500), st.one_of(st.none(), st.integers(0, 500)))
_load: st.SearchStrategy[Load] = st.one_of(_rates, _users)
_flag = st.one_of(st.none(), st.booleans())


@given(st.lists(st.tuples(_load, st.floats(0.01, 1e5), _flag, _flag), min_size=1, max_size=6))
def test_a_scenario_survives_json(
    parts: list[tuple[Load, float, bool | None, bool | None]],
) -> None:
    stages = [
        Stage(f"s{i}", load, duration, warmup=warmup, profile=profile)
        for i, (load, duration, warmup, profile) in enumerate(parts)
    ]
    scenario = Scenario(
        stages,
        name="n",
        slos=["GET /x@s0: p99.9 < 1 s", "errors < 1 %"],
        expect=["A"],
        forbid=["B", "C"],
        faults=[Fault("latency", 0.2, "s0", "store_cost"), Fault.parse("error_rate=8%@s0")],
        stack="embedded",
        seed=3,
    )
    assert from_dict(json.loads(json.dumps(to_dict(scenario)))) == scenario


@pytest.mark.parametrize(
    "data",
    [{}, {"stages": [{}]}, {"stages": [{"name": "a", "duration": 1, "load": {"kind": "x"}}]}],
)
def test_what_is_no_scenario_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ScenarioError):
        from_dict(data)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15", 15),
        ("0.5", 0.5),
        ("90s", 90),
        ("2m", 120),
        ("1h30m", 5400),
        ("1h 30m 5s", 5405),
        ("1.5m", 90),
        ("2M", 120),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-3", "0", "0s", "3d", "1m2h", "ten", "1e3", "2m30"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_duration(text)
    assert "1h30m" in str(caught.value)
