"""What findings and verdict are made from: the run, and everything computed from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from loadkit.analyse.accounting import Flow
from loadkit.analyse.context import Context
from loadkit.analyse.memory_result import MemoryResult
from loadkit.analyse.profile_result import ProfileDifference
from loadkit.analyse.result import (
    Accounting,
    AlertResult,
    ErrorKind,
    FaultResult,
    GeneratorResult,
    ProfileResult,
    SloResult,
    StageResult,
)
from loadkit.analyse.saturation import Use
from loadkit.analyse.series import Metrics
from loadkit.analyse.taken import Unknown


@dataclass(frozen=True, slots=True)
class Facts:
    """Read-only. ``live`` when the run is still under way."""

    context: Context
    metrics: Metrics
    flow: Flow
    live: bool
    stages: tuple[StageResult, ...]
    accounting: Accounting
    generator: GeneratorResult
    slos: tuple[SloResult, ...]
    alerts: tuple[AlertResult, ...]
    errors: tuple[ErrorKind, ...]
    faults: tuple[FaultResult, ...]
    uses: tuple[Use, ...]
    profiles: tuple[ProfileResult, ...]
    unknown_signals: tuple[Unknown, ...] = ()
    profile_differences: tuple[ProfileDifference, ...] = ()
    memory: MemoryResult = field(default_factory=MemoryResult)

    @property
    def state(self) -> str:
        """``complete``, ``interrupted``, ``aborted``, ``crashed`` or ``running``."""
        state = self.context.manifest.state
        if state == "running":
            return "running" if self.live else "crashed"
        return state if state in ("complete", "interrupted", "aborted") else "crashed"

    def completed_share(self, stage: StageResult) -> float | None:
        """Responses while a stage ran, of those that its arrivals called for; None when closed.

        An arrival is an iteration, which may send several requests. None too where closed users
        ran beside: their responses are among those completed.
        """
        if not stage.offered or stage.achieved is None or stage.mixed:
            return None
        return stage.achieved / (stage.offered * self._each)

    @property
    def _each(self) -> float:
        """Requests an arrival, over the stages that only have arrivals."""
        stages = [s for s in self.stages if s.planned_rate is not None and not s.mixed]
        sent, started = sum(s.sent or 0 for s in stages), sum(s.started or 0 for s in stages)
        started -= sum(self.flow.total("unfed", s.name) for s in stages)
        return sent / started if self.accounting.sent and sent and started else 1.0

    def stage(self, name: str | None) -> StageResult | None:
        """A stage's result by name."""
        return next((stage for stage in self.stages if stage.name == name), None)
