"""What every part of a run in progress shares: the bundle, the plan, the clock, the notes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from loadkit.bundle.clock import read_pair
from loadkit.bundle.manifest import Manifest
from loadkit.bundle.writer import BundleWriter
from loadkit.live.meters import Meters
from loadkit.model import Finding, Severity
from loadkit.run.live import Live
from loadkit.run.plan import Plan


class Screen(Protocol):
    """What shows a run while it goes on. Writes to standard error only."""

    def say(self, text: str) -> None:
        """One line that stays."""

    def started(self, name: str, seconds: float) -> None:
        """A component is up after so many seconds."""

    def show(self, live: Live) -> None:
        """The state right now, about once a second."""

    def clear(self) -> None:
        """Removes the live view: what follows is final."""


@dataclass(slots=True)
class Run:
    """A run in progress."""

    directory: Path
    manifest: Manifest
    writer: BundleWriter
    plan: Plan
    screen: Screen
    began: asyncio.Event = field(default_factory=asyncio.Event)
    load_over: asyncio.Event = field(default_factory=asyncio.Event)
    meters: Meters | None = None

    def note(self, finding: Finding) -> None:
        """Records a finding made while measuring."""
        self.writer.append(
            "findings",
            [
                {
                    "mono_ns": time.monotonic_ns(),
                    "slug": finding.slug,
                    "severity": finding.severity.value,
                    "summary": finding.summary,
                    "evidence": json.dumps(dict(finding.evidence), ensure_ascii=False),
                }
            ],
        )

    def save_manifest(self) -> None:
        """Writes the manifest; on a full disk the old one stays, and the end tries again."""
        with contextlib.suppress(OSError):
            self.manifest.save(self.directory)

    @property
    def t0_ns(self) -> int:
        """CLOCK_MONOTONIC ns of the start of the load; only once ``began`` is set."""
        assert self.manifest.t0_mono_ns is not None
        return self.manifest.t0_mono_ns

    async def until(self, second: float) -> bool:
        """Sleeps until a second of the load; False when the load was over before."""
        await self.began.wait()
        remaining = second - (time.monotonic_ns() - self.t0_ns) / 1e9
        try:
            async with asyncio.timeout(max(0.0, remaining)):
                await self.load_over.wait()
        except TimeoutError:
            return True
        return False


async def keep_time(run: Run) -> None:
    """Once a second reads both clocks and writes to disk what has come in; ends by cancelling."""
    full = False
    while True:
        mono, wall = read_pair()
        run.writer.append("clock", [{"mono_ns": mono, "wall_ns": wall}])
        failure = run.writer.flush()
        if failure and not full:
            full = True
            run.screen.say(f"warning: the bundle cannot be written: {failure}")
            run.note(
                Finding(
                    "disk-full",
                    Severity.ERROR,
                    f"The bundle could not be written for a while: {failure}.",
                    {"folder": run.directory.name},
                )
            )
        await asyncio.sleep(1)
