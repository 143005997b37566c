"""Two runs side by side: plain differences, and what makes them hard to compare.

Nothing is judged here. Two single runs of the same thing differ by chance, so a difference is what
was measured and no verdict; how large differences by chance are, only repetitions can tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from loadkit.analyse.result import (
    AlertResult,
    Analysis,
    Line,
    OperationResult,
    Percentiles,
    StageResult,
)
from loadkit.analyse.setting import obstacles
from loadkit.bundle.manifest import Manifest

ROUND_OFF_S = 1e-6


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is compared of a stage, or of an operation in it. Rates a second, times in seconds."""

    count: int  # requests due in it that ended
    rate: float | None  # responses a second; of an operation: requests due a second
    error_ratio: float | None
    p50: float | None  # of response time
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Pair:
    """A stage, or an operation in a stage, in both runs."""

    stage: str
    operation: str | None  # None: all of them
    now: Numbers
    before: Numbers


@dataclass(frozen=True, slots=True)
class Use:
    """The mean of a saturation over a stage in both runs, 0 to 1."""

    stage: str
    resource: str
    now: float | None
    before: float | None


@dataclass(frozen=True, slots=True)
class AlertChange:
    """An alert that did something in either run: how often it fired, and first when."""

    name: str
    now: int | None  # None: the run knows no such alert
    before: int | None
    now_s: float | None  # first firing, seconds since the load began
    before_s: float | None


@dataclass(frozen=True, slots=True)
class FindingChange:
    """A finding that only one of the runs has."""

    slug: str
    severity: str
    summary: str
    here: bool  # whether it is this run that has it


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of this run's axis with the baseline under it, ``shift_s`` later than it was."""

    start_s: float
    end_s: float
    shift_s: float


@dataclass(frozen=True, slots=True)
class Difference:
    """This run against another one, the baseline."""

    before: Analysis
    obstacles: tuple[str, ...]  # what differs beside what was measured
    stages: tuple[Pair, ...]
    operations: tuple[Pair, ...]
    uses: tuple[Use, ...]
    alerts: tuple[AlertChange, ...]
    findings: tuple[FindingChange, ...]
    only_now: tuple[str, ...]  # "stage peak", "operation GET /", "resource worker queue"
    only_before: tuple[str, ...]
    places: tuple[Place, ...]
    by_stage: bool  # whether places are stages; else both begin with the load


def difference(
    now: Analysis, before: Analysis, now_manifest: Manifest, before_manifest: Manifest
) -> Difference:
    """Everything that can be set side by side, matched by name."""
    places = _places(now, before)
    return Difference(
        before=before,
        obstacles=obstacles(now, before, now_manifest, before_manifest),
        stages=_stages(now, before),
        operations=_operations(now, before),
        uses=_uses(now, before),
        alerts=_alerts(now, before),
        findings=_findings(now, before),
        only_now=_only(now, before),
        only_before=_only(before, now),
        places=places or _whole(now, before),
        by_stage=bool(places),
    )


def _numbers(count: int, failures: int, rate: float | None, times: Percentiles) -> Numbers:
    ratio = failures / count if count else None
    return Numbers(count, rate, ratio, times.p50, times.p95, times.p99)


def _by_name(analysis: Analysis) -> dict[str, StageResult]:
    return {stage.name: stage for stage in analysis.stages}


def _stages(now: Analysis, before: Analysis) -> tuple[Pair, ...]:
    there = _by_name(before)
    return tuple(
        Pair(stage.name, None, _of_stage(stage), _of_stage(there[stage.name]))
        for stage in now.stages
        if stage.name in there
    )


def _of_stage(stage: StageResult) -> Numbers:
    return _numbers(stage.count, stage.failures, stage.achieved, stage.response)


def _operations(now: Analysis, before: Analysis) -> tuple[Pair, ...]:
    there = {(one.stage, one.operation): one for one in before.operations}
    here_stages, there_stages = _by_name(now), _by_name(before)
    return tuple(
        Pair(
            one.stage,
            one.operation,
            _of_operation(one, here_stages),
            _of_operation(there[one.stage, one.operation], there_stages),
        )
        for one in now.operations
        if (one.stage, one.operation) in there
    )


def _of_operation(one: OperationResult, stages: Mapping[str, StageResult]) -> Numbers:
    stage = stages.get(one.stage)
    reached = stage.reached_s if stage is not None else None
    rate = one.count / reached if reached else None
    return _numbers(one.count, one.failures, rate, one.response)


def _uses(now: Analysis, before: Analysis) -> tuple[Use, ...]:
    here, there = _by_name(now), _by_name(before)
    lines = {line.name: line for line in before.saturation_lines}
    return tuple(
        Use(name, line.name, mean_in(line, stage), mean_in(lines[line.name], there[name]))
        for name, stage in here.items()
        if name in there and stage.measured
        for line in now.saturation_lines
        if line.name in lines
    )


def mean_in(line: Line, stage: StageResult) -> float | None:
    """Mean of the points in a stage, as far as it was run; None without any."""
    length = stage.duration_s if stage.reached_s is None else stage.reached_s
    values = [
        value
        for at, value in zip(line.x, line.y, strict=True)
        if value is not None and stage.start_s <= at < stage.start_s + length
    ]
    return sum(values) / len(values) if values else None


def _fired(alert: AlertResult | None) -> tuple[int | None, float | None]:
    if alert is None:
        return None, None
    times = [spell.firing_at for spell in alert.spells if spell.firing_at is not None]
    return len(times), min(times, default=None)


def _alerts(now: Analysis, before: Analysis) -> tuple[AlertChange, ...]:
    here = {alert.name: alert for alert in now.alerts}
    there = {alert.name: alert for alert in before.alerts}
    found = []
    for name in dict.fromkeys([*here, *there]):
        (n, at), (n_before, at_before) = _fired(here.get(name)), _fired(there.get(name))
        if n or n_before:
            found.append(AlertChange(name, n, n_before, at, at_before))
    return tuple(found)


def _findings(now: Analysis, before: Analysis) -> tuple[FindingChange, ...]:
    here = {finding.slug for finding in now.findings}
    there = {finding.slug for finding in before.findings}
    return tuple(
        FindingChange(one.slug, one.severity.value, one.summary, mine)
        for run, other, mine in ((now, there, True), (before, here, False))
        for one in run.findings
        if one.slug not in other
    )


def _only(run: Analysis, other: Analysis) -> tuple[str, ...]:
    """What the other run has nothing of the same name for, without the parts of such a thing."""
    stages = {stage.name for stage in other.stages}
    operations = {one.operation for one in other.operations}
    lines = {line.name for line in other.saturation_lines}
    pairs = {(one.stage, one.operation) for one in other.operations}
    names = dict.fromkeys(one.operation for one in run.operations)
    return (
        *(f"stage {stage.name}" for stage in run.stages if stage.name not in stages),
        *(f"operation {name}" for name in names if name not in operations),
        *(
            f"operation {one.operation} in {one.stage}"
            for one in run.operations
            if one.stage in stages
            and one.operation in operations
            and (one.stage, one.operation) not in pairs
        ),
        *(f"resource {line.name}" for line in run.saturation_lines if line.name not in lines),
    )


def _places(now: Analysis, before: Analysis) -> tuple[Place, ...]:
    """Stages of the same name begin together; the longer one's rest has nothing under it."""
    there = _by_name(before)
    return tuple(
        Place(
            stage.start_s,
            stage.start_s + min(stage.duration_s, there[stage.name].duration_s),
            stage.start_s - there[stage.name].start_s,
        )
        for stage in now.stages
        if stage.name in there and min(stage.duration_s, there[stage.name].duration_s) > 0
    )


def _whole(now: Analysis, before: Analysis) -> tuple[Place, ...]:
    end = min(now.end_s, before.end_s)
    return (Place(0.0, end, 0.0),) if end > 0 else ()


def laid_over(line: Line, places: Iterable[Place]) -> Line:
    """A line of the baseline on this run's axis, cut where two places do not go on."""
    x: list[float] = []
    y: list[float | None] = []
    before: Place | None = None
    for place in places:
        start, end = place.start_s - place.shift_s, place.end_s - place.shift_s
        inside = [
            (at, value)
            for at, value in zip(line.x, line.y, strict=True)
            if start - ROUND_OFF_S <= at < end - ROUND_OFF_S
        ]
        if x and inside and before is not None and not _goes_on(before, place):
            x.append((x[-1] + inside[0][0] + place.shift_s) / 2)
            y.append(None)
        before = place
        x += [at + place.shift_s for at, _ in inside]
        y += [value for _, value in inside]
    return Line(line.name, line.unit, tuple(x), tuple(y), line.note)


def _goes_on(before: Place, place: Place) -> bool:
    """Whether what lies side by side here did so in the baseline too."""
    near = abs(before.end_s - place.start_s) < ROUND_OFF_S
    return near and abs(before.shift_s - place.shift_s) < ROUND_OFF_S
