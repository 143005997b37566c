"""Stages under every kind of load, as analysis and report read them."""

from __future__ import annotations

from typing import Any

import pytest
from analyse_run import Book, stage

from loadkit.analyse import analyse
from loadkit.analyse.context import Context
from loadkit.analyse.result import Analysis
from loadkit.model import Load, Rate, Sine, Spike, Stage, Steps, Users
from loadkit.report import tables
from loadkit.report.json import render
from loadkit.scenario.summary import summary


def _stage(name: str, start: float, duration: float, load: Load | list[Load]) -> dict[str, Any]:
    said = summary(Stage(name, load, duration))
    return stage(name, start, duration) | {"load": said}


def _analysed(*stages: dict[str, Any], rate: int = 10, **more: Any) -> Analysis:
    book = Book(*stages)
    end = round(sum(one["duration_s"] for one in stages))
    book.steady(0, end, rate, 0.01, **more)
    book.idle_generator(end)
    return analyse(book.run())


def _planned(analysis: Analysis) -> dict[str, str]:
    """What the table of stages says is planned."""
    table = tables.stages(analysis)
    column = [c.name for c in table.columns].index("planned")
    return {row[0].text: row[column].text for row in table.rows}


def test_shapes_are_open_and_told_in_words() -> None:
    result = _analysed(
        _stage("flat", 0, 10, Rate(10)),
        _stage("up", 10, 10, Rate(5, to=15)),
        _stage("spike", 20, 10, Spike(5, 55, begin=4, length=1)),
        _stage("steps", 30, 10, Steps([5, 10, 15])),
        _stage("sine", 40, 10, Sine(10, 5, 10)),
    )
    assert _planned(result) == {
        "flat": "10.0/s",
        "up": "5.00/s → 15.0/s",
        "spike": "spike 5 → 55/s at 4 s for 1 s",
        "steps": "5 → 15/s in 3 steps of 3.333 s",
        "sine": "sine 10 ± 5/s every 10 s",
    }
    assert [s.mean_rate for s in result.stages] == pytest.approx([10] * 5)
    assert [s.offered for s in result.stages] == [10] * 5
    assert all(s.users is None and not s.mixed for s in result.stages)
    offered = next(line for line in result.rate_lines if line.name == "offered")
    assert offered.y == tuple([10.0] * 50)


def test_the_highest_load_is_the_one_with_the_highest_mean() -> None:
    """A spike begins and ends low, and is the busiest stage here all the same."""
    book = Book(_stage("flat", 0, 10, Rate(10)), _stage("burst", 10, 10, Spike(5, 100, 2, 6)))
    context = Context(book.run())
    assert [s.level for s in context.stages] == pytest.approx([10, 62])
    assert context.peak is not None and context.peak.name == "burst"
    assert context.base is not None and context.base.name == "flat"


def test_a_spike_that_held_is_not_said_to_have_held_its_base() -> None:
    book = Book(_stage("burst", 0, 10, Spike(5, 10, begin=0, length=10)))
    book.steady(0, 10, 10, 0.01)
    book.idle_generator(10)
    assert analyse(book.run()).headline.startswith("burst held 10/s")


def test_open_and_closed_at_once() -> None:
    mixed = _stage("both", 0, 10, [Rate(10, user="A"), Users(4, user="B", pacing=1)])
    book = Book(mixed)
    book.steady(0, 10, 10, 0.01)
    book.steady(0, 10, 4, 0.01, arrival=False, operation="GET /clerk")
    book.idle_generator(10)
    result = analyse(book.run())
    (found,) = result.stages
    assert found.mixed
    assert (found.planned_rate, found.users, found.offered) == ((10, 10), (4, 4), 10)
    assert found.achieved == pytest.approx(14)
    assert _planned(result) == {"both": "A 10/s + B 4 users, pacing 1 s"}
    assert result.headline.startswith("both completed 14/s, 10/s offered beside 4 users")
    method = dict(result.method)
    assert "open model" in method["Load"] and "closed model" in method["Load"]
    assert not [f for f in result.findings if f.slug == "rate-not-reached"]
    assert '"load": "A 10/s + B 4 users, pacing 1 s"' in render(result)


def test_closed_stages_do_not_count_towards_requests_an_arrival() -> None:
    book = Book(_stage("open", 0, 10, Rate(10)), _stage("closed", 10, 10, Users(5)))
    book.steady(0, 10, 10, 0.01)
    book.steady(10, 20, 90, 0.01, arrival=False)
    book.idle_generator(20)
    result = analyse(book.run())
    assert [s.users for s in result.stages] == [None, (5, 5)]
    assert not [f for f in result.findings if f.slug == "rate-not-reached"]


def test_several_closed_loads_are_a_closed_stage() -> None:
    loads: list[Load] = [Users(1, to=3, user="A"), Users(5, user="B")]
    book = Book(_stage("s", 0, 10, loads))
    book.steady(0, 10, 10, 0.01, arrival=False)
    (found,) = analyse(book.run()).stages
    assert (found.planned_rate, found.users, found.offered) == (None, (6, 8), None)
    assert (Context(book.run()).stages[0].kind, found.load) == (
        "users",
        "A 1 → 3 users + B 5 users",
    )
