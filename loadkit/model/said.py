"""What is said of a run: outcomes, findings, verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """How a request ended. Percentiles cover ok, failed and raised; cancelled ones did not end."""

    OK = "ok"
    FAILED = "failed"
    RAISED = "raised"
    CANCELLED = "cancelled"


class Severity(StrEnum):
    """How much a finding matters; ``ERROR`` means that a part of the run cannot be trusted."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth knowing. ``slug`` names its page in the docs; evidence is label → text.

    ``span_s``: the stretch of the run it is about, seconds since the load began; None without one.
    """

    slug: str
    severity: Severity
    summary: str
    evidence: Mapping[str, str] = field(default_factory=dict)
    span_s: tuple[float, float] | None = None


class Status(StrEnum):
    """What became of an expectation. Missing data is inconclusive, never a pass."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was expected, what was observed, and which of the three it is."""

    expected: str
    observed: str
    status: Status
