"""Runs the load child and routes its frames to the bundle and the screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loadkit.bundle.clock import read_pair
from loadkit.model import Finding, Severity, Stage
from loadkit.run.abort import AbortWatch, finding, for_manifest
from loadkit.run.child import LoadChild
from loadkit.run.context import Run
from loadkit.run.interrupts import Interrupts
from loadkit.run.live import Gauge, Live
from loadkit.run.watched import now

_SAID_AT_ONCE = ("worker-lost", "worker-refused")


class Driver:
    """One load child from its first frame to its last.

    ``resources`` gives (name, ratio 0 to 1) of what may be busy; ``alerts`` gives
    (name, state, seconds in it); both for the screen only. ``over`` is called when the pipe ends.
    ``workers`` gets the process ids
    of the workers that are at work on this machine, by a name for them, whenever they change.
    ``abort`` sees what the child tells, and ends the load early as an interrupt does.
    """

    def __init__(
        self,
        run: Run,
        child: LoadChild,
        resources: Callable[[], list[tuple[str, float]]],
        alerts: Callable[[], list[tuple[str, str, float]]],
        over: Callable[[], None],
        workers: Callable[[Mapping[str, int]], None] = lambda pids: None,
        abort: AbortWatch | None = None,
    ) -> None:
        self._run = run
        self._child = child
        self._resources = resources
        self._alerts = alerts
        self._over = over
        self._workers = workers
        self._abort = abort
        self._gauge = Gauge()
        self._end: dict[str, Any] | None = None
        self._stage = ""
        self._interrupted = False
        self._killed = False  # by us, because the user would not wait for an orderly end

    async def drive(self, interrupts: Interrupts) -> None:
        """Returns when the load is over, in order or not; ``manifest.load_end`` says which."""
        watcher = asyncio.create_task(self._obey(interrupts))
        try:
            async for frame in self._child.frames():
                self._take(frame)
        finally:
            watcher.cancel()
            self._over()
            self._run.load_over.set()
        status = await self._child.wait()
        self._close_books(status)

    async def _obey(self, interrupts: Interrupts) -> None:
        events = [interrupts.once, *([] if self._abort is None else [self._abort.held])]
        await _any_of(events)
        self._interrupted = interrupts.once.is_set()
        breach = None if self._abort is None else self._abort.breach
        if breach is not None and not self._interrupted:
            self._run.screen.say(
                f"aborting: {breach.observed}; the rule is {breach.rule.text!r}. "
                "The load ends in order."
            )
        self._child.terminate()
        await interrupts.twice.wait()
        self._killed = True
        self._child.kill()

    def _take(self, frame: dict[str, Any]) -> None:
        kind = frame["type"]
        if kind == "tick":
            self._tick(frame)
        elif kind == "begin":
            self._begin(frame)
        elif kind == "stage":
            self._stage = frame["name"]
        elif kind == "finding":
            severity = Severity(frame["severity"])
            evidence = frame.get("evidence") or {}
            self._run.note(Finding(frame["slug"], severity, frame["summary"], evidence))
            if frame["slug"] == "worker-lost" and self._abort is not None:
                self._abort.worker_lost()
            if frame["slug"] in _SAID_AT_ONCE:
                self._run.screen.say(f"warning: {frame['summary']}")
        elif kind == "listening":
            self._run.screen.say(
                f"waiting for {frame['workers']} workers on {frame['host']}:{frame['port']}"
            )
        elif kind == "workers":
            self._crew(frame["workers"])
        elif kind == "hello":
            for name in ("python", "locust", "gevent"):
                self._run.manifest.versions[name] = str(frame[name])
        elif kind == "end":
            self._end = frame
            self._over()

    def _crew(self, workers: list[dict[str, Any]]) -> None:
        self._run.manifest.workers = workers
        self._run.save_manifest()
        present = [w for w in workers if w["local"] and w["state"] not in ("ended", "lost")]
        self._workers({f"generator worker {w['name']}": w["pid"] for w in present})

    def _begin(self, frame: dict[str, Any]) -> None:
        manifest = self._run.manifest
        mono, wall = read_pair()
        manifest.t0_mono_ns = int(frame["t0_ns"])
        manifest.t0_wall_ns = wall - (mono - manifest.t0_mono_ns)
        if "known" in frame:
            manifest.generator["user_classes_known"] = bool(frame["known"])
        self._run.save_manifest()
        self._run.began.set()

    def _tick(self, frame: dict[str, Any]) -> None:
        for table, rows in frame["rows"].items():
            self._run.writer.append(table, rows)
        if self._abort is not None and self._run.began.is_set():
            self._abort.tick(frame["rows"], (int(frame["mono_ns"]) - self._run.t0_ns) / 1e9)
        self._gauge.tick(frame["rows"])
        self._gauge.resources(self._resources())
        live = self._gauge.fill(self._live(frame["live"]))
        if self._run.meters is not None:
            self._run.meters.tick(frame["rows"], now(live))
        self._run.screen.show(live)

    def _live(self, said: dict[str, Any]) -> Live:
        plan = self._run.plan
        elapsed = (time.monotonic_ns() - self._run.t0_ns) / 1e9 if self._run.began.is_set() else 0.0
        name = said.get("stage") or self._stage
        live = Live(
            stage=name,
            elapsed_s=elapsed,
            duration_s=plan.duration,
            users=said.get("users"),
            in_flight=said.get("in_flight"),
            alerts=self._alerts(),
        )
        scenario = plan.scenario
        if scenario is None:
            live.stage_number = live.stages = 1
            return live
        names = [stage.name for stage in scenario.stages]
        live.duration_s, live.stages = scenario.duration, len(names)
        if name in names:
            live.stage_number = names.index(name) + 1
            stage = scenario.stage(name)
            live.offered = _offered(stage, elapsed - scenario.starts()[name])
        return live

    def _close_books(self, status: int | None) -> None:
        manifest = self._run.manifest
        end = self._end
        if end is not None:
            manifest.load_end = {
                "reason": end["reason"],
                "message": end.get("message"),
                "in_flight": end.get("in_flight"),
            }
            manifest.end_mono_ns = int(end["mono_ns"])
            self._close_aborted(manifest.load_end)
            return
        manifest.end_mono_ns = time.monotonic_ns()
        if self._killed:
            message = "A second interrupt ended the load child at once."
            manifest.load_end = {"reason": "interrupted", "message": message, "in_flight": None}
            return
        words = self._child.last_words()
        manifest.load_end = {
            "reason": "died",
            "message": f"The load child ended with status {status}.",
            "in_flight": None,
        }
        self._run.note(
            Finding(
                "load-child-died",
                Severity.ERROR,
                f"The load generator's process ended with status {status} before the load did.",
                {"last output": words} if words else {},
            )
        )

    def _close_aborted(self, load_end: dict[str, Any]) -> None:
        """The child was ended as by an interrupt, but it was a rule."""
        breach = None if self._abort is None else self._abort.breach
        if breach is None or load_end["reason"] != "interrupted" or self._interrupted:
            return
        said = finding(breach)
        load_end |= {"reason": "aborted", "message": said.summary}
        self._run.manifest.abort = for_manifest(self._run.plan, breach)
        self._run.note(said)


async def _any_of(events: Sequence[asyncio.Event]) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()


def _offered(stage: Stage, seconds: float) -> float | None:
    """The planned rate of the open loads so far into a stage; None where all are closed."""
    if not stage.open_loads:
        return None
    within = min(max(seconds, 0.0), float(stage.duration))
    return sum(load.rate_at(within, stage.duration) for load in stage.open_loads)
