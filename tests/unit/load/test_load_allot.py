"""Who serves what: the workers' users and arrivals are those of one process, each once."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.load.allot import Kind, Turns, limit, order, pool_of, shares, split
from loadkit.model import Rate, Scenario, Stage, Users

_kinds = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from([0, 0, 0, 1, 3])), min_size=1, max_size=5
).map(lambda parts: [Kind(f"C{n}", weight, fixed) for n, (weight, fixed) in enumerate(parts)])


@given(_kinds, st.integers(1, 60), st.integers(1, 7))
def test_the_users_of_workers_are_those_of_one_process(
    known: list[Kind], total: int, workers: int
) -> None:
    whole = order(total, known)
    assert len(whole) == total
    parts = [order(total, known, worker, workers) for worker in range(workers)]
    assert Counter(name for part in parts for name in part) == Counter(whole)
    assert [len(part) for part in parts] == [split(total, k, workers) for k in range(workers)]
    # Also of the first so many of them, while a ramp is under way.
    for wanted in range(total + 1):
        begun = [part[: split(wanted, k, workers)] for k, part in enumerate(parts)]
        assert Counter(n for part in begun for n in part) == Counter(whole[:wanted])


@given(_kinds, st.integers(1, 60))
def test_fixed_numbers_come_first_and_the_rest_is_by_weight(known: list[Kind], total: int) -> None:
    found = shares(total, known)
    assert sum(found.values()) == pytest.approx(1) or all(kind.fixed for kind in known)
    left = total
    for kind in known:
        if kind.fixed:
            assert found[kind.name] * total == pytest.approx(min(kind.fixed, left))
            left -= min(kind.fixed, left)
    counts = Counter(order(total, known))
    if any(not kind.fixed for kind in known):
        for kind in known:
            assert abs(counts[kind.name] - found[kind.name] * total) <= 1


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 5))
def test_the_turns_of_workers_are_those_of_one_process(weights: list[int], workers: int) -> None:
    shares_by_name = {f"C{n}": float(weight) for n, weight in enumerate(weights)}
    one = Turns(shares_by_name)
    expected = [one.at(turn) for turn in range(40)]
    several = [Turns(shares_by_name) for _ in range(workers)]
    assert [several[turn % workers].at(turn) for turn in range(40)] == expected


def test_the_pool_is_the_most_that_any_stage_needs() -> None:
    shopper, clerk = Kind("Shopper", 3), Kind("Clerk", 1)
    scenario = Scenario(
        [
            Stage("a", Users(8), 1),
            Stage("b", [Rate(5, max_users=7, user="Shopper"), Users(3, user="Clerk")], 1),
            Stage("c", [Users(2, to=4, user="Clerk"), Rate(1, max_users=2)], 1),
        ],
        name="n",
    )
    assert pool_of(scenario, [shopper, clerk]) == {"Shopper": 7, "Clerk": 4}
    parts = [pool_of(scenario, [shopper, clerk], k, 3) for k in range(3)]
    assert parts == [
        {"Shopper": 3, "Clerk": 2},
        {"Shopper": 3, "Clerk": 1},
        {"Shopper": 2, "Clerk": 1},
    ]


def test_an_open_load_has_a_user_of_each_class_in_each_worker() -> None:
    known = [Kind("Often", 99), Kind("Rarely", 1)]
    scenario = Scenario([Stage("a", Rate(1, max_users=3), 1)], name="n")
    assert [pool_of(scenario, known, k, 4) for k in range(4)] == [{"Often": 1, "Rarely": 1}] * 4
    assert [limit(scenario.stages[0].loads[0], k, 4) for k in range(4)] == [1, 1, 1, 1]
    assert sum(limit(Rate(1, max_users=10), k, 4) for k in range(4)) == 10
