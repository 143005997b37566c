"""`lock`: all requests have to pass through one critical section, one at a time."""

import asyncio
import time
from typing import ClassVar

from loadkit.reference.faults.base import BadFault, Fault


class Lock(Fault):
    """Holds one lock for `value` seconds in a step: no more than 1/`value` requests a second pass.

    Those who wait when it ends go on at once.
    """

    kind: ClassVar[str] = "lock"
    takes_step: ClassVar[bool] = True

    def __init__(self, value: float, duration: float | None, step: str | None) -> None:
        super().__init__(value, duration, step)
        self._lock = asyncio.Lock()
        self.waiting = 0
        self.held_s = 0.0

    def check(self, value: float) -> None:
        """Seconds."""
        if not 0 < value <= 10:
            raise BadFault("lock needs a value above 0 and at most 10 (seconds it is held)")

    async def at(self, step: str) -> None:
        """Wait for the lock, hold it, let it go."""
        if step != self.step:
            return
        self.struck += 1
        self.waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self.waiting -= 1
        began = time.perf_counter()
        try:
            if self.active():
                await asyncio.sleep(min(self.value, self.remaining_s()))
        finally:
            self.held_s += time.perf_counter() - began
            self._lock.release()
