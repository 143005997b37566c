"""What analysis makes of a bundle: plain values a renderer can draw without looking further.

Times ``*_s`` are seconds; on the time axis they count from the start of the load (events before it
are negative). None is "not known", never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadkit.analyse.profile_result import ProfileDifference, ThreadUse
from loadkit.analyse.proportions import Estimate
from loadkit.analyse.steps import Timeline
from loadkit.model import Finding, Verdict

if TYPE_CHECKING:
    from loadkit.analyse.difference import Difference
    from loadkit.analyse.memory_result import MemoryResult


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Nearest-rank percentiles of one histogram, seconds."""

    count: int
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p999: float | None
    max: float | None
    mean: float | None


@dataclass(frozen=True, slots=True)
class StageResult:
    """One stage: plan, what was reached, over all operations."""

    name: str
    start_s: float
    duration_s: float
    measured: bool
    warmup: bool
    profile: bool
    planned_rate: tuple[float, float] | None  # first and last, arrivals a second; None when closed
    users: tuple[int, int] | None  # first and last of closed loads; None without any
    offered: float | None  # arrivals planned a second; None when closed
    achieved: float | None  # responses completed a second
    count: int  # requests due in the stage that ended
    failures: int
    error_ratio: float | None
    service: Percentiles
    response: Percentiles
    lateness: Percentiles | None
    reached_s: float | None = None  # seconds of it that were run; less than planned when cut short
    mean_rate: float | None = None  # arrivals planned a second, over the whole stage
    sent: int | None = None  # requests sent of what was due in it
    started: int | None = None  # arrivals of it that started
    load: str = ""  # its load in words, where it is more than a rate or a number of users

    @property
    def mixed(self) -> bool:
        """Whether open and closed loads ran in it at once: what was completed is of both."""
        return self.planned_rate is not None and self.users is not None


@dataclass(frozen=True, slots=True)
class OperationResult:
    """One operation in one stage."""

    operation: str
    stage: str
    count: int
    failures: int
    service: Percentiles
    response: Percentiles


@dataclass(frozen=True, slots=True)
class IterationResult:
    """Whole iterations of one task in one stage."""

    task: str
    stage: str
    count: int
    service: Percentiles  # from its start
    response: Percentiles  # from when it was due


@dataclass(frozen=True, slots=True)
class Accounting:
    """The books over all stages; ``sent = ok + failed + raised + cancelled + in_flight``."""

    planned: int | None
    started: int | None
    late: int | None
    never_started: int | None
    sent: int | None
    completed: int | None
    ok: int
    failed: int
    raised: int
    cancelled: int
    in_flight: int | None
    balanced: bool | None
    unknown: int = 0  # arrivals of lost workers of which nobody can say whether they started


@dataclass(frozen=True, slots=True)
class WorkerResult:
    """One of several processes that made the load; its clock beside the master's."""

    name: str
    host: str
    state: str  # ended, lost, or where it had got to when the run ended
    cpu_mean: float | None  # share of one core until the load's end
    cpu_max: float | None
    offset_s: float  # the master's clock minus its own
    uncertainty_s: float
    lost_from_s: float | None  # its last acknowledged word, where it was lost
    lost_until_s: float | None  # when it can have sent nothing more
    unknown: int | None  # arrivals due in between, or waiting then


@dataclass(frozen=True, slots=True)
class GeneratorResult:
    """Whether the generator's numbers can be trusted: valid, degraded or invalid."""

    verdict: str
    reasons: tuple[str, ...]
    bad_seconds: tuple[int, ...]
    cpu_mean: float | None  # share of one core in measured stages
    cpu_max: float | None
    lag_p99_s: float | None
    lag_max_s: float | None
    lateness_p99_s: float | None
    gc_max_s: float | None


@dataclass(frozen=True, slots=True)
class SloResult:
    """One objective in one stage."""

    slo: str
    stage: str
    verdict: Verdict
    threshold: float
    value: float | None
    first_bad_s: float | None  # first second in which it was missed, None when never


@dataclass(frozen=True, slots=True)
class AlertSpell:
    """One stretch of one alert: pending, maybe firing, maybe resolved. Seconds since start."""

    name: str
    labels: Mapping[str, str]
    pending_at: float | None
    firing_at: float | None
    resolved_at: float | None
    notified_at: float | None
    notified_resolved_at: float | None
    receiver: str | None
    active_until: float  # last second it was seen active
    counted: bool = True  # False: outside expectations (warm-up, profile stage, before the load)


@dataclass(frozen=True, slots=True)
class AlertResult:
    """One alert rule: what was expected of it and what it did."""

    name: str
    role: str  # expected, forbidden or shown
    severity: str | None
    verdict: Verdict | None  # None when only shown
    spells: tuple[AlertSpell, ...]
    note: str | None  # why it could not be judged, for example: no source


@dataclass(frozen=True, slots=True)
class NotificationResult:
    """One message as Alertmanager delivered it."""

    at_s: float
    receiver: str
    integration: str
    status: str
    alert: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class FaultResult:
    """One fault as the service recorded it."""

    kind: str
    step: str | None
    value: float
    stage: str
    start_s: float
    end_s: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One series on the time axis; y is None where nothing was measured."""

    name: str
    unit: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """One cell of golden signals, RED or USE: a line, and base against peak in words."""

    method: str  # golden, RED or USE
    name: str  # Latency, Traffic, Errors, Saturation · Rate, Errors, Duration · Utilization, …
    resource: str  # what it is about
    source: str  # where the number comes from
    base: str | None
    peak: str | None
    line: Line | None


@dataclass(frozen=True, slots=True)
class RoleResult:
    """What a metric of the service was taken for, and why."""

    role: str  # rate, errors, duration or saturation
    metric: str | None  # as it stands in loadkit.toml; None when nothing was found
    reason: str
    said: bool = False  # by [signals] of loadkit.toml


@dataclass(frozen=True, slots=True)
class SpanNode:
    """One step of the span tree over the traces of one group (seconds)."""

    name: str
    depth: int
    p50_self: float | None  # time in the step itself, median over the group
    p50_total: float | None
    share: float | None  # of the root's time, by mean
    count: int


@dataclass(frozen=True, slots=True)
class SpanTree:
    """A tree for p50 requests beside that for p99 requests of one root."""

    root: str
    typical: tuple[SpanNode, ...]
    slow: tuple[SpanNode, ...]
    typical_traces: int
    slow_traces: int
    note: str


@dataclass(frozen=True, slots=True)
class LogGroup:
    """Log lines alike."""

    level: str
    action: str
    error_type: str
    count: int
    first_s: float | None
    example: str
    trace_id: str | None


@dataclass(frozen=True, slots=True)
class Frame:
    """A node of a flame graph: samples under it, and its children."""

    name: str
    count: int
    children: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class HotFunction:
    """Share of samples with the function at the leaf (self) or anywhere (total)."""

    function: str
    base_self: float | None
    peak_self: float | None
    base_total: float | None
    peak_total: float | None


@dataclass(frozen=True, slots=True)
class ProfileResult:
    """One process in one profile stage."""

    stage: str
    process: str
    samples: int
    errors: int
    unrooted: int
    rate_hz: int
    blocking: bool
    flame: Frame | None
    message: str | None
    slices: int = 0  # of samples that held the lock; 0 in bundles that know no slices
    looks: int = 0  # at all threads
    held: Estimate | None = None  # share of the time in which some thread held the lock
    threads: tuple[ThreadUse, ...] = ()
    file: str | None = None  # collapsed stacks in the bundle


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """Failures alike, over all stages."""

    kind: str
    operation: str
    count: int
    message: str
    first_s: float | None


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A slow request with its trace."""

    at_s: float
    operation: str
    stage: str
    outcome: str
    response_s: float
    service_s: float
    trace_id: str
    kept: bool  # whether its spans are in the bundle


@dataclass(frozen=True, slots=True)
class Association:
    """Two series that moved together in the measured seconds. Not a cause."""

    series: str
    rho: float  # Spearman's rank correlation with p95 response time
    n: int


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A change of a series' level; 95 % sure to lie between ``low_s`` and ``high_s``."""

    at_s: float
    low_s: float
    high_s: float
    before: float  # medians of the two levels, in the series' unit
    after: float
    planned: str = ""  # the planned change of the load, or the fault, that lies there


@dataclass(frozen=True, slots=True)
class Strip:
    """A series of the measured stages with its change points."""

    name: str
    unit: str  # s or ratio
    line: Line
    changes: tuple[ChangePoint, ...]
    latency: bool


@dataclass(frozen=True, slots=True)
class Lag:
    """From a change of a resource to one of latency; positive: the resource's came first."""

    latency: str
    resource: str
    at_s: float  # of the latency's change
    resource_at_s: float
    lag_s: float  # median, and the interval that holds 95 %
    low_s: float
    high_s: float
    order: str  # of the resource: before or after; empty where none can be told
    planned: str = ""  # the planned change of the load at the latency's


@dataclass(frozen=True, slots=True)
class LeadLag:
    """Change points and the order that they tell. An order is no cause."""

    strips: tuple[Strip, ...]
    lags: tuple[Lag, ...]
    watched: int  # series in which changes were looked for


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the four questions of a load test, answered in a line."""

    question: str
    answer: str
    trust: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything a report says, in order."""

    name: str
    started: str  # ISO 8601, UTC
    verdict: str  # passed, failed, inconclusive, invalid, interrupted or broken
    headline: str
    exit_status: int
    state: str  # complete, interrupted, aborted, crashed or running
    answers: tuple[Answer, ...]
    stages: tuple[StageResult, ...]
    operations: tuple[OperationResult, ...]
    accounting: Accounting
    generator: GeneratorResult
    slos: tuple[SloResult, ...]
    alerts: tuple[AlertResult, ...]
    notifications: tuple[NotificationResult, ...]
    faults: tuple[FaultResult, ...]
    rate_lines: tuple[Line, ...]  # offered, achieved, 1/s
    latency_lines: tuple[Line, ...]  # p50 p95 p99 p99.9 of response time, s
    error_lines: tuple[Line, ...]  # per kind, 1/s
    saturation_lines: tuple[Line, ...]  # ratios 0..1
    signals: tuple[Signal, ...]
    span_trees: tuple[SpanTree, ...]
    logs: tuple[LogGroup, ...]
    profiles: tuple[ProfileResult, ...]
    hot: tuple[HotFunction, ...]
    errors: tuple[ErrorKind, ...]
    exemplars: tuple[Exemplar, ...]
    associations: tuple[Association, ...]
    findings: tuple[Finding, ...]
    method: tuple[tuple[str, str], ...]  # label, text: how it was measured
    end_s: float  # end of the time axis
    missing: tuple[str, ...] = ()  # what is missing, in words
    base_stage: str | None = None  # the lowest measured load: "base" of signals and profiles
    peak_stage: str | None = None  # the highest measured load
    load_end_s: float | None = None  # how far load was sent; end_s may lie beyond it
    time_scale: int = 1  # Prometheus' intervals were divided by this
    iterations: tuple[IterationResult, ...] = ()  # empty where each is one request
    workers: tuple[WorkerResult, ...] = ()  # empty for a load of one process
    timeline: Timeline | None = None  # histograms over time; None without any response
    profile_differences: tuple[ProfileDifference, ...] = ()  # peak against base, a process each
    roles: tuple[RoleResult, ...] = ()  # empty where no metrics of the service are known
    difference: Difference | None = None  # against a baseline that was named
    memory: MemoryResult | None = None  # None: nothing looked at it
    lead_lag: LeadLag | None = None  # None where too few seconds were measured
