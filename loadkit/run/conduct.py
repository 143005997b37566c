"""``loadkit run``: plan, start, drive, collect, stop, judge."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

import loadkit
from loadkit.bundle.clock import read_pair
from loadkit.bundle.manifest import Manifest
from loadkit.bundle.writer import create
from loadkit.config import load_config
from loadkit.errors import LoadkitError, UsageError
from loadkit.model import Finding, Severity
from loadkit.model.roles import Roles
from loadkit.run import abort, observed
from loadkit.run import rules as stack_rules
from loadkit.run.context import Run, Screen, keep_time
from loadkit.run.describe import Asked
from loadkit.run.finish import Outcome, close_bundle, judge
from loadkit.run.interrupts import Interrupted, Interrupts
from loadkit.run.plan import DRAIN_S
from loadkit.run.prepare import Prepared, prepare
from loadkit.run.request import RunRequest
from loadkit.run.surroundings import Surroundings
from loadkit.run.watched import Watched
from loadkit.run.workers import master_plan
from loadkit.scenario import codec
from loadkit.stack.guard import Guard


async def conduct(
    request: RunRequest, asked: Asked, screen: Screen, told: Callable[[Outcome], None]
) -> Outcome:
    """Does a whole run.

    Args:
        request: what the user asked for.
        asked: a load child that is importing the request's file.
        screen: shows it while it goes on.
        told: called when the report is written; who watches the live page is served after that.

    Raises:
        UsageError: something is wrong with the request; nothing was started.
        LoadkitError: loadkit failed before there was anything to judge.
        Interrupted: the user stopped it before there was a bundle.
    """
    with Interrupts(screen.say) as interrupts:
        ready = await interrupts.race(prepare(request, asked, load_config(Path.cwd()), screen))
        request, plan = ready.request, ready.plan
        workers = master_plan(request, plan)
        async with Watched(request) as watched:
            run = _open_bundle(ready, screen)
            screen.say(f"loadkit · {plan.name} · {plan.stack} stack · {_shown(run.directory)}")
            async with _clock_and_disk(run), Guard(run.manifest.run_id):
                await watched.start(run)
                around = Surroundings(run, ready, workers)
                await _measure(run, around, interrupts)
            screen.clear()
            close_bundle(run)
            outcome = judge(run)
            told(outcome)
            await watched.finish(interrupts)
        return outcome


def _open_bundle(ready: Prepared, screen: Screen) -> Run:
    request, plan = ready.request, ready.plan
    started = datetime.now(UTC)
    run_id = secrets.token_hex(8)
    manifest = Manifest(
        name=plan.name,
        run_id=run_id,
        created=started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        loadkit_version=loadkit.__version__,
        supervisor_pid=os.getpid(),
        argv=list(request.argv),
        file=request.shown or str(request.file),
        target=_without_userinfo(ready.target),
        scenario=None if plan.scenario is None else codec.to_dict(plan.scenario),
        stages=plan.stages(),
        drain_s=DRAIN_S,
        stack={"kind": plan.stack}
        | ({} if ready.rules is None else stack_rules.for_manifest(ready.rules))
        | dict(ready.external.stack),
        expect=list(plan.expect),
        forbid=list(plan.forbid),
        slos=[slo.text for slo in plan.slos],
        faults=[str(fault) for fault in plan.faults],
        fail_on=request.fail_on,
        host=_host(),
        versions={"loadkit": loadkit.__version__},
        observing=observed.last(),
        abort=abort.for_manifest(plan, None),
        signals=Roles.from_settings(asdict(ready.config.signals)).as_dict(),
        max_rate=plan.max_rate,
    )
    for number in range(100):
        suffix = f"-{number + 1}" if number else ""
        directory = ready.config.run.reports / f"{started:%Y-%m-%dT%H-%M-%S}-{plan.name}{suffix}"
        if not directory.exists():
            return Run(directory, manifest, create(directory, manifest), plan, screen)
    raise UsageError(
        "a hundred bundles of this second exist already", where=str(ready.config.run.reports)
    )


def _without_userinfo(host: str | None) -> str | None:
    if host is None or "@" not in host:
        return host
    scheme, _, rest = host.partition("//")
    return f"{scheme}//{rest.rpartition('@')[2]}"


def _host() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _shown(directory: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(directory.resolve().relative_to(Path.cwd()))
    return str(directory)


@contextlib.asynccontextmanager
async def _clock_and_disk(run: Run) -> AsyncIterator[None]:
    keeper = asyncio.create_task(keep_time(run))
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.wait({keeper})
        mono, wall = read_pair()
        run.writer.append("clock", [{"mono_ns": mono, "wall_ns": wall}])


async def _measure(run: Run, around: Surroundings, interrupts: Interrupts) -> None:
    """Everything between an open bundle and a closed one; whatever happens is in the manifest."""
    try:
        try:
            await interrupts.race(around.start())
            driver, timed = await interrupts.race(around.start_load())
            await driver.drive(interrupts)
            timed.cancel()
            await asyncio.wait({timed})
        finally:
            await _stop(around, interrupts)
    except Interrupted:
        run.manifest.load_end = {"reason": "interrupted", "message": "before the load began"}
    except LoadkitError as error:
        what = " ".join(error.what.split())
        run.manifest.load_end = {"reason": "error", "message": what}
        evidence = {"remedy": error.remedy} if error.remedy else {}
        run.note(Finding("start-failed", Severity.ERROR, what, evidence))
        run.screen.say(f"error: {error}")
    run.manifest.end_mono_ns = run.manifest.end_mono_ns or time.monotonic_ns()


async def _stop(around: Surroundings, interrupts: Interrupts) -> None:
    if interrupts.twice.is_set():
        await around.stop(quick=True)
        return
    try:
        await interrupts.race(around.stop(quick=False), quick=True)
    except Interrupted:
        await around.stop(quick=True)
