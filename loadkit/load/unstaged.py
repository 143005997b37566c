"""A file that declares no scenario: its own users, as under Locust."""

from __future__ import annotations

import gc
import time
from typing import Any

import gevent

from loadkit.load.conductor import Conductor, wait_until
from loadkit.load.locust_stats import LocustStats

_NS = 1_000_000_000


class Foreign:
    """Locust's own users, closed model, one stage named ``run``."""

    def __init__(self, engine: Conductor) -> None:
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
        LocustStats(environment, self._engine.recorder)
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
        wait_until(end_ns)
        self._engine.quit()

    def close(self) -> None:
        """Users send nothing new."""
        self._engine.sessions.close()

    def busy(self) -> bool:
        """Whether requests are under way."""
        return self._engine.recorder.in_flight > 0

    def give_up(self) -> None:
        """There is nothing that waits."""
        self._engine.sessions.finish()

    def live(self) -> dict[str, Any]:
        """For the live view."""
        runner = self._engine.environment.runner
        return {"stage": "run", "users": runner.user_count, "waiting": 0}
