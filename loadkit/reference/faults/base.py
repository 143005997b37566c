"""What a fault is: a kind with a magnitude, from a start to an end."""

import asyncio
import math
import time
from abc import ABC, abstractmethod
from typing import ClassVar

ROOT = "POST /api/v1/costs"

STEPS = (
    ROOT,
    "authenticate_user",
    "fetch_user_from_db",
    "validate_request",
    "calculate_cost",
    "fetch_pricing_data",
    "calculate_tokens",
    "calculate_total",
    "apply_discount",
    "store_cost",
    "insert_database",
    "send_notification",
)
"""The names of the span tree. The first stands for the request as a whole, whatever its route."""


class BadFault(ValueError):
    """A fault that makes no sense; the text says why."""


class Fault(ABC):
    """One fault. Subclasses give `kind`, and override what they act on.

    Acts while `active()`; the deadline is looked at each time, so that it ends on the nanosecond.
    """

    kind: ClassVar[str]
    takes_step: ClassVar[bool] = False

    def __init__(self, value: float, duration: float | None, step: str | None) -> None:
        """`value` in the kind's unit, `duration` in seconds (None: until removed)."""
        if not self.takes_step and step is not None:
            raise BadFault(f"{self.kind} takes no step")
        if step is not None and step not in STEPS:
            raise BadFault(f"unknown step {step!r}; the steps are {', '.join(STEPS)}")
        if not math.isfinite(value):
            raise BadFault("value must be a finite number")
        if duration is not None and not 0 < duration <= 86_400:
            raise BadFault("duration must be more than 0 and at most 86400 seconds")
        self.check(value)
        self.value = value
        self.duration = duration
        self.step = step or (ROOT if self.takes_step else None)
        self.struck = 0
        self.start_ns = 0
        self.deadline_ns: int | None = None

    @abstractmethod
    def check(self, value: float) -> None:
        """Raise BadFault if the kind can't have this magnitude."""

    def begin(self) -> None:
        """Start the clock."""
        self.start_ns = time.monotonic_ns()
        if self.duration is not None:
            self.deadline_ns = self.start_ns + round(self.duration * 1e9)

    def active(self) -> bool:
        """Whether it acts at this moment."""
        return self.deadline_ns is None or time.monotonic_ns() < self.deadline_ns

    def remaining_s(self) -> float:
        """Seconds until its deadline; infinite without one."""
        if self.deadline_ns is None:
            return math.inf
        return max(0.0, (self.deadline_ns - time.monotonic_ns()) / 1e9)

    def end(self) -> None:
        """Act no more, even where something of it is still waiting."""
        now = time.monotonic_ns()
        self.deadline_ns = now if self.deadline_ns is None else min(now, self.deadline_ns)

    def run_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin what goes on by itself on the service's event loop; called from another thread."""
        return

    async def at(self, step: str) -> None:
        """Act on a request that is at this step."""
        return

    def fails(self) -> bool:
        """Whether the request that comes in now is to fail."""
        return False

    def slots(self, size: int) -> int:
        """How many slots are left of a pool of this size."""
        return size

    def refuses(self) -> bool:
        """Whether the database refuses the call that is made now."""
        return False

    def evicts(self) -> bool:
        """Whether the pricing cache is to be emptied before the look-up that comes now."""
        return False

    def price_wait_s(self) -> float:
        """Seconds that the fetch of a price takes longer; above 0 the cache is passed by."""
        return 0.0
