"""``loadkit plan``."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from loadkit.cli import options as shared
from loadkit.cli.quick import Chosen, add_quick, chosen, file_or_url
from loadkit.config import Config, load_config
from loadkit.errors import TargetError, UsageError
from loadkit.load.allot import Kind
from loadkit.report.exchange import Exchanges
from loadkit.report.outlook import Outlook
from loadkit.report.planned import Foreign, Task, Wanted, planned, planned_foreign
from loadkit.report.planned_json import as_json
from loadkit.run.describe import Asked, Description
from loadkit.run.interrupts import Interrupted, Interrupts
from loadkit.run.plan import Plan, make_plan
from loadkit.run.request import RunRequest
from loadkit.run.settle import settle
from loadkit.run.smoke import Smoked, smoke
from loadkit.run.targets import check_allowed, check_reachable

NAME = "plan"

FAILED = 3
_NOWHERE = "http://127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit plan``."""
    parser.add_argument(
        "file", nargs="?", type=file_or_url, metavar="FILE", help="scenario, locustfile or URL"
    )
    shared.add_load(parser.add_argument_group("load"))
    add_quick(parser)
    parser.add_argument(
        "--stack",
        choices=("none", "embedded", "external"),
        help="default: the scenario's; of the embedded one only the service is started",
    )
    parser.add_argument(
        "--workers",
        type=shared.whole,
        default=1,
        metavar="N",
        help="also say how the load is shared by N workers",
    )
    parser.add_argument("--no-smoke", action="store_true", help="send nothing")
    parser.add_argument(
        "--json",
        nargs="?",
        action="append",
        default=[],
        const=True,
        metavar="TEXT|@FILE",
        help="counts and every second as JSON; with --url and a value, the body of the request",
    )
    parser.epilog = (
        "Other options are handed to Locust and to the file's own parser (for example --tags).\n"
        "Exit status 3: a request of the smoke iteration failed, or a task raised."
    )


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command."""
    shared.refuse_replaced(unknown)
    body = _split_json(options)
    with chosen(options, NAME, body) as what:
        return _execute(options, unknown, what)


def _split_json(options: argparse.Namespace) -> str | None:
    """``--json`` alone asks for JSON; a value is the body for a URL, or else the file."""
    values = [value for value in options.json if value is not True]
    if values and options.url is None and options.file is None and options.locustfile is None:
        options.file = file_or_url(values.pop(0))
        options.json = [True]
    options.json = any(value is True for value in options.json)
    return values[-1] if values else None


def _execute(options: argparse.Namespace, unknown: list[str], what: Chosen) -> int:
    request = RunRequest(
        file=what.file,
        locust_args=tuple(unknown),
        host=options.host,
        users=options.users,
        spawn_rate=options.spawn_rate,
        duration=options.duration,
        settings=tuple(options.settings),
        stack=options.stack,
    )
    try:
        return asyncio.run(_Look(what.into(request), options).take())
    except Interrupted:
        print("interrupted", file=sys.stderr)
        return 130


class _Look:
    """One look at a file."""

    def __init__(self, request: RunRequest, options: argparse.Namespace) -> None:
        self._request = request
        self._json: bool = options.json
        self._smoke: bool = not options.no_smoke
        self._workers: int = options.workers
        self._width = shutil.get_terminal_size((100, 24)).columns
        self._colour = (
            sys.stdout.isatty()
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM") != "dumb"
        )
        self._frames: list[dict[str, Any]] = []

    async def take(self) -> int:
        """Plans, shows, tries; returns the exit status."""
        with Interrupts(lambda text: print(text, file=sys.stderr)) as interrupts:
            config = load_config(Path.cwd())
            with Asked(self._request.file, self._request.locust_args) as asked:
                found = await interrupts.race(asked.answer())
            scenario_stack = found.scenario.stack if found.scenario else None
            settled = settle(self._request, config, scenario_stack)
            self._request, config = settled.request, settled.config
            plan = self._plan(found)
            if plan.scenario is None and self._workers > 1:
                raise UsageError(
                    "--workers: what the users of a plain locustfile will do is not known "
                    "beforehand",
                    where=str(self._request.file),
                    remedy="Leave it out; loadkit run --workers N shares them evenly.",
                )
            if self._smoke:
                await interrupts.race(self._check_targets(plan, found, config))
            if not self._json:
                print(self._drawn(plan, found), flush=True)
            smoked = None
            if self._smoke:
                smoked = await interrupts.race(self._try(plan, config))
            if self._json:
                sys.stdout.write(self._document(plan, found, smoked))
            return FAILED if smoked is not None and smoked.failures else 0

    def _plan(self, found: Description) -> Plan:
        request = self._request
        if request.stack == "external":
            request = replace(request, prometheus=_NOWHERE)  # a run needs one, a look does not
        try:
            return make_plan(request, found)
        except TargetError:
            if self._smoke:
                raise
            # Nothing will be sent, so nothing has to say where.
            return make_plan(replace(request, host=_NOWHERE), found)

    async def _check_targets(self, plan: Plan, found: Description, config: Config) -> None:
        if plan.stack == "embedded":
            return
        targets = [plan.host] if plan.host else list(found.hosts)
        for target in targets:
            check_allowed(target, config.allowed_targets)
        for target in targets:
            await check_reachable(target, config.allowed_targets)

    # -- shown ----------------------------------------------------------------------------------

    def _outlook(self, plan: Plan, found: Description) -> Outlook | None:
        if plan.scenario is None:
            return None
        return Outlook(plan.scenario, _classes(found), workers=self._workers)

    def _drawn(self, plan: Plan, found: Description) -> str:
        outlook, wanted = self._outlook(plan, found), _wanted(plan, found)
        if outlook is not None:
            return planned(outlook, wanted, self._width, self._colour)
        load = Foreign(plan.users, plan.spawn_rate, plan.duration, found.shape)
        return planned_foreign(load, _classes(found), wanted, self._width, self._colour)

    def _document(self, plan: Plan, found: Description, smoked: Smoked | None) -> str:
        tried = None
        if smoked is not None:
            tried = {
                "tasks": smoked.tasks,
                "requests": smoked.requests,
                "failures": smoked.failures,
                "frames": self._frames,
            }
        return as_json(
            self._outlook(plan, found), _classes(found), _wanted(plan, found), smoke=tried
        )

    async def _try(self, plan: Plan, config: Config) -> Smoked:
        exchanges = Exchanges(self._width, self._colour)

        def show(frame: Any) -> None:
            if self._json:
                self._frames.append(dict(frame))
            elif (text := exchanges.render(frame)) is not None:
                print(text, flush=True)

        smoked = await smoke(plan, self._request, config, show)
        if not self._json:
            print(exchanges.summary(smoked.tasks, smoked.requests, smoked.failures), flush=True)
        return smoked


def _classes(found: Description) -> list[Kind]:
    return [
        Kind(user["name"], float(user.get("weight") or 0), int(user.get("fixed_count") or 0))
        for user in found.users
    ]


def _wanted(plan: Plan, found: Description) -> Wanted:
    return Wanted(
        title=plan.name,
        stack=plan.stack,
        tasks={user["name"]: _tasks(user) for user in found.users},
        slos=[slo.text for slo in plan.slos],
        expect=plan.expect,
        forbid=plan.forbid,
        faults=[str(fault) for fault in plan.faults],
        abort=[str(rule) for rule in plan.abort],
    )


def _tasks(user: dict[str, Any]) -> tuple[Task, ...]:
    tree = user.get("tree")
    return _tree(tree) if tree else tuple(Task(name) for name in user["tasks"])


def _tree(tasks: Sequence[dict[str, Any]]) -> tuple[Task, ...]:
    return tuple(Task(task["name"], task["weight"], _tree(task["tasks"])) for task in tasks)
