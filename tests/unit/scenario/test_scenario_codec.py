"""Scenarios as data, and durations as text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.errors import ScenarioError, UsageError
from loadkit.model import (
    Fault,
    Load,
    Rate,
    Replay,
    Scenario,
    Sine,
    Spike,
    Stage,
    Steps,
    Users,
)
from loadkit.scenario.codec import from_dict, to_dict
from loadkit.scenario.durations import parse_duration

_rate = st.floats(0.001, 1e4)
_open = {
    "max_users": st.one_of(st.none(), st.integers(1, 10_000)),
    "arrivals": st.sampled_from(("even", "poisson")),
}
_seconds = st.floats(0.01, 1e3)


def _loads(user: str | None) -> st.SearchStrategy[Load]:
    """Loads of every kind with floats as they come, that fit into 10,000 s."""
    own = {**_open, "user": st.just(user)}
    recorded = st.lists(st.floats(0, 1e4), min_size=1, max_size=20).map(sorted)
    return st.one_of(
        st.builds(Rate, _rate, st.one_of(st.none(), st.floats(0, 1e4)), **own),
        st.builds(Steps, st.lists(_rate, min_size=1, max_size=5), **own),
        st.builds(
            lambda base, more, *times, **rest: Spike(base, base + 1 + more, *times, **rest),
            *(_rate, _rate, _seconds, st.floats(3, 1e3), st.floats(0, 1.5)),
            **own,
        ),
        st.builds(Sine, st.floats(10, 1e4), st.floats(0, 10), _seconds, st.floats(-2, 2), **own),
        st.builds(
            Replay,
            recorded,
            speed=st.floats(0.1, 10),
            max_users=own["max_users"],
            user=own["user"],
        ),
        st.builds(
            Users,
            st.integers(1, 500),
            st.one_of(st.none(), st.integers(0, 500)),
            user=own["user"],
            pacing=st.one_of(st.none(), _seconds),
        ),
    )


_several: st.SearchStrategy[Load | list[Load]] = st.one_of(
    _loads(None),
    _loads("A"),
    st.tuples(_loads(None), _loads("A")).map(list),
    st.tuples(_loads("B")).map(list),
)
_flag = st.one_of(st.none(), st.booleans())


@given(st.lists(st.tuples(_several, st.floats(1e4, 1e5), _flag, _flag), min_size=1, max_size=4))
@settings(deadline=None)
def test_a_scenario_survives_json(
    parts: list[tuple[Load | list[Load], float, bool | None, bool | None]],
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


def test_one_plain_load_is_written_as_ever() -> None:
    """What an older bundle holds still reads, and the other way round."""
    written = to_dict(Scenario([Stage("a", Rate(5, to=9), 3), Stage("b", Users(2), 3)]))
    assert [stage["load"] for stage in written["stages"]] == [
        {"kind": "rate", "from": 5, "to": 9, "max_users": None},
        {"kind": "users", "from": 2, "to": None},
    ]


def test_several_loads_are_a_list() -> None:
    loads: list[Load] = [
        Rate(5, user="A", arrivals="poisson"),
        Users(2, user="B", pacing=0.5),
    ]
    scenario = Scenario([Stage("a", loads, 3)])
    assert to_dict(scenario)["stages"][0]["load"] == [
        {"kind": "rate", "from": 5, "to": None, "max_users": None, "user": "A"}
        | {"arrivals": "poisson"},
        {"kind": "users", "from": 2, "to": None, "user": "B", "pacing": 0.5},
    ]
    assert from_dict(to_dict(scenario)).stages[0].loads == tuple(loads)


def test_a_long_recording_is_packed_and_exact() -> None:
    times = [i / 7 for i in range(20_000)]
    scenario = Scenario([Stage("a", Replay(times, speed=3), 60)])
    text = json.dumps(to_dict(scenario))
    assert len(text) < 170_000
    assert from_dict(json.loads(text)) == scenario
    broken = to_dict(scenario)
    broken["stages"][0]["load"]["times"] = "AAAA"
    with pytest.raises(ScenarioError, match="packed times of a replay cannot be read"):
        from_dict(broken)


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
