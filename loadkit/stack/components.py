"""Starting parts in the order of their needs, and stopping them on every way out."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from loadkit.errors import StackError
from loadkit.stack.process import ManagedProcess


class Component(Protocol):
    """A part of a stack. A new kind of server is a class with these and one line in a list."""

    @property
    def name(self) -> str:
        """What ``needs``, tables and files call it, such as ``node_exporter``."""

    @property
    def title(self) -> str:
        """What people read, such as ``node exporter``."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the parts that must be up before it starts."""

    @property
    def process(self) -> ManagedProcess:
        """The process behind it.

        Raises:
            StackError: it was not started.
        """

    @property
    def endpoints(self) -> Mapping[str, str]:
        """What it offers, by name: URLs. Empty before the start."""

    async def start(self) -> None:
        """Starts it and returns when it is healthy.

        Raises:
            StackError: it is not, within its deadline.
        """

    async def healthy(self) -> bool:
        """Whether it answers right now."""

    async def stop(self) -> None:
        """Ends it. Harmless when it never started or ended by itself."""


@dataclass(frozen=True, slots=True)
class Started:
    """A part is up, ``seconds`` after its start. ``title`` is its name for people."""

    name: str
    title: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Died:
    """A part ended by itself.

    ``status`` is its exit status or minus the signal's number, ``monotonic_ns`` and ``wall_ns``
    when that was noticed, ``last_words`` the end of its output.
    """

    name: str
    title: str
    status: int
    monotonic_ns: int
    wall_ns: int
    last_words: str


class Stack:
    """``async with Stack(components, on_started, on_died):``; what one needs is up before it.

    Parts that don't need each other start at the same time. A part that dies later is reported
    and the rest lives on.

    Raises:
        StackError: from ``__aenter__``, when a part did not start; those that did are stopped.
    """

    def __init__(
        self,
        components: Sequence[Component],
        on_started: Callable[[Started], None],
        on_died: Callable[[Died], None],
    ) -> None:
        self.components = tuple(components)
        self._on_started = on_started
        self._on_died = on_died
        self._order: list[Component] = []
        self._watchers: list[asyncio.Task[None]] = []
        _check_needs(self.components)

    async def __aenter__(self) -> Stack:
        try:
            await self._start_all()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _start_all(self) -> None:
        waiting = list(self.components)
        up: set[str] = set()
        while waiting:
            wave = [part for part in waiting if up.issuperset(part.needs)]
            self._order.extend(wave)  # before they start: half started is to be stopped as well
            await _all_or_first_error([self._start(part) for part in wave])
            up.update(part.name for part in wave)
            waiting = [part for part in waiting if part not in wave]

    async def _start(self, part: Component) -> None:
        begun = time.monotonic()
        await part.start()
        self._on_started(Started(part.name, part.title, time.monotonic() - begun))
        self._watchers.append(asyncio.create_task(self._watch(part), name=f"watch-{part.name}"))

    async def _watch(self, part: Component) -> None:
        status = await asyncio.shield(part.process.died)
        now = (time.monotonic_ns(), time.time_ns())
        self._on_died(Died(part.name, part.title, status, *now, part.process.tail()))

    def abandon(self) -> None:
        """Stops watching and leaves everything running."""
        watchers, self._watchers = self._watchers, []
        for task in watchers:
            task.cancel()
        self._order = []

    async def stop(self) -> None:
        """Stops all, the last started first. Called again it does nothing."""
        watchers, self._watchers = self._watchers, []
        for task in watchers:
            task.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        order, self._order = self._order, []
        try:
            while order:
                await order[-1].stop()
                order.pop()
        finally:
            # Only when a stop was cancelled or failed: the others must not live on for that.
            if order:
                await asyncio.shield(_stop_rest(order))


async def _stop_rest(order: list[Component]) -> None:
    for part in reversed(order):
        with contextlib.suppress(StackError, asyncio.CancelledError):
            await part.stop()


async def _all_or_first_error(starts: Sequence[Coroutine[None, None, None]]) -> None:
    tasks = [asyncio.ensure_future(start) for start in starts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _check_needs(components: Sequence[Component]) -> None:
    names = {part.name for part in components}
    up: set[str] = set()
    waiting = list(components)
    while waiting:
        ready = [part for part in waiting if up.issuperset(part.needs)]
        if not ready:
            stuck = waiting[0]
            missing = sorted(set(stuck.needs) - names)
            why = f"needs {missing[0]}, which is not there" if missing else "waits for itself"
            raise StackError(f"{stuck.title} {why}")
        up.update(part.name for part in ready)
        waiting = [part for part in waiting if part not in ready]
