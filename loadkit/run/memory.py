"""Memory tracked in the stages that are for it: in the reference service, or by attaching."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import httpx
import psutil

import loadkit
from loadkit.collect import attach
from loadkit.collect.memory import MemoryTables, Tracked, file_of
from loadkit.config import Config, Process
from loadkit.errors import UsageError
from loadkit.model import Finding, Severity
from loadkit.run.context import Run
from loadkit.run.plan import Plan
from loadkit.run.request import RunRequest

_LEAD_S = 0.3  # tracking ends before its stage does: what comes after may be measured
_SPARE_S = 10.0  # by which the service outwaits loadkit before it ends tracking by itself
_FOREIGN = "run"


class Tracker(Protocol):
    """Tracks one process, once at a time."""

    async def begin(self, stage: str, seconds: float) -> Tracked:
        """Switches tracking on for about so long; a failure is in ``message``."""

    async def end(self, tracked: Tracked) -> None:
        """Switches it off and completes what is known of it."""

    async def close(self) -> None:
        """Releases what it holds."""


def with_attached(config: Config, pid: int | None) -> Config:
    """The settings with the process of ``--memory-attach`` among those that are watched."""
    if pid is None:
        return config
    named = [process for process in config.processes if process.pid == pid]
    others = tuple(process for process in config.processes if process.pid != pid)
    attached = replace(named[0], memory=True) if named else Process(
        name=f"pid {pid}", pid=pid, profile=False, memory=True
    )  # fmt: skip
    return replace(config, processes=(*others, attached))


def check(request: RunRequest, plan: Plan, config: Config) -> None:
    """Whether there is anything to track.

    Raises:
        UsageError: there is not, or no such process.
    """
    pid = request.memory_attach
    if pid is not None and not psutil.pid_exists(pid):
        raise UsageError(
            f"--memory-attach {pid}: there is no such process",
            remedy="Give the pid of a running Python process.",
        )
    foreign = pid is not None or any(process.memory for process in config.processes)
    if request.memory and plan.stack != "embedded" and not foreign:
        raise UsageError(
            "--memory: there is no process whose memory could be tracked",
            remedy="Add --memory-attach PID, or memory = true to a [[process]] in loadkit.toml.",
        )


class Memory:
    """Everything about tracking memory in one run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._tables = MemoryTables(run.writer, run.note, run_id=run.manifest.run_id)
        self._trackers: list[Tracker] = []
        self._done: list[Tracked] = []
        self._tasks: list[asyncio.Task[None]] = []

    def of_service(self, url: str, token: str, pid: int) -> None:
        """The reference service tracks itself."""
        self._trackers.append(ServiceTracker(self._run, url, token, pid))

    def of_process(self, name: str, pid: int) -> None:
        """A foreign Python process is attached to."""
        self._trackers.append(AttachTracker(self._run, name, pid))

    async def at_their_time(self) -> None:
        """Tracks in each memory stage; returns when the last is over."""
        for name, start_s, seconds in self._stages():
            if not self._trackers or not await self._run.until(start_s):
                return
            over = asyncio.Event()
            # Not cancelled with this: what has been begun must be ended, or it goes on for ever.
            tracking = asyncio.create_task(self._track(name, seconds, over))
            self._tasks.append(tracking)
            try:
                await self._run.until(start_s + max(seconds - _LEAD_S, seconds / 2))
            finally:
                over.set()
            await asyncio.shield(tracking)

    def _stages(self) -> list[tuple[str, float, float]]:
        run = self._run
        found = [(s.name, start, float(s.duration)) for s, start in run.plan.memory_stages]
        foreign = [t for t in self._trackers if isinstance(t, AttachTracker)]
        if found or not foreign:
            return found
        if run.plan.scenario is not None:
            run.note(
                Finding(
                    "memory-not-tracked",
                    Severity.INFO,
                    "Memory was not tracked: the scenario has no stage for it.",
                    {"remedy": 'Add --memory, or a stage with profile="memory".'},
                )
            )
            return []
        run.note(
            Finding(
                "memory-tracked-while-measured",
                Severity.INFO,
                "Memory was tracked while what verdicts rest on was measured: a locustfile has no "
                "stage of its own for it.",
            )
        )
        return [(_FOREIGN, 0.0, run.plan.duration or 86_400.0)]

    async def _track(self, stage: str, seconds: float, over: asyncio.Event) -> None:
        begun = [(one, await one.begin(stage, seconds + _SPARE_S)) for one in self._trackers]
        await over.wait()
        for tracker, tracked in begun:
            if tracked.message is None:
                await tracker.end(tracked)
            self._done.append(tracked)

    async def record(self) -> None:
        """After the load: reads what was written, which would have disturbed what is measured."""
        await self.ended()
        done, self._done = self._done, []
        for tracked in done:
            if tracked.message is None:
                self._run.screen.say(f"reading what memray saw of {tracked.process} …")
            await self._tables.record(tracked)

    async def ended(self) -> None:
        """Waits until nothing is tracked any more."""
        tasks, self._tasks = self._tasks, []
        for failure in await asyncio.gather(*tasks, return_exceptions=True):
            if failure is not None:
                raise failure

    async def close(self) -> None:
        """Releases everything; what was not read is lost."""
        await self.ended()
        trackers, self._trackers = self._trackers, []
        for tracker in trackers:
            await tracker.close()


class ServiceTracker:
    """The reference service's own tracker, through its fault port."""

    def __init__(self, run: Run, url: str, token: str, pid: int) -> None:
        self._run = run
        self._pid = pid
        self._client = httpx.AsyncClient(
            base_url=url, headers={"X-Fault-Token": token}, timeout=30.0, trust_env=False
        )

    async def begin(self, stage: str, seconds: float) -> Tracked:
        """See Tracker."""
        file = _fresh(self._run.directory, stage, "service")
        tracked = Tracked(
            stage, "service", self._pid, "tracker", file, file, time.monotonic_ns(),
            roots=(str(Path(loadkit.__file__).parents[1]),),
        )  # fmt: skip
        answer = await self._ask(
            tracked, "POST", {"file": str(file), "duration": min(seconds, 3600.0)}
        )
        if answer is not None:
            tracked.mono_ns = int(answer["start_monotonic_ns"])
            tracked.start_s = float(answer["start_took_s"])
        return tracked

    async def end(self, tracked: Tracked) -> None:
        """See Tracker."""
        answer = await self._ask(tracked, "DELETE", None)
        if answer is not None:
            tracked.end_mono_ns = int(answer["end_monotonic_ns"])
            tracked.stop_s = float(answer["end_took_s"])

    async def close(self) -> None:
        """See Tracker."""
        await self._client.aclose()

    async def _ask(
        self, tracked: Tracked, method: str, body: Mapping[str, Any] | None
    ) -> Mapping[str, Any] | None:
        try:
            answer = await self._client.request(method, "/memory", json=body)
            said = answer.json()
            if answer.is_success:
                return dict(said)
            tracked.message = f"the service refused: {said.get('detail', answer.status_code)}"
        except (httpx.HTTPError, ValueError, AttributeError) as error:
            tracked.message = f"the service could not be asked ({type(error).__name__})"
        tracked.remedy = "Is memray installed beside the service, and did it live that long?"
        return None


class AttachTracker:
    """memray attached from outside, by a debugger that holds the process for a moment."""

    def __init__(self, run: Run, name: str, pid: int) -> None:
        self._run = run
        self._name = name
        self._pid = pid
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    async def begin(self, stage: str, seconds: float) -> Tracked:
        """See Tracker."""
        kept = _fresh(self._run.directory, stage, self._name)
        # Not in the bundle before the command line in it is overwritten, whatever happens.
        file = self._folder() / kept.name
        tracked = Tracked(
            stage, self._name, self._pid, "attach", file, kept, time.monotonic_ns(),
            roots=self._roots(),
        )  # fmt: skip
        made = await attach.attach(self._pid, file, run_id=self._run.manifest.run_id)
        tracked.mono_ns = time.monotonic_ns()
        tracked.start_s, tracked.stall_s = made.took_s, made.stall_s
        tracked.message, tracked.remedy = made.message, made.remedy
        return tracked

    async def end(self, tracked: Tracked) -> None:
        """See Tracker."""
        made = await attach.detach(self._pid, run_id=self._run.manifest.run_id)
        tracked.end_mono_ns = time.monotonic_ns()
        tracked.stop_s = made.took_s
        if made.stall_s is not None:
            tracked.stall_s = (tracked.stall_s or 0.0) + made.stall_s
        if made.message is not None and psutil.pid_exists(self._pid):
            tracked.message, tracked.remedy = made.message, made.remedy

    async def close(self) -> None:
        """See Tracker; the file is gone afterwards unless it was moved into the bundle."""
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def _folder(self) -> Path:
        """A folder that nobody can look into but who writes there."""
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(
                prefix="loadkit-memory-", ignore_cleanup_errors=True
            )
            with contextlib.suppress(OSError, psutil.Error):
                owner = psutil.Process(self._pid)
                os.chown(self._temporary.name, owner.uids().effective, owner.gids().effective)
        return Path(self._temporary.name)

    def _roots(self) -> Sequence[str]:
        try:
            return (psutil.Process(self._pid).cwd(),)
        except psutil.Error:
            return ()


def _fresh(bundle: Path, stage: str, process: str) -> Path:
    file = file_of(bundle, stage, process)
    file.parent.mkdir(parents=True, exist_ok=True)
    return file
