"""Which cores are taken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from loadkit.bench.cores import choose, siblings
from loadkit.errors import UsageError


def threads(*groups: set[int]) -> Callable[[int], frozenset[int]]:
    """Cores that share a physical one."""
    return lambda core: next(frozenset(g) for g in groups if core in g)


def test_the_last_two_physical_cores_are_taken() -> None:
    found = choose(frozenset({0, 1, 2, 3}), threads({0, 2}, {1, 3}))
    assert (found.generator, found.server, found.note) == (3, 2, None)


def test_threads_of_one_core_are_told_apart() -> None:
    found = choose(frozenset({0, 1, 2, 3}), threads({0, 1}, {2, 3}))
    assert (found.generator, found.server, found.note) == (3, 1, None)


def test_two_threads_of_the_only_core_are_taken_and_said() -> None:
    found = choose(frozenset({4, 5}), threads({4, 5}))
    assert (found.generator, found.server) == (5, 4)
    assert found.note is not None
    assert "threads of one physical core" in found.note


def test_one_core_is_refused() -> None:
    with pytest.raises(UsageError, match="two cores") as caught:
        choose(frozenset({0}))
    assert caught.value.exit_status == 2
    assert "may use 1" in str(caught.value)


def test_a_core_is_its_own_sibling() -> None:
    assert 0 in siblings(0)
    assert siblings(99_999) == {99_999}
