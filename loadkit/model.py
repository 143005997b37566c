"""The nouns that travel between rooms. Values only: no I/O, no clock.

Durations are seconds and rates are per second unless a name says otherwise (``_ns`` nanoseconds,
``_ms`` milliseconds). Ratios run from 0 to 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeVar

from loadkit.errors import ScenarioError, UsageError

_T = TypeVar("_T")

PROFILE_SUFFIX = "-profile"
WARM_UP_NAMES = frozenset({"warm-up", "warmup"})


# -- load -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rate:
    """Open model: iterations arrive at ``rate`` a second whether or not earlier ones are done.

    ``to`` makes it a linear ramp that ends at that rate. ``max_users`` bounds how many iterations
    may run at once (default: ten times the highest rate, at least 1); arrivals beyond wait for a
    free user and are counted as late.

    Raises:
        ScenarioError: a rate is negative or not finite, a constant rate is zero, or ``max_users``
            is below 1.
    """

    rate: float
    to: float | None = None
    max_users: int | None = None

    def __post_init__(self) -> None:
        for value in (self.rate, self.to):
            if value is not None and not (_is_number(value) and value >= 0):
                raise ScenarioError(
                    f"rate must be positive, got {value!r}",
                    remedy="Give the arrivals a second, for example load=Rate(150).",
                )
        if self.peak <= 0:
            raise ScenarioError(
                "rate must be positive, got 0",
                remedy="Give the arrivals a second, for example load=Rate(150).",
            )
        if self.max_users is not None and not (_is_int(self.max_users) and self.max_users >= 1):
            raise ScenarioError(
                f"max_users must be a whole number of at least 1, got {self.max_users!r}",
                remedy="Leave it out for ten users per arrival a second.",
            )

    @property
    def end(self) -> float:
        """Arrivals a second when the stage ends."""
        return self.rate if self.to is None else self.to

    @property
    def peak(self) -> float:
        """The highest rate in the stage."""
        return max(self.rate, self.end)

    @property
    def pool(self) -> int:
        """How many users may serve arrivals at once."""
        return self.max_users or max(1, math.ceil(10 * self.peak))


@dataclass(frozen=True, slots=True)
class Users:
    """Closed model: ``users`` of them, each waiting its think time after every iteration.

    ``to`` makes it a linear ramp that ends at that number.

    Raises:
        ScenarioError: a number of users is negative or not whole, or none ever run.
    """

    users: int
    to: int | None = None

    def __post_init__(self) -> None:
        for value in (self.users, self.to):
            if value is not None and not (_is_int(value) and value >= 0):
                raise ScenarioError(
                    f"users must be a whole number, got {value!r}",
                    remedy="Give how many run at once, for example load=Users(20).",
                )
        if self.peak == 0:
            raise ScenarioError(
                "users must be positive, got 0",
                remedy="Give how many run at once, for example load=Users(20).",
            )

    @property
    def end(self) -> int:
        """Users when the stage ends."""
        return self.users if self.to is None else self.to

    @property
    def peak(self) -> int:
        """The highest number of users in the stage."""
        return max(self.users, self.end)

    @property
    def pool(self) -> int:
        """How many users the stage needs."""
        return self.peak


Load = Rate | Users


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of the run under one kind of load.

    A warm-up stage is left out of every verdict; a profile stage is too, and the profiler runs
    only there. Both follow from the name (``warm-up``; ``…-profile``) unless said otherwise.

    Raises:
        ScenarioError: the name is empty or has a character that options need, or the duration is
            not positive.
    """

    name: str
    load: Load
    duration: float
    warmup: bool | None = None
    profile: bool | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(r"[A-Za-z0-9][\w-]*", self.name):
            raise ScenarioError(
                f"a stage's name must be letters, digits, '-' and '_', got {self.name!r}"
            )
        if not isinstance(self.load, Rate | Users):
            raise ScenarioError(
                f"stage {self.name!r}: load must be Rate(...) or Users(...), got {self.load!r}"
            )
        if not (_is_number(self.duration) and self.duration > 0):
            raise ScenarioError(
                f"stage {self.name!r}: duration must be positive, got {self.duration!r}",
                remedy="Give seconds, for example duration=30.",
            )
        if self.warmup is None:
            object.__setattr__(self, "warmup", self.name.lower() in WARM_UP_NAMES)
        if self.profile is None:
            object.__setattr__(self, "profile", self.name.lower().endswith(PROFILE_SUFFIX))

    @property
    def measured(self) -> bool:
        """Whether verdicts may rest on this stage."""
        return not (self.warmup or self.profile)


# -- objectives and expectations ----------------------------------------------------------------

_SLO = re.compile(
    r"""\s*(?:(?P<scope>.*?\S)\s*:\s+)?
        (?:(?P<measure>response|service)\s+)?
        (?P<metric>p\d+(?:\.\d+)?|mean|max|errors|rate)\s*
        (?P<op><=|>=|<|>)\s*
        (?P<value>\d+(?:\.\d+)?)\s*(?P<unit>µs|us|ms|s|min|%|/s)?\s*""",
    re.VERBOSE,
)
_SECONDS = {"µs": 1e-6, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}
_SLO_REMEDY = (
    "Write for example 'p95 < 300 ms', 'errors < 1 %', 'rate > 140 /s' "
    "or 'POST /api/v1/costs@peak: p99 < 1 s'."
)


@dataclass(frozen=True, slots=True)
class Slo:
    """An objective, as text: ``[OPERATION][@STAGE]: [service|response] METRIC < VALUE UNIT``.

    ``metric`` is ``p50``…``p99.9``, ``mean``, ``max`` (threshold in seconds), ``errors``
    (threshold a ratio) or ``rate`` (completions a second). Times are response times unless
    ``service`` is said. Without a stage it holds for every measured stage, each by itself;
    without an operation for all operations together.

    Raises:
        UsageError: the text does not parse, or the unit does not fit the metric.
    """

    text: str
    metric: str = field(init=False)
    comparator: str = field(init=False)
    threshold: float = field(init=False)
    measure: str = field(init=False)
    operation: str | None = field(init=False)
    stage: str | None = field(init=False)

    def __post_init__(self) -> None:
        found = _SLO.fullmatch(self.text) if isinstance(self.text, str) else None
        if found is None:
            raise UsageError(f"objective {self.text!r} is not understood", remedy=_SLO_REMEDY)
        metric, unit = found["metric"], found["unit"]
        operation, stage = _split_scope(found["scope"])
        values = {
            "metric": metric,
            "comparator": found["op"],
            "threshold": _threshold(self.text, metric, float(found["value"]), unit),
            "measure": found["measure"] or "response",
            "operation": operation,
            "stage": stage,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def quantile(self) -> float | None:
        """The quantile asked for, from 0 to 1; None when the metric is not one."""
        return float(self.metric[1:]) / 100 if self.metric.startswith("p") else None


def _split_scope(scope: str | None) -> tuple[str | None, str | None]:
    if not scope:
        return None, None
    operation, at, stage = scope.rpartition("@")
    if not at:
        return scope.strip(), None
    return operation.strip() or None, stage.strip() or None


def _threshold(text: str, metric: str, value: float, unit: str | None) -> float:
    if metric == "errors":
        if unit not in ("%", None):
            raise UsageError(f"objective {text!r}: errors are a share", remedy=_SLO_REMEDY)
        return value / 100 if unit == "%" else value
    if metric == "rate":
        if unit not in ("/s", None):
            raise UsageError(f"objective {text!r}: a rate is in /s", remedy=_SLO_REMEDY)
        return value
    if unit not in _SECONDS:
        raise UsageError(f"objective {text!r} needs a unit of time", remedy=_SLO_REMEDY)
    if metric.startswith("p") and not 0 < float(metric[1:]) < 100:
        raise UsageError(f"objective {text!r}: a percentile lies between 0 and 100")
    return value * _SECONDS[unit]


@dataclass(frozen=True, slots=True)
class AlertExpectation:
    """An alert that must fire during the run, or must not."""

    alert: str
    kind: Literal["expect", "forbid"]


# -- faults -------------------------------------------------------------------------------------

_FAULT = re.compile(
    r"\s*(?P<kind>[a-z_]+)(?::(?P<step>[\w]+))?\s*=\s*"
    r"(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|%)?\s*@\s*(?P<stage>[\w-]+)\s*"
)
FAULT_KINDS: Mapping[str, str] = {
    "error_rate": "share of requests that fail, 0 to 1",
    "latency": "seconds added at a step (latency:STEP), by default to the whole request",
    "cpu": "seconds of CPU burned in each request",
    "pool_slots": "slots left in the store's pool",
}
_FAULT_REMEDY = (
    "Write KIND=VALUE@STAGE, for example error_rate=0.08@peak or latency:store_cost=200ms@peak; "
    f"kinds: {', '.join(FAULT_KINDS)}."
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something broken on purpose in the service for the length of one stage.

    Raises:
        UsageError: an unknown kind, or a value out of range for it.
    """

    kind: str
    value: float
    stage: str
    step: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in FAULT_KINDS:
            raise UsageError(f"fault {self.kind!r} is not known", remedy=_FAULT_REMEDY)
        if not (_is_number(self.value) and self.value >= 0):
            raise UsageError(f"fault {self.kind}: the value must not be negative")
        if self.kind == "error_rate" and self.value > 1:
            raise UsageError(
                f"fault error_rate: a share lies between 0 and 1, got {self.value:g}",
                remedy="Write 0.08 or 8%.",
            )
        if self.step is not None and self.kind not in ("latency", "cpu"):
            raise UsageError(f"fault {self.kind} has no step", remedy=_FAULT_REMEDY)

    @classmethod
    def parse(cls, text: str) -> Fault:
        """``KIND[:STEP]=VALUE@STAGE``; the value may carry ms, s or %."""
        found = _FAULT.fullmatch(text)
        if found is None:
            raise UsageError(f"fault {text!r} is not understood", remedy=_FAULT_REMEDY)
        scale = {"ms": 1e-3, "%": 1e-2}.get(found["unit"] or "", 1.0)
        return cls(found["kind"], float(found["value"]) * scale, found["stage"], found["step"])

    def __str__(self) -> str:
        step = f":{self.step}" if self.step else ""
        return f"{self.kind}{step}={self.value:g}@{self.stage}"


# -- scenario -----------------------------------------------------------------------------------

STACKS = ("none", "embedded", "external")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is to happen, declared at module level of a scenario file.

    ``slos`` are objectives as text; ``expect`` and ``forbid`` are names of alerts; ``faults`` are
    Fault values. ``stack`` is what loadkit starts beside the load. ``seed`` makes everything
    random repeatable. ``name`` is the file's stem unless given.

    Raises:
        ScenarioError: no stage, two of one name, or something names a stage that is not there.
        UsageError: an objective does not parse.
    """

    stages: tuple[Stage, ...]
    name: str | None = None
    slos: tuple[Slo, ...] = ()
    expect: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    stack: str = "none"
    seed: int = 0

    def __init__(
        self,
        stages: Iterable[Stage] = (),
        *,
        name: str | None = None,
        slos: Iterable[str | Slo] = (),
        expect: Iterable[str] = (),
        forbid: Iterable[str] = (),
        faults: Iterable[Fault] = (),
        stack: str = "none",
        seed: int = 0,
    ) -> None:
        values = {
            "stages": tuple(stages),
            "name": name,
            "slos": tuple(s if isinstance(s, Slo) else Slo(s) for s in _listed(slos, "slos")),
            "expect": tuple(_listed(expect, "expect")),
            "forbid": tuple(_listed(forbid, "forbid")),
            "faults": tuple(faults),
            "stack": stack,
            "seed": seed,
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)
        _check_scenario(self)

    @property
    def duration(self) -> float:
        """Seconds from the first arrival to the end of the last stage."""
        return sum(stage.duration for stage in self.stages)

    def stage(self, name: str) -> Stage:
        """The stage of that name.

        Raises:
            ScenarioError: there is none.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise ScenarioError(f"there is no stage {name!r}", remedy=_stage_remedy(self))

    def starts(self) -> dict[str, float]:
        """When each stage begins, in seconds since the start of the load."""
        result, at = {}, 0.0
        for stage in self.stages:
            result[stage.name] = at
            at += stage.duration
        return result


def _listed(values: Iterable[_T], what: str) -> list[_T]:
    if isinstance(values, str):  # a string is iterable, letter by letter
        raise ScenarioError(f"{what} must be a list, got {values!r}")
    return list(values)


def _stage_remedy(scenario: Scenario) -> str:
    return f"Stages: {', '.join(stage.name for stage in scenario.stages)}."


def _check_scenario(scenario: Scenario) -> None:
    if not scenario.stages:
        raise ScenarioError(
            "the scenario has no stages",
            remedy='Give at least one: Stage("steady", load=Rate(200), duration=30).',
        )
    for stage in scenario.stages:
        if not isinstance(stage, Stage):
            raise ScenarioError(f"stages must be Stage(...), got {stage!r}")
    names = [stage.name for stage in scenario.stages]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ScenarioError(f"two stages are named {twice[0]!r}", remedy="Give each its own name.")
    if scenario.stack not in STACKS:
        raise ScenarioError(
            f"stack {scenario.stack!r} is not known", remedy=f"One of: {', '.join(STACKS)}."
        )
    for fault in scenario.faults:
        if not isinstance(fault, Fault):
            raise ScenarioError(f"faults must be Fault(...), got {fault!r}")
        scenario.stage(fault.stage)
    for slo in scenario.slos:
        if slo.stage is not None:
            scenario.stage(slo.stage)
    both = sorted(set(scenario.expect) & set(scenario.forbid))
    if both:
        raise ScenarioError(f"alert {both[0]!r} is both expected and forbidden")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# -- what is said at the end --------------------------------------------------------------------


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
    """One thing worth knowing. ``slug`` names its page in the docs; evidence is label → text."""

    slug: str
    severity: Severity
    summary: str
    evidence: Mapping[str, str] = field(default_factory=dict)


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
