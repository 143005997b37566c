"""From options and a described file to what this run will do. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadkit.errors import TargetError, UsageError
from loadkit.model import AbortRule, Fault, Scenario, Slo, Stage
from loadkit.model.abort import PROMQL, abort_rules
from loadkit.run.cap import check_rate
from loadkit.run.describe import Description
from loadkit.run.request import RunRequest
from loadkit.scenario import codec
from loadkit.scenario.memory import with_memory_stage
from loadkit.scenario.override import apply_set
from loadkit.scenario.summary import summary

DRAIN_S = 30.0
FOREIGN_STAGE = "run"


@dataclass(frozen=True, slots=True)
class Plan:
    """What this run will do. ``scenario`` is None for a plain locustfile (one closed stage)."""

    name: str
    file: Path
    scenario: Scenario | None
    stack: str
    host: str | None
    users: int | None
    spawn_rate: float | None
    duration: float | None
    slos: tuple[Slo, ...]
    expect: tuple[str, ...]
    forbid: tuple[str, ...]
    faults: tuple[Fault, ...]
    abort: tuple[AbortRule, ...] = ()
    max_rate: float | None = None

    @property
    def profile_stages(self) -> tuple[tuple[Stage, float], ...]:
        """Stages in which the profiler runs, with their start in seconds."""
        if self.scenario is None:
            return ()
        starts = self.scenario.starts()
        return tuple(
            (s, starts[s.name]) for s in self.scenario.stages if s.profile and not s.tracks_memory
        )

    @property
    def memory_stages(self) -> tuple[tuple[Stage, float], ...]:
        """Stages in which memory is tracked, with their start in seconds."""
        if self.scenario is None:
            return ()
        starts = self.scenario.starts()
        return tuple((s, starts[s.name]) for s in self.scenario.stages if s.tracks_memory)

    def stages(self) -> list[dict[str, Any]]:
        """The stages for the manifest."""
        if self.scenario is None:
            return [
                {
                    "name": FOREIGN_STAGE,
                    "start_s": 0.0,
                    "duration_s": self.duration,
                    "warmup": False,
                    "profile": False,
                    "load": None,
                }
            ]
        starts = self.scenario.starts()
        return [
            {
                "name": stage.name,
                "start_s": starts[stage.name],
                "duration_s": float(stage.duration),
                "warmup": bool(stage.warmup),
                "profile": bool(stage.profile),
                "memory": stage.tracks_memory,
                "load": summary(stage),
            }
            for stage in self.scenario.stages
        ]


def make_plan(request: RunRequest, found: Description) -> Plan:
    """Puts both together.

    Raises:
        UsageError: options that contradict the file or each other.
        TargetError: nothing says where the load goes.
    """
    scenario = _scenario(request, found)
    stack = _stack(request, scenario)
    expect, forbid = _alerts(request, scenario)
    check_rate(scenario, request.max_rate, str(request.shown or request.file))
    return Plan(
        name=request.name or (scenario.name if scenario else None) or request.file.stem,
        file=request.file,
        scenario=scenario,
        stack=stack,
        host=_host(request, found, stack),
        users=request.users,
        spawn_rate=request.spawn_rate,
        duration=request.duration,
        slos=_slos(request, scenario),
        expect=tuple(expect),
        forbid=tuple(forbid),
        faults=_faults(request, scenario, stack),
        abort=_abort(request, scenario, stack),
        max_rate=request.max_rate,
    )


def _scenario(request: RunRequest, found: Description) -> Scenario | None:
    scenario = found.scenario
    if scenario is None:
        if request.settings:
            raise UsageError(
                f"--set {request.settings[0]}: the file declares no Scenario",
                where=str(request.file),
                remedy="Use --users, --spawn-rate and --duration.",
            )
        if request.memory:
            raise UsageError(
                "--memory adds a stage, and the file declares no Scenario",
                where=str(request.file),
                remedy="Use --memory-attach PID, which then tracks while the load runs.",
            )
        return None
    for option, value, example in (
        ("--duration", request.duration, "peak.duration=60"),
        ("--users", request.users, "peak.users=20"),
        ("--spawn-rate", request.spawn_rate, "peak.rate=150"),
    ):
        if value is not None:
            raise UsageError(
                f"{option} does not fit a scenario with stages",
                where=str(request.file),
                remedy=f"Change a stage instead: --set {_example(scenario, example)}.",
            )
    for text in request.settings:
        scenario = apply_set(scenario, text)
    if request.memory or request.memory_attach is not None:
        scenario = with_memory_stage(scenario)
    return _named(scenario, request.file)


def _named(scenario: Scenario, file: Path) -> Scenario:
    """The scenario, named after its file where it has no name."""
    if scenario.name:
        return scenario
    return codec.from_dict(codec.to_dict(scenario) | {"name": file.stem})


def _example(scenario: Scenario, example: str) -> str:
    names = [stage.name for stage in scenario.stages]
    return example if "peak" in names else example.replace("peak", names[0])


def _stack(request: RunRequest, scenario: Scenario | None) -> str:
    watched = request.prometheus or request.alertmanager
    stack = request.stack or ("external" if watched else scenario.stack if scenario else "none")
    if stack == "external" and not watched and not request.sources:
        raise UsageError(
            "the external stack needs to be told where it is",
            remedy="Name something to watch in loadkit.toml, such as [prometheus] or [[process]], "
            "or give --prometheus URL.",
        )
    if watched and stack != "external":
        raise UsageError(f"--prometheus and --alertmanager do not go with --stack {stack}")
    if stack == "embedded" and request.host:
        raise UsageError(
            "--host does not go with the embedded stack, which starts the service itself",
            remedy="Add --stack none to drive a service of your own.",
        )
    return stack


def _alerts(request: RunRequest, scenario: Scenario | None) -> tuple[list[str], list[str]]:
    """(expected, forbidden); an option is stronger than what the file says of that alert."""
    both = sorted({*request.expect} & {*request.forbid})
    if both:
        raise UsageError(f"alert {both[0]!r} is both expected and forbidden")
    said = {*request.expect, *request.forbid}
    expect = [name for name in (scenario.expect if scenario else ()) if name not in said]
    forbid = [name for name in (scenario.forbid if scenario else ()) if name not in said]
    return [*expect, *request.expect], [*forbid, *request.forbid]


def _host(request: RunRequest, found: Description, stack: str) -> str | None:
    if stack == "embedded":
        return None
    if request.host:
        return request.host if "//" in request.host else f"http://{request.host}"
    if found.hosts:
        return None  # each user class brings its own
    raise TargetError(
        "nothing says where the load goes",
        where=str(request.file),
        remedy="Add --host http://127.0.0.1:8080, or host = … to the user class.",
    )


def _slos(request: RunRequest, scenario: Scenario | None) -> tuple[Slo, ...]:
    slos = (*(scenario.slos if scenario else ()), *(Slo(text) for text in request.slos))
    for slo in slos:
        _check_stage(slo, f"objective {slo.text!r}", scenario)
    return slos


def _check_stage(slo: Slo, what: str, scenario: Scenario | None) -> None:
    known = [stage.name for stage in scenario.stages] if scenario else [FOREIGN_STAGE]
    if slo.stage is not None and slo.stage not in known:
        raise UsageError(
            f"{what}: there is no stage {slo.stage!r}", remedy=f"Stages: {', '.join(known)}."
        )


def _abort(request: RunRequest, scenario: Scenario | None, stack: str) -> tuple[AbortRule, ...]:
    """The scenario's rules and those of options and settings."""
    asked = abort_rules(
        () if request.abort_errors is None else (request.abort_errors,),
        request.abort_slo,
        request.abort_promql,
    )
    rules = tuple(dict.fromkeys((*(scenario.abort if scenario else ()), *asked)))
    for rule in rules:
        if rule.slo is not None:
            _check_stage(rule.slo, f"abort rule {rule.text!r}", scenario)
        if rule.kind == PROMQL and stack != "embedded" and request.prometheus is None:
            raise UsageError(
                f"abort rule {rule.text!r} needs a Prometheus, and the run has none",
                remedy="Add --prometheus URL, or use --stack embedded.",
            )
    return rules


def _faults(request: RunRequest, scenario: Scenario | None, stack: str) -> tuple[Fault, ...]:
    faults = (
        *(scenario.faults if scenario else ()),
        *(Fault.parse(text) for text in request.faults),
    )
    if not faults:
        return ()
    if stack != "embedded" or scenario is None:
        raise UsageError(
            f"fault {faults[0]}: only the embedded stack's service can be broken on purpose",
            remedy="Use --stack embedded with a scenario that has stages.",
        )
    for fault in faults:
        scenario.stage(fault.stage)
    return faults
