"""The planned load on a screen: counts are the schedule's, and every line fits."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.load.allot import Kind
from loadkit.model import Load, Rate, Scenario, Sine, Spike, Stage, Steps, Users
from loadkit.report.columns import table
from loadkit.report.outlook import Outlook, shared
from loadkit.report.planned import Foreign, Task, Wanted, draw, planned, planned_foreign
from loadkit.report.planned_json import as_json
from loadkit.scenario.schedule import Schedule, streams

CLASSES = (Kind("Visitor", 3), Kind("Reader", 1), Kind("Admin", 1))
_CODES = re.compile(r"\x1b\[[\d;]*m")

MIXED = Scenario(
    [
        Stage("warm-up", load=Users(5), duration=10),
        Stage(
            "mixed",
            load=[Rate(20, to=60), Spike(5, 80, begin=10, length=4, user="Admin")],
            duration=40,
        ),
        Stage("wave", load=[Sine(40, 30, period=20), Users(0, to=12, user="Admin")], duration=60),
    ],
    name="mixed",
)


def rates() -> st.SearchStrategy[float]:
    return st.floats(0.1, 5_000, allow_nan=False)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    stages = []
    for number in range(draw(st.integers(1, 9))):
        duration = draw(st.sampled_from([0.5, 1, 7, 30, 600]))
        first = draw(
            st.one_of(
                st.builds(Rate, rates(), st.none() | rates()),
                st.builds(Steps, st.lists(rates(), min_size=1, max_size=12)),
                st.builds(Users, st.integers(1, 99_999), st.none() | st.integers(0, 40)),
            )
        )
        loads = [first]
        if draw(st.booleans()):
            loads.append(Users(draw(st.integers(1, 50)), user="Admin"))
        name = draw(st.sampled_from(["a", "warm-up", "a-name-that-is-quite-long", "x-profile"]))
        stages.append(Stage(f"{name}{number}", load=loads, duration=duration))
    return Scenario(stages, name="drawn")


WANTED = Wanted(
    "drawn",
    "embedded",
    {"Visitor": (Task("browse", 5, (Task("look", 2), Task("leave", 1))), Task("buy", 1))},
    slos=["POST /api/v1/costs@peak: p99 < 1 s", "errors < 1 %"],
    expect=["HighErrorRate"],
    faults=["error_rate=0.08@peak"],
)


@settings(max_examples=60, deadline=None)
@given(scenarios(), st.integers(20, 200), st.booleans())
def test_no_line_is_wider_than_the_screen(scenario: Scenario, width: int, colour: bool) -> None:
    text = planned(Outlook(scenario, CLASSES, workers=3), WANTED, width, colour)
    lines = _CODES.sub("", text).splitlines()
    assert max(len(line) for line in lines) <= max(40, width)


@settings(max_examples=30, deadline=None)
@given(scenarios())
def test_colours_add_nothing_but_colours(scenario: Scenario) -> None:
    outlook = Outlook(scenario, CLASSES)
    plain, coloured = (planned(outlook, WANTED, 90, colour) for colour in (False, True))
    bare = "\n".join(line.rstrip() for line in _CODES.sub("", coloured).splitlines())
    assert bare == plain
    assert "\x1b" not in plain


@settings(max_examples=60, deadline=None)
@given(scenarios(), st.integers(1, 9))
def test_counts_are_those_of_the_schedule(scenario: Scenario, workers: int) -> None:
    schedules = [
        Schedule(scenario.stages, user=user, seed=scenario.seed)
        for user in streams(scenario.stages)
    ]
    outlook = Outlook(scenario, CLASSES, workers=workers)
    assert outlook.arrivals == sum(len(schedule) for schedule in schedules)
    for index, stage in enumerate(outlook.stages):
        assert stage.arrivals == sum(schedule.planned[index] for schedule in schedules)
    assert sum(outlook.arrivals_by_class.values()) == outlook.arrivals
    assert sum(worker.arrivals for worker in outlook.workers) == outlook.arrivals
    assert [worker.number for worker in outlook.workers] == list(range(1, workers + 1))


@settings(max_examples=20, deadline=None)
@given(scenarios())
def test_seconds_add_up(scenario: Scenario) -> None:
    outlook = Outlook(scenario, CLASSES)
    seconds = list(outlook.seconds())
    assert sum(second.arrivals for second in seconds) == outlook.arrivals
    assert [second.second for second in seconds] == list(range(len(seconds)))
    assert len(seconds) - 1 < outlook.duration_s <= len(seconds)


def test_arrivals_fall_to_the_classes_that_no_other_load_names() -> None:
    outlook = Outlook(MIXED, CLASSES)
    mixed, wave = outlook.stages[1:]
    assert mixed.loads[0].by_class == {"Visitor": 1200, "Reader": 400}
    assert mixed.loads[1].by_class == {"Admin": 500}
    assert mixed.arrivals == 2100
    assert wave.loads[0].by_class == {"Visitor": 1800, "Reader": 600}
    assert wave.loads[1].arrivals is None
    assert wave.loads[1].by_class == {"Admin": 12}
    assert outlook.arrivals_by_class == {"Visitor": 3000, "Reader": 1000, "Admin": 500}


def test_rates_of_loads_at_once_are_added() -> None:
    mixed = Outlook(MIXED, CLASSES).stages[1]
    # The ramp is at 34/s where the spike ends: the highest sum lies just before.
    assert mixed.highest_rate == pytest.approx(20 + 40 * 14 / 40 + 80, rel=1e-6)
    assert [load.highest for load in mixed.loads] == [60, 80]
    assert Outlook(MIXED, CLASSES).stages[0].highest_rate is None


def test_a_fixed_number_of_users_takes_its_share() -> None:
    scenario = Scenario([Stage("a", load=Rate(10, max_users=10), duration=10)])
    classes = [Kind("One", 1, fixed=2), Kind("Rest", 1), Kind("More", 3)]
    assert Outlook(scenario, classes).arrivals_by_class == {"One": 20, "Rest": 20, "More": 60}


def test_each_worker_takes_every_nth_arrival_and_its_users() -> None:
    scenario = Scenario([Stage("a", load=[Rate(1), Users(5, user="Admin")], duration=10)])
    workers = Outlook(scenario, CLASSES, workers=4).workers
    assert [worker.arrivals for worker in workers] == [3, 3, 2, 2]
    assert [worker.users for worker in workers] == [3 + 2, 3 + 1, 2 + 1, 2 + 1]


@given(
    st.integers(0, 10**6),
    st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 50), min_size=1),
)
def test_parts_add_up_and_are_less_than_one_off(number: int, parts: dict[str, float]) -> None:
    found = shared(number, parts)
    assert sum(found.values()) == number
    total = sum(parts.values())
    if total > 0:
        for key, part in parts.items():
            assert abs(found[key] - number * part / total) < 1 + 1e-6


def lane(text: str, title: str) -> list[str]:
    """Rows of a lane, highest first, without its margin."""
    lines = text.splitlines()
    rows: list[str] = []
    for line in lines[lines.index(title) + 1 :]:
        if "┼" in line:
            return rows
        rows.append(re.split("[┤│]", line, maxsplit=1)[1])
    raise AssertionError("the lane has no axis")


def heights(rows: list[str], column: int) -> int:
    """Eighths that are filled in a column."""
    cells = [row[column] if column < len(row) else " " for row in rows]
    return sum(max(0, " ▁▂▃▄▅▆▇█".find(cell)) for cell in cells)


def test_a_ramp_is_drawn_to_scale() -> None:
    scenario = Scenario([Stage("ramp", load=Rate(0, to=100), duration=100)])
    rows = lane(draw(Outlook(scenario, CLASSES), 106), "arrivals a second")
    room = 106 - 3 - 3
    assert len(rows) == 10
    for column in range(room):
        highest = 100 * (column + 1) / room  # at the column's right edge
        assert abs(heights(rows, column) - highest / 100 * 80) <= 1


def test_a_short_spike_is_drawn_at_its_height() -> None:
    load = Spike(10, 100, begin=301.3, length=0.2)
    rows = lane(
        draw(Outlook(Scenario([Stage("a", load=load, duration=600)]), CLASSES), 80),
        "arrivals a second",
    )
    full = [column for column in range(74) if heights(rows, column) == 80]
    assert full == [int(301.3 / 600 * 74)]


def test_loads_of_one_stage_and_users_have_lanes_of_their_own() -> None:
    titles = [
        "arrivals a second · by weight",
        "arrivals a second · Admin",
        "users · by weight",
        "users · Admin",
    ]
    lines = draw(Outlook(MIXED, CLASSES), 100).splitlines()
    assert [line for line in lines if line[:1].isalpha()] == titles


def test_the_axis_has_times_and_names() -> None:
    lines = draw(Outlook(MIXED, CLASSES), 100).splitlines()
    times, names = lines[-2:]
    assert times.split() == ["0:00", "0:10", "0:50", "1:50"]
    assert names.split() == ["warm-up", "mixed", "wave"]
    for time, name in zip(("0:00", "0:10", "0:50"), names.split(), strict=True):
        assert times.index(time) == names.index(name)


def test_numbers_stand_where_their_values_are() -> None:
    scenario = Scenario([Stage("a", load=Rate(113), duration=10)])
    rows = draw(Outlook(scenario, CLASSES), 80).splitlines()
    by_label = {line.split()[0]: line for line in rows if "┤" in line and "┼" not in line}
    assert list(by_label) == ["120", "100", "80", "60", "40", "20"]
    assert set(by_label["120"][5:]) == {"▂"}  # 3 of the 10 from 110 on
    assert set(by_label["100"][5:]) == {"█"}


@pytest.mark.parametrize(
    ("load", "numbers"),
    [
        (Rate(120), [120, 100, 80, 60, 40, 20]),
        (Rate(240), [250, 200, 150, 100, 50]),
        (Rate(0.3), [0.3, 0.2, 0.1]),
        (Rate(99_999), [100_000, 50_000]),
        (Users(5), [5, 4, 3, 2, 1]),
        (Users(1), [1]),
        (Users(3), [3, 2, 1]),
        (Users(40), [40, 20]),
    ],
)
def test_the_axis_counts_in_round_numbers(load: Load, numbers: list[float]) -> None:
    rows = draw(Outlook(Scenario([Stage("a", load=load, duration=10)]), CLASSES), 80).splitlines()
    labels = [line.split()[0] for line in rows if "┤" in line and "┼" not in line]
    assert [float(label.replace(",", "")) for label in labels] == numbers


def test_loads_are_said_in_words_and_by_whom() -> None:
    lines = planned(Outlook(MIXED, CLASSES), WANTED, 100).splitlines()
    (spike,) = [line for line in lines if "5 → 80/s" in line]
    assert re.split(r"  +", spike.strip()) == [
        "spike 5 → 80/s at 10 s for 4 s",
        "Admin",
        "500",
        "80/s",
        "≤ 800",
    ]


def test_what_is_expected_is_listed() -> None:
    lines = planned(Outlook(MIXED, CLASSES), WANTED, 100).splitlines()
    assert "  objective  POST /api/v1/costs@peak: p99 < 1 s" in lines
    assert "             errors < 1 %" in lines
    assert "  must fire  HighErrorRate" in lines
    assert "  fault      error_rate=0.08@peak" in lines
    assert any(line.endswith("browse 5 (look 2, leave 1) · buy 1") for line in lines)
    assert any(line.startswith("  warm-up °") for line in lines)


def test_a_plain_locustfile_is_drawn_as_far_as_it_is_known() -> None:
    wanted = Wanted("shop", "none")
    text = planned_foreign(Foreign(20, 2, 30), CLASSES, wanted, 80)
    rows = lane(text, "users")
    assert heights(rows, 0) < heights(rows, 10) < heights(rows, 60) == len(rows) * 8
    assert "20 users, 2 started a second, for 30 s" in text.replace("\n", " ")
    endless = planned_foreign(Foreign(), CLASSES, wanted, 80)
    assert "1 user, 1 started a second, until it is interrupted" in endless.replace("\n", " ")
    assert "┼" not in endless
    shaped = planned_foreign(Foreign(shape=True), CLASSES, wanted, 80)
    assert "a LoadTestShape decides" in shaped


def test_json_has_every_count() -> None:
    outlook = Outlook(MIXED, CLASSES, workers=2)
    document = json.loads(as_json(outlook, CLASSES, WANTED, smoke=None))
    assert document["arrivals"] == 4500
    assert [stage["arrivals"] for stage in document["stages"]] == [0, 2100, 2400]
    assert document["stages"][1]["loads"][1] == {
        "kind": "spike",
        "open": True,
        "user": "Admin",
        "text": "spike 5 → 80/s at 10 s for 4 s",
        "arrivals": 500,
        "highest": 80.0,
        "users": 800,
        "by_class": {"Admin": 500},
    }
    assert [worker["arrivals"] for worker in document["workers"]] == [2250, 2250]
    assert len(document["seconds"]) == 110
    assert document["seconds"][0] == {"second": 0, "arrivals": 0, "rate_per_s": 0, "users": 5}
    assert sum(second["arrivals"] for second in document["seconds"]) == 4500
    assert document["user_classes"][0]["tasks"][0]["tasks"][1] == {
        "name": "leave",
        "weight": 1,
        "tasks": [],
    }
    foreign = json.loads(as_json(None, CLASSES, Wanted("users", "none"), smoke=None))
    assert (foreign["arrivals"], foreign["stages"], foreign["smoke"]) == (None, [], None)


def test_a_table_drops_then_wraps_to_fit() -> None:
    heads = ["name", "start", "text", "count"]
    rows = [["a", "0:00", "one two three four", "12"]]
    assert table(heads, rows, 80, left=("name", "text")) == [
        "  name  start  text                 count",
        "  a      0:00  one two three four      12",
    ]
    assert table(
        heads, rows, 24, left=("name", "text"), flexible="text", wraps=True, drop=("start",)
    ) == [
        "  name  text       count",
        "  a     one two       12",
        "        three",
        "        four",
    ]
