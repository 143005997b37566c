"""Sections of the report below its charts, in order. Another one is a template and a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from loadkit.analyse.result import Analysis


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, the template of the same key, and whether the run has anything to show."""

    key: str
    title: str
    present: Callable[[Analysis], bool]
    short: str = ""  # in the bar at the top

    @property
    def template(self) -> str:
        """Its template."""
        return f"sections/{self.key}.html.j2"


SECTIONS = (
    Section("stages", "Stages", lambda a: bool(a.stages)),
    Section("objectives", "Objectives", lambda a: bool(a.slos)),
    Section("operations", "Operations", lambda a: bool(a.operations)),
    Section("errors", "Errors", lambda a: bool(a.errors)),
    Section("alerts", "Alerts", lambda a: bool(a.alerts or a.notifications)),
    Section("faults", "Faults", lambda a: bool(a.faults)),
    Section("signals", "Signals", lambda a: bool(a.signals)),
    Section("spans", "Span tree", lambda a: bool(a.span_trees), "Spans"),
    Section("profiles", "Profiles", lambda a: bool(a.profiles or a.hot)),
    Section("memory", "Memory", lambda a: bool(a.memory and (a.memory.runs or a.memory.resident))),
    Section("logs", "Logs", lambda a: bool(a.logs)),
    Section("exemplars", "Slowest requests", lambda a: bool(a.exemplars), "Slowest"),
    Section("lead-lag", "Lead and lag", lambda a: a.lead_lag is not None),
    Section("together", "Moving together", lambda a: bool(a.associations), "Together"),
    Section("findings", "Findings", lambda a: bool(a.findings)),
    Section("trust", "How far to trust it", lambda a: True, "Trust"),
)


def present(analysis: Analysis) -> tuple[Section, ...]:
    """The sections this run has something for."""
    return tuple(section for section in SECTIONS if section.present(analysis))


def absent(analysis: Analysis) -> tuple[str, ...]:
    """Titles of those it has nothing for; a run without findings or failures lacks nothing."""
    silent = {"findings", "errors", "faults"}
    return tuple(s.title for s in SECTIONS if not s.present(analysis) and s.key not in silent)
