"""`latency`: each request waits a while longer at one step."""

import asyncio
from typing import ClassVar

from loadkit.reference.faults.base import BadFault, Fault


class Latency(Fault):
    """Adds `value` seconds. At `fetch_user_from_db` the wait holds a database connection."""

    kind: ClassVar[str] = "latency"
    takes_step: ClassVar[bool] = True

    def check(self, value: float) -> None:
        """Seconds."""
        if not 0 < value <= 60:
            raise BadFault("latency needs a value above 0 and at most 60 (seconds)")

    async def at(self, step: str) -> None:
        """Wait, if this is the step."""
        if step == self.step:
            self.struck += 1
            await asyncio.sleep(self.value)
