"""Stages in which memory is tracked: by name, by word, and added by an option."""

from __future__ import annotations

import pytest

from loadkit.errors import ScenarioError, UsageError
from loadkit.model import Fault, Rate, Scenario, Stage, Users
from loadkit.scenario import codec
from loadkit.scenario.memory import with_memory_stage


@pytest.mark.parametrize(
    ("name", "profile", "tracks", "measured"),
    [
        ("base-memory", None, True, False),
        ("nightly", "memory", True, False),
        ("base-profile", None, False, False),
        ("base-memory", False, False, True),
        ("base-memory", True, False, False),
        ("memory", None, False, True),
    ],
)
def test_a_stage_tracks_memory_by_its_name_or_by_word(
    name: str, profile: object, tracks: bool, measured: bool
) -> None:
    stage = Stage(name, Rate(5), 10, profile=profile)  # type: ignore[arg-type]
    assert (stage.tracks_memory, stage.measured) == (tracks, measured)
    again = codec.from_dict(codec.to_dict(Scenario([stage]))).stages[0]
    assert again == stage


def test_another_word_is_refused() -> None:
    with pytest.raises(ScenarioError, match="profile must be True, False or 'memory'"):
        Stage("x", Rate(5), 10, profile="memroy")  # type: ignore[arg-type]


def test_the_stage_that_is_added_repeats_the_first_steady_load_at_the_end() -> None:
    scenario = Scenario(
        [
            Stage("warm-up", Rate(5), 10),
            Stage("ramp", Rate(5, to=50), 10),
            Stage("base", Users(7), 10),
            Stage("peak", Rate(50), 10),
        ],
        name="s",
        slos=["p95 < 1 s"],
        stack="embedded",
    )
    added = with_memory_stage(scenario)
    assert added.stages[:4] == scenario.stages
    last = added.stages[4]
    assert (last.name, last.load, last.duration) == ("memory", Users(7), 20)
    assert last.tracks_memory and not last.measured
    assert (added.name, added.slos, added.stack) == ("s", scenario.slos, "embedded")
    assert with_memory_stage(added) == added


def test_without_a_steady_stage_or_with_its_name_taken_it_is_refused() -> None:
    with pytest.raises(UsageError, match="a measured stage with a constant load"):
        with_memory_stage(Scenario([Stage("ramp", Rate(1, to=9), 5)]))
    with pytest.raises(UsageError, match="there is one of that name"):
        with_memory_stage(Scenario([Stage("memory", Rate(9), 5)]))


@pytest.mark.parametrize(
    ("text", "kind", "value", "step"),
    [
        ("leak=1KiB@peak", "leak", 1024, None),
        ("leak=2 MiB @ peak", "leak", 2 * 2**20, None),
        ("lock:store_cost=20ms@peak", "lock", 0.02, "store_cost"),
        ("db_unavailable=25%@peak", "db_unavailable", 0.25, None),
        ("cache_evicted=1@peak", "cache_evicted", 1, None),
        ("loop_blocked=300ms@peak", "loop_blocked", 0.3, None),
        ("pricing_slow=0.2s@peak", "pricing_slow", 0.2, None),
    ],
)
def test_faults_are_read_with_their_units(
    text: str, kind: str, value: float, step: str | None
) -> None:
    fault = Fault.parse(text)
    assert (fault.kind, fault.step) == (kind, step)
    assert fault.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("db_unavailable=2@peak", "a share lies between 0 and 1"),
        ("leak:store_cost=9@peak", "has no step"),
        ("memory=1@peak", "is not known"),
    ],
)
def test_faults_that_cannot_be_are_refused(text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        Fault.parse(text)
