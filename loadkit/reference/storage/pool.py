"""Connections for reading: a fixed number, lent to one caller at a time, in order of asking."""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from loadkit.reference.errors import PoolExhausted


@dataclass(slots=True)
class PoolTimes:
    """Seconds since the start that connections were held, and that callers waited for one."""

    busy_s: float = 0.0
    wait_s: float = 0.0


class Pool:
    """At most `limit()` of the given connections are lent at once.

    Lives on one event loop; `limit` and the counters may be read from any thread.
    `limit_of` maps the true size to what may be used now (the `pool_slots` fault narrows it).
    """

    def __init__(
        self,
        connections: list[sqlite3.Connection],
        *,
        wait_s: float,
        limit_of: Callable[[int], int] = lambda size: size,
    ) -> None:
        self.size = len(connections)
        self.in_use = 0
        self.times = PoolTimes()
        self._idle = connections
        self._wait_s = wait_s
        self._limit_of = limit_of
        self._waiters: deque[asyncio.Future[None]] = deque()

    def limit(self) -> int:
        """How many connections may be lent at this moment."""
        return self._limit_of(self.size)

    @property
    def waiting(self) -> int:
        """Callers without a connection."""
        return len(self._waiters)

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[sqlite3.Connection]:
        """Lend a connection. Raises PoolExhausted when none becomes free in time."""
        asked = time.perf_counter()
        if self._waiters or self.in_use >= self.limit():
            await self._wait_for_turn()
        else:
            self.in_use += 1
        connection = self._idle.pop()
        began = time.perf_counter()
        self.times.wait_s += began - asked
        try:
            yield connection
        finally:
            self._idle.append(connection)
            self.in_use -= 1
            self.times.busy_s += time.perf_counter() - began
            self.wake()

    async def _wait_for_turn(self) -> None:
        """Wait until `wake` has set a connection aside for us (it counts it as in use)."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(turn)
        try:
            await asyncio.wait_for(asyncio.shield(turn), self._wait_s)
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled():
                # Our turn came at the very moment we gave up: pass it on.
                self.in_use -= 1
                self.wake()
            else:
                self._waiters.remove(turn)
                turn.cancel()
            if isinstance(error, TimeoutError):
                raise PoolExhausted(
                    f"no database connection became free in {self._wait_s:g} s"
                ) from None
            raise

    def wake(self) -> None:
        """Give free connections to those who wait; also to be called when the limit has risen."""
        while self._waiters and self.in_use < self.limit():
            turn = self._waiters.popleft()
            if not turn.done():
                self.in_use += 1
                turn.set_result(None)

    def close(self) -> None:
        """Close the idle connections; the service lends no more."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()
