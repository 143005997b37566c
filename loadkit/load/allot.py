"""How many users of which class a run needs, and who comes next: pure, the same in every worker.

The users of a load are put in an order, by turns (``Mix``); worker k of n has every n-th of them
from the k-th on. So the workers' users are those of one process, each once, whatever their
number; but an open load needs a user in every worker that serves its arrivals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from loadkit.load.mix import Mix
from loadkit.model import Scenario, Stage, Users
from loadkit.model.load import Load
from loadkit.scenario.classes import classes_of


class Kind(NamedTuple):
    """A class of users: its share by weight, or a fixed number of it."""

    name: str
    weight: float = 1
    fixed: int = 0


def kinds(classes: Iterable[Any]) -> tuple[Kind, ...]:
    """Of Locust's user classes."""
    return tuple(
        Kind(cls.__name__, float(cls.weight or 0), int(getattr(cls, "fixed_count", 0) or 0))
        for cls in classes
    )


def serving(stage: Stage, load: Load, known: Sequence[Kind]) -> tuple[Kind, ...]:
    """The classes that serve a load of a stage."""
    names = classes_of(stage, load, [kind.name for kind in known])
    return tuple(kind for kind in known if kind.name in names)


def shares(total: int, known: Sequence[Kind]) -> dict[str, float]:
    """What part of ``total`` users each class is: fixed numbers first, the rest by weight."""
    found: dict[str, float] = {}
    left = total
    for kind in known:
        if kind.fixed:
            found[kind.name] = number = min(kind.fixed, left)
            left -= number
    rest = [kind for kind in known if not kind.fixed]
    weights = {kind.name: max(0.0, kind.weight) for kind in rest}
    if not any(weights.values()):
        weights = dict.fromkeys(weights, 1.0)
    whole = sum(weights.values()) or 1.0
    found |= {name: left * weight / whole for name, weight in weights.items()}
    return {kind.name: found[kind.name] / total for kind in known}


def order(total: int, known: Sequence[Kind], worker: int = 0, workers: int = 1) -> list[str]:
    """The classes of this worker's users of a closed load of ``total``, in the order they begin."""
    if len(known) == 1:
        return [known[0].name] * split(total, worker, workers)
    mix = Mix(_whole(total, known))
    return [mix.next() for _ in range(total)][worker::workers]


def _whole(total: int, known: Sequence[Kind]) -> dict[str, int]:
    """Whole numbers of users, largest remainders first."""
    exact = {name: share * total for name, share in shares(total, known).items()}
    found = {name: int(number + 1e-9) for name, number in exact.items()}
    by_rest = sorted(exact, key=lambda name: found[name] - exact[name])
    for name in by_rest[: total - sum(found.values())]:
        found[name] += 1
    return found


def split(total: int, worker: int, workers: int) -> int:
    """How many of ``total`` are a worker's."""
    return total // workers + (worker < total % workers)


def limit(load: Load, worker: int = 0, workers: int = 1) -> int:
    """How many arrivals of an open load this worker may have under way: at least one."""
    return max(1, split(load.pool, worker, workers))


def needed(
    stage: Stage, load: Load, known: Sequence[Kind], worker: int, workers: int
) -> Counter[str]:
    """Users of each class that a load needs in a worker."""
    serve = serving(stage, load, known)
    if isinstance(load, Users):
        return Counter(order(load.pool, serve, worker, workers))
    found = Counter(order(limit(load, worker, workers), serve))
    for name, share in shares(load.pool, serve).items():
        if share > 0:  # its arrivals come here too, and nobody else may serve them
            found[name] = max(1, found[name])
    return found


def pool_of(
    scenario: Scenario, known: Sequence[Kind], worker: int = 0, workers: int = 1
) -> dict[str, int]:
    """Users of each class that a worker needs for all stages, the ones without left out.

    ``known`` are the classes that the run uses (``kinds`` of Locust's ``user_classes``).
    """
    most: Counter[str] = Counter()
    for stage in scenario.stages:
        for load in stage.loads:
            most |= needed(stage, load, known, worker, workers)
    return dict(most)


class Turns:
    """Whose turn each arrival of a stage is, by the number of the arrival in it."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._mix = Mix(weights)
        self._only = next(iter(weights)) if len(weights) == 1 else None
        self._next = 0

    def at(self, turn: int) -> str:
        """The class of a turn; asked for in ascending order."""
        if self._only is not None:
            return self._only
        while self._next < turn:
            self._mix.next()
            self._next += 1
        self._next += 1
        return self._mix.next()
