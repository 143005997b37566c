"""The two ways of running: the stages of a scenario, or a foreign file's own users."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gevent
import locust
import locust.main

from loadkit.load import gate
from loadkit.load.alarm import make_alarm
from loadkit.load.patching import wrap
from loadkit.load.pool import Pool
from loadkit.model import Rate, Scenario, Stage
from loadkit.scenario.schedule import Schedule, users_at

if TYPE_CHECKING:
    from loadkit.load.engine import Engine

_NS = 1_000_000_000
_LEAD_NS = 50_000_000  # from "ready" to time zero
_RAMP_STEP_S = 0.05


class Staged:
    """Open and closed stages on one pool of gated users."""

    def __init__(self, engine: Engine) -> None:
        scenario = engine.plan.scenario
        assert scenario is not None
        self._engine = engine
        self._scenario: Scenario = scenario
        self._schedule = Schedule(scenario.stages)
        self._size = max(stage.load.pool for stage in scenario.stages)
        self.pool = Pool(engine.recorder, self._size)
        self._alarm: Any = None
        self._next = 0
        self._over: bool = False
        self._stage = scenario.stages[0].name

    def arguments(self) -> list[str]:
        """Locust's options."""
        host = ["--host", self._engine.plan.host] if self._engine.plan.host else []
        return [*host, "-u", str(self._size), "-r", str(self._size)]

    def install(self) -> None:
        """Gates users, and keeps a LoadTestShape of the file out: the stages are the load."""
        gate.install(self.pool, self._gone)
        gate.mark_sleeps()

        def make(original: Any) -> Any:
            return lambda *args, **kwargs: original(*args, **{**kwargs, "shape_class": None})

        wrap(locust.main, "create_environment", make)

    def on_init(self, environment: Any) -> None:
        """Locust is set up; users will be spawned next."""
        environment.events.spawning_complete.add_listener(self._on_spawned)

    def _on_spawned(self, user_count: int, **_: Any) -> None:
        if not self._engine.begun:
            gevent.spawn(self._conduct, user_count)

    # -- the course of the stages ---------------------------------------------------------------

    def _conduct(self, user_count: int) -> None:
        engine = self._engine
        while self.pool.parked < len(engine.environment.runner.user_greenlets):
            _wait(0.001)
        if not self.pool.parked:
            engine.message = "no user could be started"
            engine.quit()
            return
        self.pool.ready(self._weights)
        gc.collect()
        gc.freeze()  # the pool is here to stay: collections need not look at it again
        t0 = time.monotonic_ns() + _LEAD_NS
        engine.begin(t0, user_count)
        self._alarm = make_alarm(self._deal)
        if len(self._schedule):
            self._alarm.set(t0 + self._schedule.due_ns(0))
        for index, stage in enumerate(self._scenario.stages):
            start, end = self._schedule.bounds[index : index + 2]
            _wait_until(t0 + start)
            if self._over:
                return
            self._stage = stage.name
            engine.stage(stage.name, t0 + start)
            self._run_stage(stage, t0 + start, t0 + end)
        engine.quit()

    def _run_stage(self, stage: Stage, start_ns: int, end_ns: int) -> None:
        if isinstance(stage.load, Rate):
            self.pool.admit(0)
            self.pool.set_limit(stage.load.pool)
            _wait_until(end_ns)
            return
        load = stage.load
        while not self._over and (now := time.monotonic_ns()) < end_ns:
            share = (now - start_ns) / (end_ns - start_ns)
            self.pool.admit(users_at(load.users, load.end, share))
            step = end_ns if load.to is None else min(end_ns, now + int(_RAMP_STEP_S * _NS))
            _wait_until(step)
        self.pool.admit(0 if self._over else load.end)

    def _deal(self) -> None:
        """The alarm rang: hands out every arrival that is due, and sets it for the next."""
        if self._over:
            return
        schedule, t0 = self._schedule, self._engine.recorder.t0_ns
        total = len(schedule)
        while self._next < total:
            due = t0 + schedule.due_ns(self._next)
            if due > time.monotonic_ns():
                self._alarm.set(due)
                return
            self._next += 1
            self.pool.arrive(due)

    def _weights(self, counts: Mapping[type, int]) -> Mapping[type, float]:
        """Shares of arrivals by class: fixed_count classes by their number, others by weight."""
        total = sum(counts.values())
        fixed = {c: n / total for c, n in counts.items() if getattr(c, "fixed_count", 0)}
        rest: dict[type, float] = {c: c.weight for c in counts if c not in fixed}  # type: ignore[attr-defined]
        share = (1 - sum(fixed.values())) / (sum(rest.values()) or 1)
        return {**fixed, **{cls: weight * share for cls, weight in rest.items()}}

    def _gone(self, user: Any) -> None:
        """A user ended by itself: another takes the seat, or the pool would run dry."""
        if self._over:
            return
        runner = self._engine.environment.runner
        if runner.state == "running":
            runner.spawn_users({type(user).__name__: 1})

    # -- the end --------------------------------------------------------------------------------

    def close(self) -> None:
        """No more arrivals come due; closed users send nothing new."""
        if self._engine.begun and not self._over and self._engine.reason is None:
            self._deal()  # what is due by now belongs to the run
        self._over = True
        if self._alarm is not None:
            self._alarm.close()
        if self._engine.reason is not None:
            self.pool.give_up(time.monotonic_ns())
        self.pool.admit(0)
        self._engine.sessions.closing = True

    def busy(self) -> bool:
        """Whether something is under way that may still end by itself."""
        return bool(self._engine.recorder.in_flight or self.pool.busy or self.pool.waiting)

    def give_up(self) -> None:
        """The drain is over: what still waits is never started."""
        self.pool.give_up(time.monotonic_ns())

    def live(self) -> dict[str, Any]:
        """For the live view."""
        return {"stage": self._stage, "users": self.pool.active, "waiting": self.pool.waiting}


class Foreign:
    """Locust's own users, closed model, one stage named ``run``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._duration = engine.plan.duration

    def arguments(self) -> list[str]:
        """Locust's options."""
        plan = self._engine.plan
        given = {"--host": plan.host, "-u": plan.users, "-r": plan.spawn_rate}
        return [
            part for key, value in given.items() if value is not None for part in (key, f"{value}")
        ]

    def install(self) -> None:
        """Nothing is gated."""

    def on_init(self, environment: Any) -> None:
        """Locust is set up; test_start comes next."""
        if environment.shape_class is not None and self._duration is not None:
            # A shape may read it; Locust itself would only act on it once the shape is over.
            environment.parsed_options.run_time = self._duration
        environment.events.test_start._handlers.insert(0, self._show_duration)
        environment.events.test_start.add_listener(self._on_start)  # after the file's own hooks

    def _show_duration(self, environment: Any, **_: Any) -> None:
        # For hooks that read it; later than Locust, which would end the load without a drain.
        if self._duration is not None:
            environment.parsed_options.run_time = self._duration

    def _on_start(self, environment: Any, **_: Any) -> None:
        engine = self._engine
        if engine.begun:
            return
        gc.collect()
        gc.freeze()
        engine.begin(time.monotonic_ns(), environment.runner.target_user_count)
        engine.stage("run", engine.recorder.t0_ns)
        if self._duration is not None:
            gevent.spawn(self._end_after, engine.recorder.t0_ns + round(self._duration * _NS))

    def _end_after(self, end_ns: int) -> None:
        _wait_until(end_ns)
        self._engine.quit()

    def close(self) -> None:
        """Users send nothing new."""
        self._engine.sessions.closing = True

    def busy(self) -> bool:
        """Whether requests are under way."""
        return self._engine.recorder.in_flight > 0

    def give_up(self) -> None:
        """There is nothing that waits."""

    def live(self) -> dict[str, Any]:
        """For the live view."""
        runner = self._engine.environment.runner
        return {"stage": "run", "users": runner.user_count, "waiting": 0}


def _wait(seconds: float) -> None:
    hub = gevent.get_hub()
    hub.wait(hub.loop.timer(seconds))


def _wait_until(mono_ns: int) -> None:
    while (left := mono_ns - time.monotonic_ns()) > 0:
        _wait(left / _NS)
