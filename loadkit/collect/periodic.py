"""What the tasks of all collectors have in common: a beat, and one finding an outage."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from loadkit.errors import CollectError
from loadkit.model import Finding, Severity
from loadkit.ports import Notes
from loadkit.scrub import scrub

RECOVERED = "source-recovered"


class Outage:
    """Tells a failing source apart from one that is gone: one finding an outage, not an attempt.

    Args:
        note: takes the finding.
        slug: of the finding.
        source: how people call what is read.
        missing: what the bundle lacks meanwhile.
        tolerate: failures in a row that are passed over.
    """

    def __init__(
        self, note: Notes, slug: str, source: str, missing: str, *, tolerate: int = 1
    ) -> None:
        self._note = note
        self._slug = slug
        self._source = source
        self._missing = missing
        self._tolerate = tolerate
        self._failures = 0
        self._good_mono = time.monotonic_ns()
        self._good_wall = time.time_ns()

    @property
    def lasting(self) -> bool:
        """Whether the last attempt failed."""
        return self._failures > 0

    def succeeded(self) -> None:
        """The source answered."""
        if self._failures > self._tolerate:
            seconds = (time.monotonic_ns() - self._good_mono) / 1e9
            self._note(
                Finding(
                    RECOVERED,
                    Severity.INFO,
                    f"{self._source} answers again after {seconds:.1f} s.",
                    self._evidence(),
                )
            )
        self._failures = 0
        self._good_mono, self._good_wall = time.monotonic_ns(), time.time_ns()

    def failed(self, error: Exception, *, final: bool = False) -> None:
        """It did not; ``final`` says that no further attempt will be made."""
        reported = self._failures > self._tolerate
        self._failures = max(self._failures + 1, self._tolerate + 1 if final else 0)
        if reported or self._failures <= self._tolerate:
            return
        self._note(
            Finding(
                self._slug,
                Severity.ERROR,
                f"{self._source} stopped answering; {self._missing} from then on are missing.",
                {**self._evidence(), "error": reason(error)},
            )
        )

    def _evidence(self) -> dict[str, str]:
        since = datetime.fromtimestamp(self._good_wall / 1e9, UTC)
        return {
            "last answer": since.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "last answer, mono_ns": str(self._good_mono),
        }


def reason(error: Exception) -> str:
    """A line about an error, without secrets; its type too when it is not one of ours."""
    if isinstance(error, CollectError):
        text = ": ".join(filter(None, (error.where, error.what)))
    else:
        text = f"{type(error).__name__}: {error}"
    return scrub(" ".join(text.split()), 500)


class Periodic:
    """Calls ``step`` every ``every_s`` seconds until it is stopped; what it raises ends nothing.

    A step that takes longer than the beat delays the next one; missed beats are not made up for.
    """

    def __init__(
        self,
        step: Callable[[], Awaitable[None]],
        every_s: float,
        outage: Outage | None = None,
        *,
        retry_s: float | None = None,
    ) -> None:
        self._step = step
        self._every_s = every_s
        self._outage = outage
        self._retry_s = min(every_s, 1.0) if retry_s is None else retry_s
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    def start(self) -> None:
        """Begins; the first step is taken at once."""
        self._wake.clear()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends after the step under way. Safe before a start, and twice."""
        task, self._task = self._task, None
        if task is None:
            return
        self._wake.set()
        try:
            await task
        except asyncio.CancelledError:
            task.cancel()
            raise

    async def once(self, *, final: bool = False) -> bool:
        """One step now, with the same care; whether it succeeded."""
        try:
            await self._step()
        except Exception as error:
            if self._outage is not None:
                self._outage.failed(error, final=final)
            return False
        if self._outage is not None:
            self._outage.succeeded()
        return True

    async def _run(self) -> None:
        due = time.monotonic()
        while not self._wake.is_set():
            good = await self.once()
            now = time.monotonic()
            due = max(due + (self._every_s if good else self._retry_s), now)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), due - now)
