"""The nouns that travel between rooms. Values only: no I/O, no clock.

Durations are seconds and rates are per second unless a name says otherwise (``_ns`` nanoseconds,
``_ms`` milliseconds). Ratios run from 0 to 1.
"""

from loadkit.model.fault import FAULT_KINDS, Fault
from loadkit.model.load import Load, Rate, Stage, Users
from loadkit.model.objective import Slo
from loadkit.model.said import Finding, Outcome, Severity, Status, Verdict
from loadkit.model.scenario import STACKS, Scenario

__all__ = [
    "FAULT_KINDS",
    "STACKS",
    "Fault",
    "Finding",
    "Load",
    "Outcome",
    "Rate",
    "Scenario",
    "Severity",
    "Slo",
    "Stage",
    "Status",
    "Users",
    "Verdict",
]
