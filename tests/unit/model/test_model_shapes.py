"""Shapes of load: what they are made of, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.errors import ScenarioError
from loadkit.model import Open, Rate, Replay, Scenario, Sine, Spike, Stage, Steps, Users

SHAPES: tuple[Open, ...] = (
    Rate(70),
    Rate(10, to=90),
    Rate(90, to=0),
    Steps([50, 0, 100]),
    Spike(20, 300, begin=2, length=3),
    Spike(0, 300, begin=0, length=10, edge=4),
    Sine(50, 50, 4, 0.3),
)


@pytest.mark.parametrize("load", SHAPES, ids=repr)
@given(st.floats(0, 10))
@settings(max_examples=12, deadline=None)
def test_the_count_is_the_area_below_the_rate(load: Open, until: float) -> None:
    """Added up in 500 slices of the rate, which may miss at most a slice at every corner."""
    slices = 500
    width = until / slices
    area = sum(load.rate_at((i + 0.5) * width, 10) for i in range(slices)) * width
    assert load.count_by(until, 10) == pytest.approx(area, abs=6 * load.highest * width + 1e-3)
    assert load.count_by(10, 10) == pytest.approx(float(load.count(10)), abs=1e-9)
    assert load.average(10) == pytest.approx(float(load.count(10)) / 10)
    assert 0 <= load.rate_at(until, 10) <= load.highest + 1e-9


def test_pieces_follow_each_other_without_gaps() -> None:
    for load in SHAPES:
        at = Fraction(0)
        for piece in load.pieces(10):
            assert piece.start == at
            assert piece.length > 0
            at += piece.length
        assert at == 10


def test_rates_at_instants() -> None:
    steps = Steps([10, 20, 30])
    assert [steps.rate_at(x, 6) for x in (0, 1.9, 2, 3.9, 4, 6)] == [10, 10, 20, 20, 30, 30]
    spike = Spike(10, 110, begin=2, length=4, edge=1)
    assert [spike.rate_at(x, 10) for x in (0, 2, 2.5, 3, 5, 5.5, 6, 10)] == [
        *(10, 10, 60, 110, 110, 60, 10, 10),
    ]
    assert [spike.rate_at(x, 10) for x in (-1, 11)] == [0, 0]
    wave = Sine(100, 50, period=8, phase=0.75)
    assert [round(wave.rate_at(x, 8), 9) for x in (0, 2, 4, 6, 8)] == [50, 100, 150, 100, 50]
    assert wave.highest == 150
    replay = Replay([0, 0.5, 1.5, 1.9, 1.99])
    assert [replay.rate_at(x, 3) for x in (0, 0.9, 1, 2, 4)] == [2, 2, 3, 0, 0]


def test_a_staircase_is_decimals() -> None:
    assert Steps(start=0.1, step=0.1, count=4).levels == (0.1, 0.2, 0.3, 0.4)
    assert Steps(start=50, step=25, count=3) == Steps([50, 75, 100])
    assert Steps(start=100, step=-50, count=3) == Steps((100, 50, 0))
    assert Steps([0.1] * 10).count(10) == 1


def test_a_recording_may_be_played_faster() -> None:
    replay = Replay([0, 1, 2, 3, 4.5], speed=2)
    assert replay.span == 2.25
    assert replay.count(1.5) == 3
    assert replay.count(1.6) == 4
    assert Replay([0, 0.2, 0.4, 0.999, 1.1, 1.19, 5]).highest == 5
    assert Replay([0, 1, 2, 3], speed=4).highest == 4
    assert Replay([0, 1, 2, 3]).highest == 1
    assert Replay([5]).pool == 10
    assert replay.open and replay.arrivals == "even"


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Rate(5, arrivals="random"), "arrivals must be 'even' or 'poisson', got 'random'"),
        (lambda: Rate(5, user="a b"), "user must be the name of a user class, got 'a b'"),
        (lambda: Users(5, user=str), "user must be the name of a user class"),  # type: ignore[arg-type]
        (lambda: Users(5, pacing=0), "pacing must be positive, got 0"),
        (lambda: Steps(), "either a list of rates or a staircase"),
        (lambda: Steps([5], count=3), "either a list of rates or a staircase"),
        (lambda: Steps([]), "at least one rate"),
        (lambda: Steps([0, 0]), "a step's rate must be positive, got 0"),
        (lambda: Steps([5, -1]), "a step's rate must be positive, got -1"),
        (lambda: Steps("55"), "steps must be a list of rates, got '55'"),  # type: ignore[arg-type]
        (lambda: Steps(5), "steps must be a list of rates, got 5"),  # type: ignore[arg-type]
        (lambda: Steps(start=5, step=1), "a staircase needs start and step"),
        (lambda: Steps(start=5, step=1, count=0), "got start=5, step=1, count=0"),
        (lambda: Steps(start=5, step=-3, count=3), "a step's rate must be positive, got -1"),
        (lambda: Spike(50, 50, 1, 1), "a spike's peak must be above its base, got 50 over 50"),
        (lambda: Spike(50, 80, -1, 1), "a spike's begin must be seconds, got -1"),
        (lambda: Spike(50, 80, 1, 0), "a spike's length must be seconds, got 0"),
        (lambda: Spike(50, 80, 1, 3, 2), "a spike of 3 s has no room for two edges of 2 s"),
        (lambda: Spike(50, 80, 1, 3, max_users=0), "max_users must be a whole number"),
        (lambda: Sine(50, 51, 10), "the amplitude of a sine must be from 0 to its mean, got 51"),
        (lambda: Sine(0, 0, 10), "the mean of a sine must be positive, got 0"),
        (lambda: Sine(50, 5, 0), "the period of a sine must be seconds, got 0"),
        (lambda: Sine(50, 5, 1, float("nan")), "the phase of a sine must be a number of periods"),
        (lambda: Replay([]), "a replay needs at least one time"),
        (lambda: Replay([1, 0.5]), "times of a replay must ascend: number 1 is 0.5 after 1"),
        (lambda: Replay([1, "2"]), "must be seconds of at least 0, got '2' as number 1"),  # type: ignore[list-item]
        (lambda: Replay([-1]), "must be seconds of at least 0, got -1 as number 0"),
        (lambda: Replay([1], speed=0), "the speed of a replay must be positive, got 0"),
        (lambda: Replay("times.txt"), "a replay needs a list of times, got 'times.txt'"),  # type: ignore[arg-type]
        (lambda: Stage("s", [], 1), "stage 's' has no load"),
        (lambda: Stage("s", [Rate(1), 5], 1), r"load must be Rate\(...\) or Users\(...\), got 5"),  # type: ignore[list-item]
        (lambda: Stage("s", [Rate(1), Users(1)], 1), "stage 's' has two loads of no user class"),
        (
            lambda: Stage("s", [Rate(1, user="A"), Users(1, user="A")], 1),
            "stage 's' has two loads of user A",
        ),
        (lambda: Stage("s", Spike(1, 2, 5, 6), 10), "stage 's': the spike ends 11 s into a stage"),
        (lambda: Scenario([Stage("s", Rate(1), 1)], seed="x"), "seed must be a whole number"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_meant_is_refused(make: Callable[[], object], what: str) -> None:
    with pytest.raises(ScenarioError, match=what):
        make()


def test_a_stage_may_have_several_loads() -> None:
    shopper, clerk = Rate(100, user="Shopper"), Users(5, user="Clerk", pacing=2)
    stage = Stage("peak", [shopper, clerk], 60)
    assert stage.loads == (shopper, clerk)
    assert (stage.open_loads, stage.closed_loads) == ((shopper,), (clerk,))
    assert stage == Stage("peak", (shopper, clerk), 60)
    assert hash(stage) == hash(Stage("peak", [shopper, clerk], 60))
    assert Stage("s", shopper, 1).loads == (shopper,)
    assert [load.open for load in stage.loads] == [True, False]


# -- recordings in files ----------------------------------------------------------------------


def _file(folder: Path, text: str) -> Path:
    file = folder / "arrivals.csv"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "options", "times"),
    [
        ("0.25\n1\n1\n2.5\n", {}, (0.25, 1, 1, 2.5)),
        ("# of Tuesday\n\n0.1\n  0.3  \n", {}, (0.1, 0.3)),
        ("\ufefftime,path\r\n0.5,/a\r\n0.75,/b\r\n", {}, (0.5, 0.75)),
        ('path,"sent at"\n"/a,b",0.5\n/c,0.75\n', {"column": "sent at"}, (0.5, 0.75)),
        ("/a,0.5\n/c,0.75\n", {"column": 1}, (0.5, 0.75)),
        ("3\n1\n2\n", {"sort": True}, (1, 2, 3)),
        ("1790000000.1\n1790000000.35\n", {"origin": "first"}, (0, 0.25)),
        ("1790000002\n1790000000.3\n", {"origin": 1790000000.1, "sort": True}, (0.2, 1.9)),
        ("1e1\n", {}, (10,)),
    ],
)
def test_recordings_are_read(
    tmp_path: Path, text: str, options: dict[str, object], times: tuple[float, ...]
) -> None:
    file = _file(tmp_path, text)
    load = Replay.from_file(file, speed=2, user="A", **options)  # type: ignore[arg-type]
    assert load == Replay(times, speed=2, user="A")


@pytest.mark.parametrize(
    ("text", "options", "where", "what"),
    [
        ("1\nx2\n", {}, ":2", "'x2' is not a time in seconds"),
        ("1s\n2s\n", {}, ":1", "'1s' is not a time in seconds"),
        ("1\nnan\n", {}, ":2", "'nan' is not a time in seconds"),
        ("time\ntime\n", {}, ":2", "'time' is not a time in seconds"),
        ("a\n1,2\n3\n", {"column": 1}, ":1", "'' is not a time in seconds"),
        ("1\n3\n2\n", {}, ":3", "2 comes after 3: times must ascend"),
        ("1\n2\n", {"origin": 1.5}, ":1", "1 is before the beginning of the stage"),
        ("-1\n", {}, ":1", "-1 is before the beginning of the stage"),
        ("# nothing\n\n", {}, "", "there is no time in it"),
        ("a,b\n1,2\n", {"column": "c"}, ":1", "there is no column 'c'"),
    ],
)
def test_bad_recordings_say_where(
    tmp_path: Path, text: str, options: dict[str, object], where: str, what: str
) -> None:
    file = _file(tmp_path, text)
    with pytest.raises(ScenarioError) as caught:
        Replay.from_file(file, **options)  # type: ignore[arg-type]
    assert (caught.value.where, caught.value.what) == (f"{file}{where}", what)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="recorded times cannot be read: No such file") as none:
        Replay.from_file("nowhere.txt")
    assert none.value.where == str(Path(__file__).parent / "nowhere.txt")
    binary = tmp_path / "b"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="it is not text"):
        Replay.from_file(binary)
    with pytest.raises(ScenarioError, match="origin must be a time in the file, got 'noon'"):
        Replay.from_file(_file(tmp_path, "1\n"), origin="noon")  # type: ignore[arg-type]


def test_a_relative_path_starts_at_the_file_that_asks(tmp_path: Path) -> None:
    _file(tmp_path, "0.5\n")
    scenario = tmp_path / "scenario.py"
    scenario.write_text("from loadkit.model import Replay\nload = Replay.from_file('arrivals.csv')")
    names: dict[str, object] = {"__file__": str(scenario)}
    exec(compile(scenario.read_text(), scenario, "exec"), names)
    assert names["load"] == Replay([0.5])
