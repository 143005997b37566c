"""The load child as the master of workers: Locust's master, which hands users out, and our lead."""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import gevent
import locust
import locust.main
from gevent import getcurrent
from gevent.event import Event

from loadkit.errors import LoadkitError
from loadkit.load import allot
from loadkit.load.engine import Engine, Sink
from loadkit.load.plan import Plan
from loadkit.load.quiet import FirstError, quieten
from loadkit.load.takeover import take_over_signals
from loadkit.load.tame import tame
from loadkit.load.workers.identity import versions
from loadkit.load.workers.lead import Lead
from loadkit.model import Finding, Scenario
from loadkit.scrub import scrub

_TICK_S = 1.0
_WATCH_S = 0.05
_LAST_WORDS_S = 15.0
_SHORT_DRAIN_S = 2.0


class Master:
    """One run over several processes."""

    def __init__(self, plan: Plan, sink: Sink) -> None:
        self._plan = plan
        self._sink = sink
        self._errors = FirstError()
        self._lead: Lead | None = None
        self._environment: Any = None
        self._main: Any = None
        self._reason: str | None = None
        self._message: str | None = None
        self._leaving = False
        self._over = Event()
        self._drain_s = plan.drain
        self._greenlets: list[Any] = []

    def run(self) -> None:
        """Runs to the end and says how it ended; never raises for what the load does."""
        self._sink.send({"type": "hello", "pid": os.getpid(), **versions()})
        self._main = getcurrent()
        random.seed(self._plan.seed)
        try:
            self._prepare()
            start: Callable[[], None] = locust.main.main
            start()
        except SystemExit as error:
            if not self._begun and self._reason is None:
                self._fail(self._errors.text or f"locust ended with status {error.code}")
        except LoadkitError as error:
            self._fail(" ".join(str(error).split()))
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}")
        self._finish()

    @property
    def _begun(self) -> bool:
        return self._lead is not None and self._lead.t0_ns is not None

    def _prepare(self) -> None:
        take_over_signals(self._interrupt, self._interrupt_early)
        quieten(self._errors)
        self._lead = Lead(self._plan, self._sink.send, self._note, self._abort, self._all_over)
        self._lead.open()
        tame(staged=self._plan.scenario is not None)
        events: Any = locust.events
        events.init.add_listener(self._on_init)
        events.test_start.add_listener(self._on_start)
        events.test_stopping.add_listener(self._on_stopping)
        arguments = Engine(self._plan, self._sink).mode.arguments()
        sys.argv = ["locust", "-f", self._plan.file, "--loglevel", "WARNING", "--headless"]
        sys.argv += ["--only-summary", "--master", "--master-bind-host", "127.0.0.1"]
        sys.argv += ["--master-bind-port", "0", "--expect-workers", str(self._lead.crew.size)]
        sys.argv += [*arguments, *self._plan.locust_args]
        self._greenlets = [gevent.spawn(self._tick_for_ever), gevent.spawn(self._watch_for_ever)]

    def _on_init(self, environment: Any, **_: Any) -> None:
        assert self._lead is not None
        self._environment = environment
        if self._plan.scenario is not None:
            self._order_users(environment, self._plan.scenario)
        self._lead.locust_port(environment.runner.server.port)

    def _order_users(self, environment: Any, scenario: Scenario) -> None:
        """As many of each class as all workers need together."""
        assert self._lead is not None
        size = self._lead.crew.size
        known = allot.kinds(environment.user_classes)
        needed: Counter[str] = Counter()
        for worker in range(size):
            needed.update(allot.pool_of(scenario, known, worker, size))
        for cls in environment.user_classes:
            cls.fixed_count = needed[cls.__name__]
            cls.weight = 1 if cls.fixed_count else 0
        options = environment.parsed_options
        options.num_users = options.spawn_rate = needed.total()

    def _on_start(self, environment: Any, **_: Any) -> None:
        """A plain locustfile's users are about to be started: that is its time zero."""
        assert self._lead is not None
        if self._plan.scenario is None and not self._begun:
            self._lead.go(time.monotonic_ns(), environment.runner.target_user_count)

    # -- in between -----------------------------------------------------------------------------

    def _note(self, finding: Finding) -> None:
        self._sink.send(
            {
                "type": "finding",
                "slug": finding.slug,
                "severity": str(finding.severity),
                "summary": finding.summary,
                "evidence": dict(finding.evidence),
            }
        )

    def _watch_for_ever(self) -> None:
        assert self._lead is not None
        while True:
            gevent.sleep(_WATCH_S)
            self._lead.watch()

    def _tick_for_ever(self) -> None:
        while True:
            gevent.sleep(_TICK_S)
            self._tick()

    def _tick(self) -> None:
        if self._lead is None or not self._begun:
            return
        crew = self._lead.crew
        rows: Mapping[str, Any] = crew.take_rows()
        self._sink.send(
            {"type": "tick", "mono_ns": time.monotonic_ns(), "rows": rows, "live": crew.live()}
        )

    # -- the end --------------------------------------------------------------------------------

    def _interrupt_early(self) -> None:
        self._reason = self._reason or "interrupted"
        raise SystemExit(0)

    def _interrupt(self) -> None:
        self._reason = self._reason or "interrupted"
        self._drain_s = min(self._drain_s, _SHORT_DRAIN_S)
        assert self._lead is not None
        self._lead.stop("interrupted", self._drain_s + _LAST_WORDS_S)
        if not self._begun:
            self._leave()

    def _abort(self, message: str) -> None:
        """The run cannot begin."""
        if self._reason is None:
            self._fail(message)
        assert self._lead is not None
        self._lead.stop("aborted")
        self._leave()

    def _leave(self) -> None:
        """Gets Locust out of waiting for workers that are of no use any more."""
        if not self._leaving:
            self._leaving = True
            gevent.get_hub().loop.run_callback(self._main.throw, SystemExit(1))

    def _fail(self, message: str) -> None:
        self._reason = "error"
        self._message = scrub(message)

    def _all_over(self) -> None:
        """Nothing more is to come of any worker."""
        self._over.set()
        if self._environment is not None and self._environment.runner is not None:
            gevent.spawn(self._environment.runner.quit)

    def _on_stopping(self, **_: Any) -> None:
        """However the load ends, this comes before Locust tells its workers."""
        assert self._lead is not None
        if self._begun and not self._over.is_set():
            # By what the file does in this process, such as a LoadTestShape.
            self._lead.stop(self._reason or "finished", self._drain_s + _LAST_WORDS_S)
            self._over.wait()

    def _finish(self) -> None:
        gevent.killall(self._greenlets)
        lead = self._lead
        if lead is None:
            self._end(time.monotonic_ns(), None)
            return
        if self._reason is None and not self._begun:
            self._fail(self._errors.text or "the load did not begin")
        members = list(lead.crew.members.values())
        if self._begun and members and all(m.state == "lost" for m in members):
            self._fail("all workers were lost")
        self._tick()
        lead.say_workers()
        lead.say_rest()
        ends = [m.end["mono_ns"] for m in members if m.end is not None]
        self._end(max(ends, default=time.monotonic_ns()), lead.crew.in_flight())
        lead.close()

    def _end(self, mono_ns: int, in_flight: int | None) -> None:
        known = [m.end.get("known") for m in self._members() if m.end is not None]
        self._sink.send(
            {
                "type": "end",
                "reason": self._reason or "finished",
                "mono_ns": mono_ns,
                "in_flight": in_flight,
                "message": self._message,
                "known": all(known),
            }
        )

    def _members(self) -> list[Any]:
        return [] if self._lead is None else list(self._lead.crew.members.values())
