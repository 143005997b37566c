"""Loads in words and for the manifest, and the classes they are for."""

from __future__ import annotations

import json

import pytest

from loadkit.errors import ScenarioError
from loadkit.model import Load, Rate, Replay, Scenario, Sine, Spike, Stage, Steps, Users
from loadkit.scenario.classes import check_users, classes_of
from loadkit.scenario.summary import summary
from loadkit.scenario.words import stage_words

MIXED: list[Load] = [
    Rate(100, user="Shopper", arrivals="poisson"),
    Users(5, user="Clerk", pacing=2),
]


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (Rate(150), "150/s"),
        (Rate(0.5, to=1500), "0.5 → 1,500/s"),
        (Rate(150, arrivals="poisson"), "150/s, Poisson"),
        (Users(1), "1 user"),
        (Users(1, to=20), "1 → 20 users"),
        (Users(5, pacing=0.5), "5 users, pacing 0.5 s"),
        (Steps(start=50, step=25, count=6), "50 → 175/s in 6 steps of 10 s"),
        (Steps([50, 100, 75]), "50, 100, 75/s, 20 s each"),
        (Steps([50, 50, 50]), "50, 50, 50/s, 20 s each"),
        (Steps([5, 9, 2, 8, 3, 7, 4, 6]), "2 to 9/s in 8 steps of 7.5 s"),
        (Spike(50, 300, 20, 10), "spike 50 → 300/s at 20 s for 10 s"),
        (Spike(50, 300, 20, 10, 2.5), "spike 50 → 300/s at 20 s for 10 s, edges 2.5 s"),
        (Sine(100, 50, 30, user="A"), "A sine 100 ± 50/s every 30 s"),
        (Replay([0, 1, 70]), "replay of 2 arrivals"),
        (Replay([0, 1, 70], speed=2), "replay of 3 arrivals, 2 x as fast"),
        (MIXED, "Shopper 100/s, Poisson + Clerk 5 users, pacing 2 s"),
    ],
)
def test_words(load: Load | list[Load], words: str) -> None:
    assert stage_words(Stage("s", load, 60)) == words


def test_a_plain_load_is_summed_up_as_ever() -> None:
    assert summary(Stage("s", Rate(10, to=100), 5)) == {
        "kind": "rate",
        "from": 10,
        "to": 100,
        "max_users": 1000,
    }
    assert summary(Stage("s", Users(3), 5)) == {
        "kind": "users",
        "from": 3,
        "to": 3,
        "max_users": None,
    }


def test_a_shape_is_summed_up() -> None:
    found = summary(Stage("s", Spike(50, 300, 20, 10, user="A"), 100))
    assert found == {
        "kind": "spike",
        "from": 50,
        "to": 50,
        "max_users": 3000,
        "mean": 75,
        "peak": 300,
        "user": "A",
        "arrivals": "even",
        "text": "A spike 50 → 300/s at 20 s for 10 s",
    }


def test_several_loads_are_summed_up() -> None:
    found = summary(Stage("s", [*MIXED, Rate(10, to=30)], 60))
    each = found.pop("loads")
    assert found == {
        "kind": "several",
        "from": 110,
        "to": 130,
        "mean": 120,
        "peak": 130,
        "max_users": 1300,
        "users": [5, 5],
        "text": "Shopper 100/s, Poisson + Clerk 5 users, pacing 2 s + 10 → 30/s",
    }
    assert [one["kind"] for one in each] == ["rate", "users", "rate"]
    assert each[1] == {
        "kind": "users",
        "from": 5,
        "to": 5,
        "max_users": None,
        "user": "Clerk",
        "pacing": 2,
        "text": "Clerk 5 users, pacing 2 s",
    }
    json.dumps(found)
    closed = summary(Stage("s", [Users(1, to=3), Users(5, user="Clerk")], 60))
    assert (closed["from"], closed["mean"], closed["users"]) == (None, None, [6, 8])


def test_users_must_be_there() -> None:
    scenario = Scenario([Stage("s", [*MIXED, Rate(5)], 5), Stage("t", Rate(3), 5)])
    check_users(scenario, ["Shopper", "Clerk", "Visitor"])
    with pytest.raises(ScenarioError) as caught:
        check_users(scenario, ["Shopper", "Visitor"])
    assert str(caught.value) == (
        "stage 's': there is no user class 'Clerk'\nUser classes: Shopper, Visitor."
    )
    with pytest.raises(ScenarioError, match="no user class is left for the load that names none"):
        check_users(scenario, ["Clerk", "Shopper"])


def test_a_load_without_a_name_takes_the_rest() -> None:
    stage = Stage("s", [*MIXED, Rate(5)], 5)
    names = ("Visitor", "Shopper", "Clerk", "Bot")
    assert [classes_of(stage, load, names) for load in stage.loads] == [
        ("Shopper",),
        ("Clerk",),
        ("Visitor", "Bot"),
    ]
