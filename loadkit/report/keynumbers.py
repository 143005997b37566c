"""The few numbers that stand beside the verdict."""

from __future__ import annotations

from dataclasses import dataclass

from loadkit.analyse.result import Analysis, StageResult
from loadkit.report import units


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """A large number, what it is, and what it is held against."""

    label: str
    value: str
    detail: str
    tone: str = ""  # good, bad or doubt; empty when nothing is judged


def busiest_stage(analysis: Analysis) -> StageResult | None:
    """The measured stage with the highest load, the first of several; None without any."""
    measured = [stage for stage in analysis.stages if stage.measured and stage.count]
    return max(measured, key=_load, default=None)


def _load(stage: StageResult) -> float:
    return max(stage.offered or 0.0, stage.achieved or 0.0)


def key_numbers(analysis: Analysis) -> tuple[KeyNumber, ...]:
    """Throughput, latency and errors of the busiest stage, then books, alerts and generator."""
    return (*_of_stage(busiest_stage(analysis)), *_of_run(analysis))


def _of_stage(stage: StageResult | None) -> tuple[KeyNumber, ...]:
    if stage is None:
        return ()
    if stage.offered is not None:
        beside = f", {_users(stage)} beside" if stage.users else ""
        against = f"of {units.rate(stage.offered)} offered in {stage.name}{beside}"
    else:
        against = f"in {stage.name}" + (f", {_users(stage)}" if stage.users else "")
    return (
        KeyNumber("Achieved", units.rate(stage.achieved), against),
        KeyNumber(
            "p95 response",
            units.duration(stage.response.p95),
            f"median {units.duration(stage.response.p50)}",
        ),
        KeyNumber(
            "p99 response",
            units.duration(stage.response.p99),
            f"slowest {units.duration(stage.response.max)}",
        ),
        KeyNumber(
            "Errors",
            units.percent(stage.error_ratio),
            f"{units.count(stage.failures)} of {units.count(stage.count)} in {stage.name}",
        ),
    )


def _users(stage: StageResult) -> str:
    first, last = stage.users or (0, 0)
    return f"{first} users" if first == last else f"{first} to {last} users"


def _of_run(analysis: Analysis) -> tuple[KeyNumber, ...]:
    numbers = [_requests(analysis)]
    if analysis.alerts:
        numbers.append(_alerts(analysis))
    numbers.append(_generator(analysis))
    return tuple(numbers)


def _requests(analysis: Analysis) -> KeyNumber:
    books = analysis.accounting
    said = {True: "the books balance", False: "the books do not balance", None: "sent is unknown"}
    tone = {True: "good", False: "bad", None: ""}[books.balanced]
    if analysis.state == "running":
        return KeyNumber("Completed", units.count(books.completed), "so far")
    return KeyNumber("Completed", units.count(books.completed), said[books.balanced], tone)


def _alerts(analysis: Analysis) -> KeyNumber:
    fired = sum(any(s.firing_at is not None for s in a.spells) for a in analysis.alerts)
    judged = [a.verdict.status.value for a in analysis.alerts if a.role != "shown" and a.verdict]
    wrong = sum(status == "failed" for status in judged)
    unknown = sum(status == "inconclusive" for status in judged)
    detail = f"{len(judged)} judged" + (f", {wrong} not as declared" if wrong else "")
    if analysis.state == "running":
        detail, unknown = f"so far; {len(judged)} to be judged", 0
    detail += f", {unknown} inconclusive" if unknown else ""
    tone = "bad" if wrong else "doubt" if unknown else "good" if judged else ""
    return KeyNumber("Alerts fired", units.count(fired), detail, tone)


def _generator(analysis: Analysis) -> KeyNumber:
    result = analysis.generator
    if analysis.state == "running" and result.cpu_max is None:
        return KeyNumber("Generator", units.UNKNOWN, "nothing measured yet")
    tone = {"valid": "good", "degraded": "doubt", "invalid": "bad"}.get(result.verdict, "")
    known = result.cpu_max is not None
    detail = (
        f"{units.percent(result.cpu_max)} of a core at most" if known else "its CPU is not known"
    )
    return KeyNumber("Generator", result.verdict, detail, tone)
