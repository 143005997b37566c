"""Event-loop lag: how late the loop runs what is due."""

import asyncio
import threading


class LoopLag:
    """Asks to be run every `every_s` seconds and notes how late that happens."""

    def __init__(self, every_s: float = 0.05) -> None:
        self._every_s = every_s
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._last = 0.0
        self._max = 0.0
        self._due = self._loop.time() + every_s
        self._handle = self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        with self._lock:
            self._last = max(0.0, now - self._due)
            self._max = max(self._max, self._last)
        self._due = now + self._every_s
        self._handle = self._loop.call_at(self._due, self._tick)

    def last(self) -> float:
        """Seconds late, the last time; more if the loop stands still right now."""
        return max(self._last, self._overdue())

    def take_max(self) -> float:
        """The worst since this was asked last; begins anew. Made for one scraper."""
        overdue = self._overdue()
        with self._lock:
            worst, self._max = max(self._max, overdue), 0.0
        return worst

    def _overdue(self) -> float:
        return max(0.0, self._loop.time() - self._due)

    def close(self) -> None:
        """Stop."""
        self._handle.cancel()
