"""What is around the load: the stack, the collectors, faults and profiles at their time."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from typing import Any

from loadkit.collect.alerts import AlertsPoller
from loadkit.collect.host import HostWatch
from loadkit.collect.notifications import NotificationReceiver
from loadkit.collect.profiler import Profiler
from loadkit.collect.prometheus import PrometheusCollector
from loadkit.collect.registry import collectors
from loadkit.collect.sources import Given
from loadkit.collect.spans import SpanReceiver
from loadkit.model import Finding, Severity
from loadkit.ports import Collector
from loadkit.run import rules as stack_rules
from loadkit.run.abort import AbortWatch
from loadkit.run.child import LoadChild
from loadkit.run.context import Run
from loadkit.run.drive import Driver
from loadkit.run.memory import Memory
from loadkit.run.plan import DRAIN_S
from loadkit.run.prepare import Prepared
from loadkit.run.sources import Sources
from loadkit.run.timed import FaultSwitch, profile_stages
from loadkit.scenario import codec
from loadkit.stack.components import Died, Started
from loadkit.stack.embedded import EmbeddedStack, StackRequest
from loadkit.stack.process import describe_exit


class Surroundings:
    """Starts and stops everything but the load itself; stopping is safe at any point."""

    def __init__(
        self,
        run: Run,
        ready: Prepared,
        workers: Mapping[str, Any] | None = None,
    ) -> None:
        """``workers`` is the load child's ``master``, for a load of several processes."""
        self._run = run
        self._request = ready.request
        self._config = ready.config
        self._prepared = ready.rules
        self._external = ready.external
        self._workers = workers
        self._sources = Sources(run)
        self._before = Sources(run)  # what the stack sends to: up before it, down after it
        self._stack: EmbeddedStack | None = None
        self._faults: FaultSwitch | None = None
        self._prometheus: PrometheusCollector | None = None
        self._alerts: AlertsPoller | None = None
        self._host: HostWatch | None = None
        self._child: LoadChild | None = None
        self._timed: asyncio.Task[None] | None = None
        self._latest: dict[str, float] = {}
        self._watched_workers: set[str] = set()
        self._abort = AbortWatch(run.plan, run.note, several=workers is not None)
        self._memory = Memory(run)

    # -- start ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Stack and collectors; returns when everything that is to watch the load does.

        Raises:
            StackError: a part of the stack did not start.
        """
        if self._run.plan.stack == "embedded":
            await self._start_stack()
        await self._sources.start(self._collectors())
        self._run.save_manifest()

    async def _start_stack(self) -> None:
        run, prepared = self._run, self._prepared
        assert prepared is not None
        receiver = NotificationReceiver(sink=run.writer, note=run.note)
        spans = SpanReceiver(directory=run.directory, run_id=run.manifest.run_id, note=run.note)
        await self._before.start([receiver, spans])
        manager = stack_rules.receivers(prepared.source, receiver.url)
        run.manifest.stack["changes"] = list(manager.changes)
        stack = EmbeddedStack(
            StackRequest(
                run_id=run.manifest.run_id,
                directory=run.directory / "stack",
                rule_files=prepared.files,
                alertmanager_text=manager.text,
                otlp_endpoint=spans.endpoint,
                on_progress=run.screen.say,
                on_started=self._part_started,
                on_death=self._part_died,
            )
        )
        self._stack = await stack.__aenter__()
        await stack.wait_for_targets()
        run.manifest.target = stack.service_url
        run.manifest.stack["jobs"] = list(stack.jobs)
        run.manifest.stack["components"] = {
            name: {"pid": pid, "version": stack.versions.get(name), "died_at_s": None}
            for name, pid in stack.pids.items()
        }
        run.manifest.versions |= stack.versions
        self._faults = FaultSwitch(run, stack.fault_url, stack.fault_token)
        self._memory.of_service(stack.fault_url, stack.fault_token, stack.pids["service"])

    def _part_started(self, part: Started) -> None:
        self._run.screen.started(part.title, part.seconds)

    def _part_died(self, part: Died) -> None:
        run = self._run
        t0 = run.manifest.t0_mono_ns
        at = None if t0 is None else (part.monotonic_ns - t0) / 1e9
        run.manifest.stack.setdefault("components", {}).setdefault(part.name, {})["died_at_s"] = at
        run.save_manifest()
        when = "before the load" if at is None else f"at {at:.1f} s"
        run.note(
            Finding(
                "component-died",
                Severity.ERROR,
                f"{part.title} ended by itself {when} ({describe_exit(part.status)}); what it "
                "would have told is missing from then on.",
                {"last output": part.last_words},
            )
        )
        if self._host is not None:
            self._host.unwatch(part.name)
        run.screen.say(f"warning: {part.title} ended by itself ({describe_exit(part.status)})")

    def _collectors(self) -> list[Collector]:
        run = self._run
        found = collectors(self._given(), run.writer, run.note)
        # The screen shows what these three know.
        for collector in found:
            if isinstance(collector, PrometheusCollector):
                self._prometheus = collector
            elif isinstance(collector, AlertsPoller):
                self._alerts = collector
            elif isinstance(collector, HostWatch):
                self._host = collector
        return found

    def _given(self) -> Given:
        config, stack = self._config, self._stack
        pids = {"loadkit": os.getpid(), **self._external.pids}
        if stack is None:
            return Given(
                directory=self._run.directory,
                prometheus=config.prometheus.url,
                prometheus_jobs=config.prometheus.jobs,
                prometheus_selector=config.prometheus.selector,
                alertmanager=config.alertmanager.url,
                access=self._external.access,
                pids=pids,
                logs={log.name: log.file for log in config.logs},
                target=self._run.manifest.target,
                metrics=config.metrics,
            )
        return Given(
            directory=self._run.directory,
            prometheus=stack.prometheus_url,
            pids=pids | stack.pids,
            logs={"service": stack.log_files["service"]},
            secrets=(stack.fault_token,),
        )

    async def start_load(self) -> tuple[Driver, asyncio.Task[None]]:
        """Starts the load child, and what happens at given moments of the load.

        Raises:
            LoadError: the child cannot be started.
        """
        child = LoadChild(
            self._run.manifest.run_id,
            self._child_plan(),
            self._run.directory / "load.log",
            self._run.screen.say,
        )
        await child.start()
        self._child = child
        if self._host is not None:
            self._host.watch("generator", child.pid)
        self._timed = asyncio.create_task(self._at_their_time())
        driver = Driver(
            self._run,
            child,
            self._busy,
            self._active_alerts,
            over=self.load_is_over,
            workers=self._watch_workers,
            abort=self._abort,
        )
        return driver, self._timed

    def _child_plan(self) -> dict[str, Any]:
        plan = self._run.plan
        scenario = plan.scenario
        return {
            "file": str(plan.file.absolute()),
            "scenario": None if scenario is None else codec.to_dict(scenario),
            "host": self._stack.service_url if self._stack else plan.host,
            "users": plan.users,
            "spawn_rate": plan.spawn_rate,
            "duration": plan.duration,
            "drain": DRAIN_S,
            "samples": self._request.samples,
            "locust_args": list(self._request.locust_args),
            "allowed_hosts": list(self._config.allowed_targets),
            "seed": 0 if scenario is None else scenario.seed,
            "trace_ratio": self._config.run.trace_ratio,
            "master": self._workers,
            "max_rate": plan.max_rate,
        }

    def _watch_workers(self, pids: Mapping[str, int]) -> None:
        """Workers on this machine are watched like the generator itself."""
        if self._host is None:
            return
        for name in self._watched_workers - set(pids):
            self._host.unwatch(name)
        for name in set(pids) - self._watched_workers:
            self._host.watch(name, pids[name])
        self._watched_workers = set(pids)

    async def _at_their_time(self) -> None:
        run = self._run
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ask_for_latest())
            group.create_task(self._abort.ask_prometheus(run, self._given()))
            if self._faults is not None:
                for fault in run.plan.faults:
                    group.create_task(self._faults.at_its_stage(fault))
            profiler = Profiler(run.writer, run.note, run_id=run.manifest.run_id)
            if self._stack is not None and run.plan.profile_stages:
                pid = self._stack.pids["service"]
                group.create_task(profile_stages(run, profiler, "service", pid))
            for wanted, found in zip(self._config.processes, self._external.processes, strict=True):
                if wanted.profile:
                    group.create_task(profile_stages(run, profiler, found.name, found.profiled))
                if wanted.memory:
                    self._memory.of_process(found.name, found.profiled)
            group.create_task(self._memory.at_their_time())

    # -- the screen -------------------------------------------------------------------------

    async def _ask_for_latest(self) -> None:
        while self._prometheus is not None:
            with contextlib.suppress(Exception):  # the screen is worth no failure
                self._latest = dict(await self._prometheus.latest())
            await asyncio.sleep(1)

    def _busy(self) -> list[tuple[str, float]]:
        found: dict[str, float | None] = dict(self._latest)
        if self._host is not None:
            found |= self._host.latest
        return [(name, ratio) for name, ratio in found.items() if ratio is not None]

    def _active_alerts(self) -> list[tuple[str, str, float]]:
        return [] if self._alerts is None else list(self._alerts.active)

    # -- stop -------------------------------------------------------------------------------

    def load_is_over(self) -> None:
        """The generator has ended: that its process is gone is no news."""
        if self._host is not None:
            for name in ("generator", *self._watched_workers):
                self._host.unwatch(name)

    async def stop(self, *, quick: bool) -> None:
        """Ends everything that is still there, what depends on others first."""
        if self._timed is not None:
            self._timed.cancel()
            await asyncio.wait({self._timed})
            self._timed = None
        if self._child is not None:
            await self._child.wait(0.1 if quick else 5.0)
            self._child = None
        if self._faults is not None and not quick:
            await self._faults.record()
        self._faults = None
        await self._memory.ended()
        await self._sources.stop(quick=quick)
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.__aexit__(None, None, None)
        await self._before.stop(quick=quick)
        if not quick:
            await self._memory.record()
        await self._memory.close()
