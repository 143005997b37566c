"""The stretch of a run that a finding is about, so that a reader can go there in the charts."""

from __future__ import annotations

from collections.abc import Iterable

from loadkit.analyse.facts import Facts
from loadkit.analyse.result import AlertResult

Span = tuple[float, float]


def of_stages(facts: Facts, names: Iterable[str], since_s: float | None = None) -> Span | None:
    """From the first to the last of some stages; from ``since_s`` on where that is known."""
    wanted = set(names)
    stages = [stage for stage in facts.stages if stage.name in wanted]
    if not stages:
        return None
    end = max(stage.start_s + stage.duration_s for stage in stages)
    start = min(stage.start_s for stage in stages)
    return (start if since_s is None else min(since_s, end), end)


def of_alert(alert: AlertResult) -> Span | None:
    """From pending to resolved, over all its spells."""
    starts = [t for s in alert.spells for t in (s.pending_at, s.firing_at) if t is not None]
    ends = [s.active_until if s.resolved_at is None else s.resolved_at for s in alert.spells]
    return (min(starts), max(ends)) if starts else None
