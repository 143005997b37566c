"""Which operation gives the id that another one needs.

An id that the document gives no value for can only come from the service: from the operation that
makes such a thing (``POST /orders`` for ``GET /orders/{id}``), if what it answers has the id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from loadkit.init import names
from loadkit.init.document import Document, below
from loadkit.init.draft import Call, Field, Joined, Keep, Task
from loadkit.init.flatten import Flattener, NoExampleError

_SUCCESS = ("201", "200", "202", "2XX", "2xx")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: what is sent, and what is known about it.

    ``template`` is its path with names in braces, ``answers`` are the keys of the JSON object it
    answers with, ``made_up`` the parameters of its path that have no value from the document.
    """

    id: str
    method: str
    template: str
    task: Task
    answers: tuple[str, ...] = ()
    made_up: tuple[str, ...] = ()
    prefix: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def answers(document: Document, operation: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """Keys of the object that an operation answers with when all is well; empty if unknown."""
    responses = operation.get("responses")
    if not isinstance(responses, Mapping):
        return ()
    for status in _SUCCESS:
        if status not in responses:
            continue
        where = below(path, "responses", status)
        content = document.follow(responses[status], where).get("content") or {}
        media = content.get("application/json") or {}
        try:
            for flat, _ in Flattener(document).flats(media.get("schema", True), where, ()):
                return tuple(flat.get("properties") or ())
        except NoExampleError:
            return ()
    return ()


def linked(operations: list[Operation], unique: names.Unique) -> list[Task]:
    """The tasks of operations, those that need an id taking it from the one that gives it."""
    makers = {
        one.template.rstrip("/"): one
        for one in operations
        if one.method == "POST" and not one.made_up and one.answers
    }
    tasks = {one.id: one.task for one in operations}
    fields: dict[str, Keep] = {}
    for one in operations:
        found = _source(one, makers)
        if found is None:
            continue
        maker, key = found
        if maker.id not in fields:
            fields[maker.id] = Keep(unique.take(_field_name(one.made_up[0], maker)), (key,))
        keep = fields[maker.id]
        if keep.keys != (key,):
            continue
        tasks[maker.id] = _keeping(tasks[maker.id], keep)
        tasks[one.id] = _needing(one, tasks[one.id], keep, tasks[maker.id].name)
    return [tasks[one.id] for one in operations]


def _source(one: Operation, makers: Mapping[str, Operation]) -> tuple[Operation, str] | None:
    if len(one.made_up) != 1:
        return None
    name = one.made_up[0]
    prefix, _, rest = one.template.partition("{" + name + "}")
    maker = makers.get(prefix.rstrip("/"))
    if maker is None or not prefix.endswith("/") or (rest and not rest.startswith("/")):
        return None
    known = {names.words(key): key for key in reversed(maker.answers)}
    parts = names.words(name).split("_")
    for wanted in ("_".join(parts), parts[-1], "id"):
        if wanted in known:
            return maker, known[wanted]
    # ticketNumber for {number}
    longer = [key for word, key in known.items() if word.endswith("_" + "_".join(parts))]
    return (maker, longer[0]) if len(longer) == 1 else None


def _field_name(parameter: str, maker: Operation) -> str:
    name = names.words(parameter)
    if "_" in name:
        return names.method_name(name)
    last = maker.template.rstrip("/").rpartition("/")[2]
    return names.method_name(f"{last}_{name}")


def _keeping(task: Task, keep: Keep) -> Task:
    return replace(task, calls=tuple(replace(call, keeps=(keep,)) for call in task.calls))


def _needing(one: Operation, task: Task, keep: Keep, giver: str) -> Task:
    before, _, after = one.template.partition("{" + one.made_up[0] + "}")
    for name, value in one.values.items():
        before, after = (text.replace("{" + name + "}", value) for text in (before, after))
    path = Joined((one.prefix + before, Field(keep.field), after))
    calls = tuple(_with_path(call, path) for call in task.calls)
    spends = keep.field if one.method == "DELETE" and not after else None
    return replace(task, calls=calls, needs=(keep.field, giver), spends=spends)


def _with_path(call: Call, path: Joined) -> Call:
    return replace(call, path=path)
