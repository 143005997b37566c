"""Faults: what makes the service bad on purpose, so that one can see whether anybody notices.

A kind is a module with a class, and a line in `KINDS`. `Faults` keeps those that are active and
the history; `control` is the HTTP server they are set with.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from loadkit.reference.faults.base import STEPS, BadFault, Fault
from loadkit.reference.faults.cache_evicted import CacheEvicted
from loadkit.reference.faults.cpu import Cpu
from loadkit.reference.faults.db_unavailable import DbUnavailable
from loadkit.reference.faults.error_rate import ErrorRate
from loadkit.reference.faults.latency import Latency
from loadkit.reference.faults.leak import Leak
from loadkit.reference.faults.lock import Lock
from loadkit.reference.faults.loop_blocked import LoopBlocked
from loadkit.reference.faults.pool_slots import PoolSlots
from loadkit.reference.faults.pricing_slow import PricingSlow

__all__ = ["KINDS", "STEPS", "BadFault", "Fault", "Faults", "make_fault"]

KINDS: tuple[type[Fault], ...] = (
    ErrorRate,
    Latency,
    Cpu,
    PoolSlots,
    Leak,
    Lock,
    PricingSlow,
    LoopBlocked,
    DbUnavailable,
    CacheEvicted,
)

HISTORY = 1000


def make_fault(kind: object, value: object, duration: object, step: object) -> Fault:
    """A fault of what a client sent. Raises BadFault with a text for the client."""
    kinds = {known.kind: known for known in KINDS}
    if not isinstance(kind, str) or kind not in kinds:
        raise BadFault(f"unknown kind {kind!r}; the kinds are {', '.join(sorted(kinds))}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadFault("value must be a number")
    if duration is not None and (
        isinstance(duration, bool) or not isinstance(duration, int | float)
    ):
        raise BadFault("duration must be a number of seconds")
    if step is not None and not isinstance(step, str):
        raise BadFault("step must be the name of a step")
    try:
        seconds = None if duration is None else float(duration)
        return kinds[kind](float(value), seconds, step)
    except OverflowError:
        raise BadFault("value or duration is too large") from None


class _Entry:
    """A fault with its stamps: monotonic and wall clock, nanoseconds."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.id = f"f{number}"
        self.fault = fault
        fault.begin()
        self.start_wall_ns = time.time_ns() - (time.monotonic_ns() - fault.start_ns)
        self.end_ns: int | None = None
        self.reason: str | None = None
        self.timer: threading.Timer | None = None

    def as_dict(self) -> dict[str, Any]:
        fault, end = self.fault, self.end_ns
        wall = None if end is None else self.start_wall_ns + end - fault.start_ns
        return {
            "id": self.id,
            "kind": fault.kind,
            "value": fault.value,
            "step": fault.step,
            "duration": fault.duration,
            "start_monotonic_ns": str(fault.start_ns),
            "start_wall_ns": str(self.start_wall_ns),
            "end_monotonic_ns": None if end is None else str(end),
            "end_wall_ns": None if wall is None else str(wall),
            "end_reason": self.reason,
            "requests": fault.struck,
        }


class Faults:
    """The active faults and those that were. Set from one thread, felt in another."""

    def __init__(
        self, changed: Callable[[str, dict[str, Any]], None] = lambda _a, _f: None
    ) -> None:
        """`changed(action, fault)` is called with fault_started or fault_ended, from any thread."""
        self.any_active = False
        self._changed = changed
        self._lock = threading.Lock()
        self._active: tuple[_Entry, ...] = ()
        self._history: list[_Entry] = []
        self._number = 0
        self._after_end: Callable[[], None] = lambda: None
        self._loop: asyncio.AbstractEventLoop | None = None

    def on_end(self, call: Callable[[], None]) -> None:
        """Call this, from any thread, whenever a fault has ended."""
        self._after_end = call

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """The event loop of the service, for faults that act by themselves."""
        self._loop = loop

    async def at(self, step: str) -> None:
        """Act on a request at this step."""
        for entry in self._active:
            if entry.fault.active():
                await entry.fault.at(step)

    def fails(self) -> bool:
        """Whether the request that comes in now is to fail; every fault counts it."""
        failing = False
        for entry in self._active:
            # No short cut: each fault has to see every request.
            failing |= entry.fault.active() and entry.fault.fails()
        return failing

    def slots(self, size: int) -> int:
        """What is left of a pool of this size."""
        for entry in self._active:
            if entry.fault.active():
                size = entry.fault.slots(size)
        return size

    def refuses(self) -> bool:
        """Whether the database refuses this call; every fault counts it."""
        refused = False
        for entry in self._active:
            refused |= entry.fault.active() and entry.fault.refuses()
        return refused

    def evicts(self) -> bool:
        """Whether the pricing cache is to be emptied now; every fault counts the look-up."""
        evicted = False
        for entry in self._active:
            evicted |= entry.fault.active() and entry.fault.evicts()
        return evicted

    def price_wait_s(self) -> float:
        """Seconds that the fetch of a price takes longer, of all faults together."""
        return sum(entry.fault.price_wait_s() for entry in self._active if entry.fault.active())

    def locks(self) -> list[Lock]:
        """The locks there are or have been."""
        with self._lock:
            entries = (*self._history, *self._active)
        return [entry.fault for entry in entries if isinstance(entry.fault, Lock)]

    def add(self, fault: Fault) -> dict[str, Any]:
        """Start a fault; it acts when this returns."""
        with self._lock:
            self._number += 1
            entry = _Entry(self._number, fault)
            self._active = (*self._active, entry)
            self.any_active = True
            if fault.duration is not None:
                entry.timer = threading.Timer(fault.duration, self._end, (entry, "expired"))
                entry.timer.daemon = True
                entry.timer.start()
        if self._loop is not None:
            fault.run_on(self._loop)
        self._changed("fault_started", entry.as_dict())
        return entry.as_dict()

    def remove(self, fault_id: str) -> dict[str, Any] | None:
        """End a fault before its time; None if no active one has this id."""
        for entry in self._active:
            if entry.id == fault_id and self._end(entry, "removed"):
                return entry.as_dict()
        return None

    def _end(self, entry: _Entry, reason: str) -> bool:
        with self._lock:
            if entry.end_ns is not None:
                return False
            now, deadline = time.monotonic_ns(), entry.fault.deadline_ns
            entry.end_ns = now if deadline is None else min(now, deadline)
            entry.reason = reason
            entry.fault.end()
            self._active = tuple(other for other in self._active if other is not entry)
            self.any_active = bool(self._active)
            self._history = [*self._history, entry][-HISTORY:]
            if entry.timer is not None:
                entry.timer.cancel()
        self._after_end()
        self._changed("fault_ended", entry.as_dict())
        return True

    def listing(self) -> dict[str, list[dict[str, Any]]]:
        """What is active, and what was."""
        with self._lock:
            return {
                "active": [entry.as_dict() for entry in self._active],
                "history": [entry.as_dict() for entry in self._history],
            }

    def close(self) -> None:
        """End everything."""
        for entry in self._active:
            self._end(entry, "shutdown")


def wake_on(loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
    """Call `wake` on the loop, unless it is closed already."""
    try:
        loop.call_soon_threadsafe(wake)
    except RuntimeError:
        return
