"""The stages of a scenario, as the load of this process."""

from __future__ import annotations

import gc
import time
from typing import Any

import gevent
import locust
import locust.main

from loadkit.errors import ScenarioError
from loadkit.load import allot, gate
from loadkit.load.conductor import Conductor, wait, wait_until
from loadkit.load.dealer import Dealer
from loadkit.load.endless import refuse_endless
from loadkit.load.locust_stats import LocustStats
from loadkit.load.patching import wrap
from loadkit.load.pool import Pool
from loadkit.load.unstaged import Foreign
from loadkit.model import Scenario, Stage
from loadkit.scenario.classes import check_users
from loadkit.scenario.schedule import Schedule, stage_bounds, streams

__all__ = ["Foreign", "Staged"]

_NS = 1_000_000_000
_RAMP_STEP_NS = 50_000_000


class Staged:
    """Open and closed loads on one pool of gated users."""

    def __init__(self, engine: Conductor) -> None:
        plan = engine.plan
        assert plan.scenario is not None
        self._engine = engine
        self._scenario: Scenario = plan.scenario
        self._worker, self._workers = plan.worker, plan.workers
        self._bounds = stage_bounds(self._scenario.stages)
        self.pool = Pool(engine.recorder)
        self._kinds: tuple[allot.Kind, ...] = ()
        self._needed: dict[str, int] = {}
        self._dealers: list[Dealer] = []
        self._over: bool = False
        self._stage = self._scenario.stages[0].name

    def arguments(self) -> list[str]:
        """Locust's options."""
        return ["--host", self._engine.plan.host] if self._engine.plan.host else []

    def install(self) -> None:
        """Gates users, and keeps a LoadTestShape of the file out: the stages are the load."""
        gate.install(self.pool, self._gone)
        gate.mark_sleeps()

        def make(original: Any) -> Any:
            return lambda *args, **kwargs: original(*args, **{**kwargs, "shape_class": None})

        wrap(locust.main, "create_environment", make)

    def on_init(self, environment: Any) -> None:
        """Locust is set up; users will be spawned next.

        Raises:
            SystemExit: the classes that the run uses cannot serve the scenario.
        """
        LocustStats(environment, self._engine.recorder)
        classes = environment.user_classes
        self._kinds = allot.kinds(classes)
        try:
            check_users(self._scenario, [kind.name for kind in self._kinds])
            refuse_endless(classes)
        except ScenarioError as error:
            # Locust only logs what a listener of its event raises.
            self._engine.reason, self._engine.message = "error", str(error)
            raise SystemExit(1) from error
        self._needed = allot.pool_of(self._scenario, self._kinds, self._worker, self._workers)
        for cls in classes:
            # Locust spawns these exactly, whatever the weights.
            cls.fixed_count = self._needed.get(cls.__name__, 0)
            cls.weight = 1 if cls.fixed_count else 0
        options = environment.parsed_options
        options.num_users = options.spawn_rate = sum(self._needed.values())
        environment.events.spawning_complete.add_listener(self._on_spawned)

    def _on_spawned(self, user_count: int, **_: Any) -> None:
        if not self._engine.begun:
            gevent.spawn(self._conduct)

    # -- the course of the stages ---------------------------------------------------------------

    def _conduct(self) -> None:
        engine = self._engine
        if not self._gather():
            engine.message = "no user could be started"
            engine.quit()
            return
        dealers = [self._dealer(user) for user in streams(self._scenario.stages)]
        gc.collect()
        gc.freeze()  # the pool is here to stay: collections need not look at it again
        users = len(self.pool.seats)
        t0 = engine.start_at(users)
        engine.begin(t0, users)
        self._set_up(self._scenario.stages[0])
        self._dealers = dealers
        for dealer in dealers:
            dealer.start(t0)
        for index, stage in enumerate(self._scenario.stages):
            start, end = self._bounds[index : index + 2]
            wait_until(t0 + start)
            if self._over:
                return
            self._stage = stage.name
            engine.stage(stage.name, t0 + start)
            self._run_stage(stage, t0 + start, t0 + end)
        engine.quit()

    def _gather(self) -> bool:
        """Waits until all users are at the gate, and starts those that Locust has not."""
        runner = self._engine.environment.runner
        have = self.pool.counts
        missing = {
            name: number - have[name]
            for name, number in self._needed.items()
            if number > have[name]
        }
        if missing and have:
            runner.spawn_users(missing)
        while self.pool.parked < len(runner.user_greenlets):
            wait(0.001)
        return bool(self.pool.parked)

    def _dealer(self, user: str | None) -> Dealer:
        scenario, pool = self._scenario, self.pool
        stream = pool.stream(user)
        present = pool.counts
        turns: list[allot.Turns | None] = []
        for stage in scenario.stages:
            load = next((load for load in stage.open_loads if load.user == user), None)
            if load is None:
                turns.append(None)
                continue
            shares = allot.shares(load.pool, allot.serving(stage, load, self._kinds))
            turns.append(allot.Turns({k: v for k, v in shares.items() if present[k]} or shares))

        def deal(stage: int, turn: int, due_ns: int) -> None:
            of_stage = turns[stage]
            assert of_stage is not None
            pool.arrive(stream, of_stage.at(turn), due_ns)

        schedule = Schedule(scenario.stages, user=user, seed=scenario.seed)
        return Dealer(schedule, deal, self._worker, self._workers)

    def _set_up(self, stage: Stage) -> None:
        """Limits and places of a stage's loads; users of loads that are over are let go."""
        pool = self.pool
        for user, group in pool.groups.items():
            if not any(load.user == user for load in stage.closed_loads):
                pool.admit(group, 0)
        for open_load in stage.open_loads:
            pool.set_limit(open_load.user, allot.limit(open_load, self._worker, self._workers))

    def _run_stage(self, stage: Stage, start_ns: int, end_ns: int) -> None:
        self._set_up(stage)
        pool, worker, workers = self.pool, self._worker, self._workers
        for load in stage.closed_loads:
            serving = allot.serving(stage, load, self._kinds)
            order = allot.order(load.pool, serving, worker, workers)
            pool.group(load.user).arrange(order, round((load.pacing or 0) * _NS))
        ramps = any(load.to is not None for load in stage.closed_loads)
        while not self._over and (now := time.monotonic_ns()) < end_ns:
            self._admit(stage, (now - start_ns) / (end_ns - start_ns))
            wait_until(min(end_ns, now + _RAMP_STEP_NS) if ramps else end_ns)
        if not self._over:
            self._admit(stage, 1.0)

    def _admit(self, stage: Stage, share: float) -> None:
        for load in stage.closed_loads:
            wanted = allot.split(load.users_at(share), self._worker, self._workers)
            self.pool.admit(self.pool.group(load.user), wanted)

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
        engine = self._engine
        if engine.begun and not self._over and engine.reason is None:
            for dealer in self._dealers:
                dealer.catch_up()  # what is due by now belongs to the run
        self._over = True
        for dealer in self._dealers:
            dealer.close()
        if engine.reason is not None:
            self.pool.give_up(time.monotonic_ns())
        for group in self.pool.groups.values():
            self.pool.admit(group, 0)
        engine.sessions.close()

    def busy(self) -> bool:
        """Whether something is under way that may still end by itself."""
        return bool(self._engine.recorder.in_flight or self.pool.busy or self.pool.waiting)

    def give_up(self) -> None:
        """The drain is over: what still waits is never started."""
        self.pool.give_up(time.monotonic_ns())
        self._engine.sessions.finish()

    def live(self) -> dict[str, Any]:
        """For the live view."""
        return {"stage": self._stage, "users": self.pool.active, "waiting": self.pool.waiting}
