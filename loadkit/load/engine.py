"""A run: Locust's own ``main()`` with our listeners, gate and clock around it."""

from __future__ import annotations

import gc
import os
import random
import socket
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, Protocol

import gevent
import locust
import locust.main
from gevent import GreenletExit, getcurrent
from gevent.event import Event
from locust.exception import StopUser

from loadkit.errors import LoadkitError
from loadkit.load import pacer
from loadkit.load.conductor import wait_until
from loadkit.load.feed import share
from loadkit.load.health import Health
from loadkit.load.modes import Foreign, Staged
from loadkit.load.plan import Plan
from loadkit.load.quiet import FirstError, quieten
from loadkit.load.recorder import Recorder
from loadkit.load.sessions import Sessions
from loadkit.load.takeover import take_over_signals
from loadkit.load.targets import Targets
from loadkit.model import Finding, Severity
from loadkit.scenario.schedule import stage_bounds
from loadkit.scrub import scrub

_NS = 1_000_000_000
_EARLY_NS = 50_000_000
_SHORT_DRAIN_S = 2.0
_LAST_WORDS_S = 10.0
_MOST_REFUSED = 20
_LEAD_NS = 50_000_000  # from "ready" to time zero


class Sink(Protocol):
    """Takes frames: the pipe to the supervisor, or a worker's channel to its master."""

    def send(self, frame: Mapping[str, Any]) -> None:
        """Takes a frame; does not return before it is safe."""


class Engine:
    """One run in this process."""

    def __init__(self, plan: Plan, sink: Sink) -> None:
        self.plan = plan
        self.sink = sink
        stages = plan.scenario.stages if plan.scenario is not None else ()
        names = [stage.name for stage in stages] or ["run"]
        bounds = stage_bounds(stages) if stages else [0, 0]
        self.recorder = Recorder(names, bounds, samples=plan.samples, note=self.note)
        self.sessions = Sessions(self.recorder, trace_ratio=plan.trace_ratio, note=self.note)
        self.health = Health()
        self.targets = self._make_targets()
        self.errors = FirstError()
        self.drain_s = plan.drain
        self.environment: Any = None
        self.reason: str | None = None
        self.message: str | None = None
        self.begun = False
        self._drained = False
        self._drain_over = Event()
        self._quitting = False
        self._ticker: Any = None
        self._findings: list[Finding] = []
        self._refused_hosts: set[str] = set()
        self.mode: Staged | Foreign = Staged(self) if stages else Foreign(self)
        share.take(plan.worker, plan.workers, plan.seed, self.note)

    # -- saying ---------------------------------------------------------------------------------

    def note(self, finding: Finding) -> None:
        """Keeps a finding for the next tick: they arise where nothing may wait."""
        self._findings.append(finding)

    def _make_targets(self) -> Targets:
        return Targets(self.plan.allowed_hosts, self._target_refused)

    def _target_refused(self, host: str) -> None:
        if host in self._refused_hosts or len(self._refused_hosts) >= _MOST_REFUSED:
            return
        self._refused_hosts.add(host)
        self.note(
            Finding(
                "target-refused",
                Severity.WARNING,
                f"A connection to {host} was refused before a packet was sent: it is not among "
                "the allowed targets.",
                {"host": host},
            )
        )

    def start_at(self, users: int) -> int:
        """Time zero of a load whose users are ready (CLOCK_MONOTONIC, ns); may wait for others."""
        return time.monotonic_ns() + _LEAD_NS

    def begin(self, t0_ns: int, users: int) -> None:
        """The load begins: time zero of everything (CLOCK_MONOTONIC, ns)."""
        self.recorder.t0_ns = t0_ns
        self.health.reset()
        self.begun = True
        self.sink.send({"type": "begin", "t0_ns": t0_ns, "users": users})

    def stage(self, name: str, mono_ns: int) -> None:
        """A stage begins."""
        self.sink.send({"type": "stage", "name": name, "mono_ns": mono_ns})

    # -- the run --------------------------------------------------------------------------------

    def run(self) -> None:
        """Runs to the end and says how it ended; never raises for what the load does."""
        self.sink.send(
            {
                "type": "hello",
                "pid": os.getpid(),
                "python": sys.version.split()[0],
                "locust": version("locust"),
                "gevent": version("gevent"),
            }
        )
        random.seed(self.plan.seed)
        self._prepare()
        try:
            start: Callable[[], None] = locust.main.main
            start()
        except SystemExit as error:
            if not self.begun and self.reason is None:
                self._fail(self.errors.text or f"locust ended with status {error.code}")
        except LoadkitError as error:
            self._fail(str(error))
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}")
        self._finish()

    def _prepare(self) -> None:
        self.targets.install(gevent.socket, socket)
        self.sessions.install()
        if self.plan.max_rate is not None and pacer.needed(self.plan.scenario):
            pacer.install(self.sessions, self.recorder, self.plan.max_rate / self.plan.workers)
        self.mode.install()
        quieten(self.errors)
        take_over_signals(self.interrupt, self._interrupted_early)
        events: Any = locust.events
        events.init.add_listener(self._on_init)
        events.test_stopping.add_listener(self._on_stopping)
        sys.argv = ["locust", "-f", self.plan.file, "--loglevel", "WARNING", *self._arguments()]
        sys.argv += self.plan.locust_args

    def _arguments(self) -> list[str]:
        return ["--headless", "--only-summary", *self.mode.arguments()]

    def _interrupted_early(self) -> None:
        self.reason = self.reason or "interrupted"
        raise SystemExit(0)

    def _on_init(self, environment: Any, **_: Any) -> None:
        self.environment = environment
        self.sessions.listen(environment.events.request)
        self.health.start()
        self._ticker = gevent.spawn(self._tick_for_ever)
        self.mode.on_init(environment)

    def _tick_for_ever(self) -> None:
        """On whole seconds of the load, so that what a tick tells is of one second."""
        while True:
            t0, now = self.recorder.t0_ns, time.monotonic_ns()
            # A timer may ring a little early: that is still the tick of the second that ends.
            seconds = (now - t0 + _EARLY_NS) // _NS + 1
            wait_until(t0 + seconds * _NS)
            self.tick()

    def tick(self) -> None:
        """Hands over what has gathered."""
        findings, self._findings = self._findings, []
        for finding in findings:
            self.sink.send(
                {
                    "type": "finding",
                    "slug": finding.slug,
                    "severity": str(finding.severity),
                    "summary": finding.summary,
                    "evidence": dict(finding.evidence),
                }
            )
        if not self.begun:
            return
        live = self.mode.live()
        in_flight = self.recorder.in_flight
        rows = self.recorder.drain()
        rows["generator"] = [self.health.row(users=live["users"], in_flight=in_flight)]
        live["in_flight"] = in_flight
        live["late"] = self.recorder.late
        self.sink.send({"type": "tick", "mono_ns": time.monotonic_ns(), "rows": rows, "live": live})

    # -- the end --------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """SIGTERM: no more arrivals, a short drain, the end."""
        if self.reason is None:
            self.reason = "interrupted"
        self.drain_s = min(self.drain_s, _SHORT_DRAIN_S)
        if not self._drained:  # else it only ends sooner
            self.quit()

    def quit(self) -> None:
        """Ends the load in an orderly way, from any greenlet."""
        if self.environment is None or self.environment.runner is None:
            raise SystemExit(0)
        if not self._quitting:
            self._quitting = True
            self.environment.runner.quit()

    def _fail(self, message: str) -> None:
        self.reason = "error"
        self.message = scrub(message)

    def _on_stopping(self, **_: Any) -> None:
        """However the load ends, this comes before Locust stops its users."""
        if getcurrent() in self.environment.runner.user_greenlets:
            # A user who ends the load would be ended by it halfway through.
            gevent.spawn(self.quit)
            raise StopUser
        if self._drained:
            self._drain_over.wait()  # who else ends the load must not cut it short
            return
        self._drained = True
        try:
            self._drain()
        finally:
            self._drain_over.set()

    def _drain(self) -> None:
        """Waits for what is under way, then gives the rest up."""
        self.mode.close()
        deadline = time.monotonic() + self.drain_s
        while self.mode.busy() and time.monotonic() < deadline:
            gevent.get_hub().wait(gevent.get_hub().loop.timer(0.01))
            # A signal may have shortened it meanwhile.
            deadline = min(deadline, time.monotonic() + self.drain_s)
        self.tick()  # so that what the load's end costs the generator has a row of its own
        self.mode.give_up()
        self._cancel()

    def _cancel(self) -> None:
        """Ends what is still under way; on_stop of the users runs, as under Locust."""
        me = getcurrent()
        users = [g for g in self.environment.runner.user_greenlets if g is not me]
        gevent.killall(users, exception=GreenletExit, block=True, timeout=_LAST_WORDS_S)

    def _finish(self) -> None:
        if self._ticker is not None:
            self._ticker.kill(block=True)
        self.health.stop()
        gc.unfreeze()
        gc.collect()  # responses that nobody judged
        self.tick()
        if self.reason is None and not self.begun:
            self._fail(self.errors.text or "the load did not begin")
        self.sink.send(
            {
                "type": "end",
                "reason": self.reason or "finished",
                "mono_ns": time.monotonic_ns(),
                "in_flight": self.recorder.in_flight,
                "message": self.message,
                "known": self.sessions.known,
            }
        )
