"""SIGINT and SIGTERM: once for an orderly end, twice for a quick one."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """The user wants to stop; what was being waited for has been cancelled."""


class Interrupts:
    """``with Interrupts(say) as interrupts:`` around a run.

    ``once`` is set by the first signal, ``twice`` by the second.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.once = asyncio.Event()
        self.twice = asyncio.Event()
        self._say = say

    def __enter__(self) -> Interrupts:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._received)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    def _received(self) -> None:
        if not self.once.is_set():
            self.once.set()
            self._say("interrupted: ending in order; once more for a quick end")
        elif not self.twice.is_set():
            self.twice.set()
            self._say("interrupted again: ending now, the bundle stays readable")

    async def race(self, work: Coroutine[Any, Any, T], *, quick: bool = False) -> T:
        """The result of ``work``, unless a signal comes first.

        Args:
            quick: wait for the second signal instead of the first.

        Raises:
            Interrupted: the signal came; ``work`` was cancelled and has ended.
        """
        event = self.twice if quick else self.once
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
                if task.cancelled() or task.exception() is not None:
                    raise Interrupted
            return task.result()
        finally:
            stop.cancel()
            if not task.done():
                task.cancel()
