"""What findings and verdict are made from: the run, and everything computed from it."""

from __future__ import annotations

from dataclasses import dataclass

from loadkit.analyse.accounting import Flow
from loadkit.analyse.context import Context
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

    @property
    def state(self) -> str:
        """``complete``, ``interrupted``, ``crashed`` or ``running``."""
        state = self.context.manifest.state
        if state == "running":
            return "running" if self.live else "crashed"
        return {"complete": "complete", "interrupted": "interrupted"}.get(state, "crashed")

    def completed_share(self, stage: StageResult) -> float | None:
        """Responses while a stage ran, of those that its arrivals called for; None when closed.

        An arrival is an iteration, which may send several requests.
        """
        if not stage.offered or stage.achieved is None:
            return None
        sent, started = self.accounting.sent, self.accounting.started
        each = sent / started if sent and started else 1.0
        return stage.achieved / (stage.offered * each)

    def stage(self, name: str | None) -> StageResult | None:
        """A stage's result by name."""
        return next((stage for stage in self.stages if stage.name == name), None)
