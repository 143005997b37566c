"""Collectors of a run: started, watched, stopped. One that fails becomes a finding."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from loadkit.errors import CollectError
from loadkit.model import Finding, Severity
from loadkit.ports import Collector
from loadkit.run.context import Run

_STOP_S = 20.0


class Sources:
    """The collectors of one run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._running: list[Collector] = []

    async def start(self, collectors: Sequence[Collector]) -> None:
        """Starts collectors; one that does not answer is left out and said."""
        for collector in collectors:
            try:
                await collector.start()
            except CollectError as error:
                self._failed(collector.name, str(error))
            else:
                self._running.append(collector)
                self._run.manifest.collectors[collector.name] = "ok"

    async def stop(self, *, quick: bool = False) -> None:
        """Stops them, the last started first; each gets a bounded time to read what is left."""
        patience = 2.0 if quick else _STOP_S
        while self._running:
            collector = self._running.pop()
            try:
                async with asyncio.timeout(patience):
                    await collector.stop()
            except TimeoutError:
                self._failed(collector.name, f"did not end within {patience:g} s")
            except CollectError as error:
                self._failed(collector.name, str(error))

    def _failed(self, name: str, reason: str) -> None:
        self._run.manifest.collectors[name] = f"failed: {reason}"
        self._run.note(
            Finding(
                "collector-failed",
                Severity.WARNING,
                f"Collector {name} failed: {reason.splitlines()[0]}",
                {"reason": reason},
            )
        )
