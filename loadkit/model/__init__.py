"""The nouns that travel between rooms. Values only: no I/O, no clock. The one exception is
``Replay.from_file``, which reads a recording while a scenario file is imported.

Durations are seconds and rates are per second unless a name says otherwise (``_ns`` nanoseconds,
``_ms`` milliseconds). Ratios run from 0 to 1.
"""

from loadkit.model.abort import AbortRule
from loadkit.model.fault import FAULT_KINDS, Fault
from loadkit.model.load import Load, Open, Stage
from loadkit.model.objective import Slo
from loadkit.model.said import Finding, Outcome, Severity, Status, Verdict
from loadkit.model.scenario import STACKS, Scenario
from loadkit.model.shapes import OpenLoad, Rate, Replay, Sine, Spike, Steps, Users

__all__ = [
    "FAULT_KINDS",
    "STACKS",
    "AbortRule",
    "Fault",
    "Finding",
    "Load",
    "Open",
    "OpenLoad",
    "Outcome",
    "Rate",
    "Replay",
    "Scenario",
    "Severity",
    "Sine",
    "Slo",
    "Spike",
    "Stage",
    "Status",
    "Steps",
    "Users",
    "Verdict",
]
