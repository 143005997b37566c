"""Tasks that never hand control back: in a staged run their user would serve nobody else."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from locust.user.task import TaskSet
from locust.user.users import User

from loadkit.errors import ScenarioError

_LEAVES = frozenset(
    {
        "interrupt",
        "InterruptTaskSet",
        "StopUser",
        "StopTest",
        "RescheduleTask",
        "RescheduleTaskImmediately",
    }
)


def refuse_endless(classes: Iterable[Any]) -> None:
    """Every task of a user comes to an end, as far as can be seen without running it.

    Raises:
        ScenarioError: one is a TaskSet in which nothing ever interrupts it, or a user has a loop of
            its own instead of tasks.
    """
    for cls in classes:
        if cls.run is not User.run:
            raise ScenarioError(
                f"user {cls.__qualname__} runs by itself: there are no tasks to start one by one",
                where=_where(cls),
                remedy="Give the stages users with tasks.",
            )
        for found in _sets(getattr(cls, "tasks", ())):
            if never_returns(found, cls):
                raise ScenarioError(
                    f"task set {found.__qualname__} never returns to its user",
                    where=_where(found),
                    remedy="Call self.interrupt() in one of its tasks when an iteration is over.",
                )


def _sets(tasks: Iterable[Any]) -> Iterator[type[TaskSet]]:
    """The task sets among tasks, and those within them, each once."""
    seen: set[Any] = set()
    left = list(tasks)
    while left:
        task = left.pop(0)
        if isinstance(task, type) and issubclass(task, TaskSet) and task not in seen:
            seen.add(task)
            yield task
            left += getattr(task, "tasks", ())


def never_returns(cls: type[TaskSet], user: type | None = None) -> bool:
    """Whether nothing that a TaskSet's own tasks call hands control back.

    Judged by the names that its functions use, its ``on_start`` and its bases' included, and those
    of the functions they name in their module, in the set and in the class ``user``: a set that
    might return counts as one that does.
    """
    left = [
        value
        for base in cls.__mro__
        if base.__module__.partition(".")[0] != "locust"
        for value in vars(base).values()
    ]
    left += list(getattr(cls, "tasks", []))
    seen: set[int] = set()
    while left:
        function = inspect.unwrap(left.pop()) if callable(left[-1]) else left.pop()
        code = getattr(function, "__code__", None)
        if code is None or id(code) in seen:
            continue
        seen.add(id(code))
        names = set(_names(code))
        if names & _LEAVES:
            return False
        left += _named(names, function, cls, user)
    return True


def _names(code: Any) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if hasattr(const, "co_names"):
            yield from _names(const)


def _named(names: Iterable[str], function: Any, cls: type, user: type | None) -> list[Any]:
    """Functions that these names may stand for."""
    cells = getattr(function, "__closure__", None) or ()
    found = [cell.cell_contents for cell in cells if inspect.isfunction(_content(cell))]
    module = getattr(function, "__globals__", {})
    for name in names:
        places = (module.get(name), getattr(cls, name, None), getattr(user, name, None))
        found += [
            place
            for place in places
            if inspect.isfunction(place) and place.__module__.partition(".")[0] != "locust"
        ]
    return found


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _where(cls: type) -> str | None:
    try:
        file = inspect.getsourcefile(cls)
        _, line = inspect.getsourcelines(cls)
    except (OSError, TypeError):
        return None
    return f"{file}:{line}"
