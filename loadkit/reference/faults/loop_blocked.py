"""`loop_blocked`: something calls what blocks, in the event loop, about once a second."""

import asyncio
import time
from typing import ClassVar

from loadkit.reference.faults.base import BadFault, Fault

EVERY_S = 1.0


class LoopBlocked(Fault):
    """Blocks the event loop for `value` seconds, once a second or for half of the time at most.

    It comes by the clock and not with requests, so that it strikes whatever is under way.
    """

    kind: ClassVar[str] = "loop_blocked"

    def check(self, value: float) -> None:
        """Seconds."""
        if not 0 < value <= 10:
            raise BadFault("loop_blocked needs a value above 0 and at most 10 (seconds)")

    def run_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; called from another thread."""
        loop.call_soon_threadsafe(self._strike, loop)

    def _strike(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self.active():
            return
        self.struck += 1
        block_event_loop(self.value)
        loop.call_later(max(EVERY_S - self.value, self.value), self._strike, loop)


def block_event_loop(seconds: float) -> None:
    """What a call of a blocking library does: nothing else runs, and no CPU is used."""
    time.sleep(seconds)
