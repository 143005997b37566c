"""The text of a scenario file from its draft, as ruff would format it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadkit.init import python
from loadkit.init.draft import Body, Call, Draft, Joined, Keep, Secret, Task
from loadkit.init.python import Arguments

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_FEW = 40
"""Tasks from which on the warm-up is longer, so that each is met once or twice."""


def text(draft: Draft, shown: str) -> str:
    """The whole file.

    Args:
        draft: what it holds.
        shown: its path, as one would type it.
    """
    parts = [
        _head(shown),
        *python.comment(f"Made from {draft.source}."),
        *(line for note in draft.notes for line in python.comment(f"To do: {note}")),
        "",
        *_imports(draft),
        "",
        *_secrets(draft),
        "",
        "class FirstUser(HttpUser):",
        *python.assignment("host", draft.host, 4),
        *([""] if draft.fields() else []),
        *(f"    {name} = None  # of an earlier answer" for name in draft.fields()),
        *_defaults(draft),
    ]
    for task in draft.tasks:
        parts += ["", *_task(task)]
    parts += ["", "", *_load(draft), ""]
    return "\n".join(parts)


def _head(shown: str) -> str:
    return f'''"""A first scenario, written by loadkit init: yours to change.

    loadkit plan {shown}
    loadkit run {shown}

The first tries each task once and shows every request, the second drives the load.
"""
'''


def _imports(draft: Draft) -> list[str]:
    load = "Users" if draft.closed else "Rate"
    names = ["HttpUser", "Scenario", "Stage", load]
    wanted = ", ".join(sorted(names) + (["secret"] if draft.secrets() else []))
    waits = any(call.wait_s for task in draft.tasks for call in task.calls)
    kept = (keep for task in draft.tasks for call in task.calls for keep in call.keeps)
    steps = any("getitem(" in _keep(keep) for keep in kept)
    lines = ["from operator import getitem", ""] if steps else []
    lines += ["from gevent import sleep"] if waits else []
    return [*lines, f"from loadkit import {wanted}", "from locust import task"]


def _defaults(draft: Draft) -> list[str]:
    """What every request of a user carries."""
    if not draft.headers:
        return []
    update = python.call("self.client.headers.update", [(None, dict(draft.headers))], 8)
    return ["", "    def on_start(self) -> None:", *update.split("\n")]


def _secrets(draft: Draft) -> list[str]:
    """Read when the file is: one that is missing is said before any load."""
    if not draft.secrets():
        return []
    lines = ["# From the environment: none of them is in a file, a bundle or a report."]
    for name in draft.secrets():
        lines += python.call("secret", [(None, name)], 0, head=f"{name} = ").split("\n")
    return [*lines, ""]


def _load(draft: Draft) -> list[str]:
    if draft.closed:
        load = "Users(5)"
        why = ["# Five visitors at once, each of whom repeats the session."]
        warm = "Users(1, to=5)"
    else:
        load, warm = "Rate(5)", "Rate(2)"
        why = ["# Five arrivals a second, each of which runs one task by chance."]
    seconds = 10 if len(draft.tasks) > _FEW else 5
    return [
        *why,
        "scenario = Scenario(",
        "    [",
        f'        Stage("warm-up", load={warm}, duration={seconds}),',
        f'        Stage("steady", load={load}, duration={draft.duration_s}),',
        "    ],",
        '    slos=["errors < 1 %"],',
        ")",
    ]


# -- tasks ----------------------------------------------------------------------------------------


def _task(task: Task) -> list[str]:
    lines = [line for text in task.comments for line in python.comment(text, indent=4)]
    lines += ["    @task", f"    def {task.name}(self) -> None:"]
    if task.needs is not None:
        field, giver = task.needs
        lines += [f"        if self.{field} is None:", f"            self.{giver}()"]
    for call in task.calls:
        if call.wait_s:
            lines.append(f"        sleep({python.atom(call.wait_s)})")
        lines += _call(call)
    if task.spends is not None:
        lines.append(f"        self.{task.spends} = None")
    return lines


def _call(call: Call) -> list[str]:
    arguments = _arguments(call)
    function = "self.client.request"
    if call.method in _METHODS:
        function = f"self.client.{call.method.lower()}"
    else:
        arguments = [(None, call.method), *arguments]
    if call.expect is not None:
        arguments = [*arguments, ("catch_response", True)]
        opened = python.call(function, arguments, 8, head="with ", tail=" as answer:")
        return [
            *opened.split("\n"),
            f"            if answer.status_code == {call.expect}:  # as recorded",
            "                answer.success()",
        ]
    if call.keeps:
        opened = python.call(function, arguments, 8, head="answer = ")
        return [*opened.split("\n"), "        if answer.ok:", *map(_keep, call.keeps)]
    return python.call(function, arguments, 8).split("\n")


def _keep(keep: Keep) -> str:
    keys = "".join(f"[{python.atom(key)}]" for key in keep.keys)
    line = f"            self.{keep.field} = answer.json(){keys}"
    if python.columns(line) <= python.WIDTH:
        return line
    # One step after the other: the formatter would break such a line at a place of its own.
    lines = ["            found = answer.json()"]
    for key in keep.keys:
        step = [(None, Secret("found")), (None, key)]
        lines.append(python.call("getitem", step, 12, head="found = "))
    return "\n".join([*lines, f"            self.{keep.field} = found"])


def _arguments(call: Call) -> Arguments:
    found: list[tuple[str | None, Any]] = [(None, call.path)]
    found += [("params", dict(call.params))] if call.params else []
    found += _body(call.body) if call.body is not None else []
    headers = dict(call.headers)
    if call.body is not None and call.body.kind == "json" and call.body.value is None:
        headers.setdefault("Content-Type", "application/json")
    found += [("headers", headers)] if headers else []
    found += [("cookies", dict(call.cookies))] if call.cookies else []
    found += [("auth", call.auth)] if call.auth is not None else []
    found += [("allow_redirects", False)] if not call.follow else []
    name = call.name
    if name is None and isinstance(call.path, Joined):
        name = "".join(part if isinstance(part, str) else "{}" for part in call.path.parts)
    found += [("name", name)] if name is not None and name != call.path else []
    return found


def _body(body: Body) -> list[tuple[str | None, Any]]:
    if body.kind == "json":
        return [("data", "null")] if body.value is None else [("json", body.value)]
    if body.kind != "multipart":
        return [("data", body.value)]
    files: Mapping[str, Any] = {
        name: (file.name, file.content, *([file.content_type] if file.content_type else []))
        for name, file in body.files.items()
    }
    fields = {} if not body.value else {"data": dict(body.value)}
    if not files:
        # Fields alone: as files without a file name, so that it stays multipart.
        return [("files", {name: (None, one) for name, one in body.value.items()})]
    return [*fields.items(), ("files", files)]
