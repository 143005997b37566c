"""`cpu`: each request burns processor time in the event loop's thread."""

import time
from typing import ClassVar

from loadkit.reference.faults.base import BadFault, Fault


class Cpu(Fault):
    """Burns `value` seconds of the thread's own CPU clock, so that waiting doesn't count."""

    kind: ClassVar[str] = "cpu"
    takes_step: ClassVar[bool] = True

    def check(self, value: float) -> None:
        """CPU seconds."""
        if not 0 < value <= 10:
            raise BadFault("cpu needs a value above 0 and at most 10 (CPU seconds a request)")

    async def at(self, step: str) -> None:
        """Burn, if this is the step. The event loop stands still meanwhile: that is the fault."""
        if step == self.step:
            self.struck += 1
            burn_cpu(self.value)


def burn_cpu(seconds: float) -> int:
    """Compute until this thread has used that much processor time; returns the rounds it took."""
    deadline = time.thread_time_ns() + round(seconds * 1e9)
    rounds = 0
    while time.thread_time_ns() < deadline:
        rounds += 1
    return rounds
