"""``loadkit run``: plan, start, drive, collect, stop, judge."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import secrets
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

import loadkit
from loadkit.alerts.prepare import PreparedRules
from loadkit.bundle.clock import read_pair
from loadkit.bundle.manifest import Manifest
from loadkit.bundle.writer import create
from loadkit.collect import headers
from loadkit.collect.fetch import base_url
from loadkit.config import Config, load_config
from loadkit.errors import LoadkitError, UsageError
from loadkit.model import Finding, Severity
from loadkit.run import observed
from loadkit.run import rules as stack_rules
from loadkit.run.context import Run, Screen, keep_time
from loadkit.run.describe import describe
from loadkit.run.finish import Outcome, close_bundle, judge
from loadkit.run.interrupts import Interrupted, Interrupts
from loadkit.run.plan import DRAIN_S, Plan, make_plan
from loadkit.run.request import RunRequest
from loadkit.run.surroundings import Surroundings
from loadkit.run.targets import check_allowed, check_reachable
from loadkit.run.workers import master_plan
from loadkit.scenario import codec
from loadkit.stack.guard import Guard


async def conduct(request: RunRequest, screen: Screen) -> Outcome:
    """Does a whole run.

    Raises:
        UsageError: something is wrong with the request; nothing was started.
        LoadkitError: loadkit failed before there was anything to judge.
        Interrupted: the user stopped it before there was a bundle.
    """
    with Interrupts(screen.say) as interrupts:
        config = load_config(Path.cwd())
        plan, prepared = await interrupts.race(_prepare(request, config, screen))
        workers = master_plan(request, plan)
        run = _open_bundle(request, plan, prepared, screen)
        screen.say(f"loadkit · {plan.name} · {plan.stack} stack · {_shown(run.directory)}")
        async with _clock_and_disk(run), Guard(run.manifest.run_id):
            around = Surroundings(run, request, config, prepared, workers)
            await _measure(run, around, interrupts)
        screen.clear()
        close_bundle(run)
        return judge(run)


async def _prepare(
    request: RunRequest, config: Config, screen: Screen
) -> tuple[Plan, PreparedRules | None]:
    found = await describe(request.file, request.locust_args)
    plan = make_plan(request, found)
    _check_sources(request)
    if plan.stack == "embedded":
        prepared = await stack_rules.prepared(request.rules, screen.say)
        stack_rules.check_alert_names(plan, prepared)
        return plan, prepared
    targets = [plan.host] if plan.host else list(found.hosts)
    for target in targets:
        check_allowed(target, config.allowed_targets)
    for target in targets:
        await check_reachable(target, config.allowed_targets)
    return plan, None


def _check_sources(request: RunRequest) -> None:
    if request.pid is not None and not psutil.pid_exists(request.pid):
        raise UsageError(f"--pid {request.pid}: there is no such process")
    for option, url in (
        ("--prometheus", request.prometheus),
        ("--alertmanager", request.alertmanager),
    ):
        if url is not None:
            base_url(url, option)
    headers.from_environment(headers.PROMETHEUS)
    headers.from_environment(headers.ALERTMANAGER)


def _open_bundle(
    request: RunRequest, plan: Plan, prepared: PreparedRules | None, screen: Screen
) -> Run:
    started = datetime.now(UTC)
    run_id = secrets.token_hex(8)
    manifest = Manifest(
        name=plan.name,
        run_id=run_id,
        created=started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        loadkit_version=loadkit.__version__,
        supervisor_pid=os.getpid(),
        argv=list(request.argv),
        file=str(request.file),
        target=_without_userinfo(plan.host),
        scenario=None if plan.scenario is None else codec.to_dict(plan.scenario),
        stages=plan.stages(),
        drain_s=DRAIN_S,
        stack={"kind": plan.stack}
        | ({} if prepared is None else stack_rules.for_manifest(prepared)),
        expect=list(plan.expect),
        forbid=list(plan.forbid),
        slos=[slo.text for slo in plan.slos],
        faults=[str(fault) for fault in plan.faults],
        fail_on=request.fail_on,
        host=_host(),
        versions={"loadkit": loadkit.__version__},
        observing=observed.last(),
    )
    for number in range(100):
        suffix = f"-{number + 1}" if number else ""
        directory = request.reports / f"{started:%Y-%m-%dT%H-%M-%S}-{plan.name}{suffix}"
        if not directory.exists():
            return Run(directory, manifest, create(directory, manifest), plan, screen)
    raise UsageError("a hundred bundles of this second exist already", where=str(request.reports))


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
