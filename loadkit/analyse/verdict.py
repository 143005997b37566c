"""The verdict in one sentence, and the exit status it asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadkit.analyse import text
from loadkit.analyse.expectations import EXPECTED, FORBIDDEN, SHOWN
from loadkit.analyse.facts import Facts
from loadkit.analyse.result import AlertResult, SloResult, StageResult
from loadkit.analyse.slo import beyond, show
from loadkit.errors import UsageError
from loadkit.model import Finding, Severity, Slo, Status

HELD = 0.95
"""A stage that completed at least this share of what was offered held its rate."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """``verdict``: passed, failed, inconclusive, invalid, interrupted or broken."""

    verdict: str
    headline: str
    exit_status: int


def conclude(facts: Facts) -> Conclusion:
    """Where several hold: interrupted, broken, invalid generator, alerts, objectives and abort
    rules, doubt."""
    if facts.state == "running":
        return Conclusion("inconclusive", _running(facts), 5)
    if facts.state == "interrupted" or facts.context.end_reason == "interrupted":
        return Conclusion("interrupted", _interrupted(facts), 130)
    if facts.state == "crashed":
        return Conclusion("broken", _broken(facts), 1)
    aborted = f"{_aborted(facts)}; " if facts.state == "aborted" else ""
    if facts.generator.verdict == "invalid":
        reasons = "; ".join(facts.generator.reasons)
        return Conclusion(
            "invalid",
            f"{aborted}the generator could not do its work, "
            f"so no number is the service's: {reasons}",
            5,
        )
    wrong_alerts = [alert for alert in facts.alerts if _decides(alert, Status.FAILED)]
    missed = [result for result in facts.slos if result.verdict.status is Status.FAILED]
    if wrong_alerts or missed or aborted:
        sentence = aborted + "; ".join([*_misses(missed), *map(_alert_words, wrong_alerts)])
        sentence = sentence.removesuffix("; ")
        return Conclusion("failed", sentence, 4 if wrong_alerts else 3)
    open_points = list(_open_points(facts))
    if open_points:
        return Conclusion("inconclusive", _with_held(facts, text.listing(open_points, 3)), 5)
    return Conclusion("passed", held(facts), 0)


def with_findings(facts: Facts, conclusion: Conclusion, found: Sequence[Finding]) -> Conclusion:
    """The same, unless a finding is as severe as ``--fail-on`` says and nothing worse decided."""
    least = facts.context.manifest.fail_on
    if least is None or conclusion.verdict not in ("passed", "inconclusive"):
        return conclusion
    severe = (Severity.ERROR,) if least == Severity.ERROR else (Severity.ERROR, Severity.WARNING)
    reached = [finding for finding in found if finding.severity in severe]
    if facts.state == "running" or not reached:
        return conclusion
    number = text.plural(len(reached), "finding")
    return Conclusion("failed", f"{number} of at least {least}: {reached[0].summary}", 3)


def _decides(alert: AlertResult, status: Status) -> bool:
    return alert.role != SHOWN and alert.verdict is not None and alert.verdict.status is status


def _misses(missed: Iterable[SloResult]) -> list[str]:
    """The worst miss first: by its distance, as a share of the threshold."""

    def distance(result: SloResult) -> float:
        if result.value is None:
            return 0.0
        return abs(result.value - result.threshold) / (result.threshold or 1.0)

    ordered = sorted(missed, key=lambda result: -distance(result))
    words = [_missed_words(result) for result in ordered[:2]]
    if len(ordered) > 2:
        words.append(f"and {text.plural(len(ordered) - 2, 'objective')} more missed")
    return words


def _missed_words(result: SloResult) -> str:
    slo = Slo(result.slo)
    subject = f"{slo.operation}: " if slo.operation else ""
    since = "" if result.first_bad_s is None else f", from second {result.first_bad_s:.0f} on"
    return f"{subject}{beyond(result)} in {result.stage}{since}"


def _alert_words(alert: AlertResult) -> str:
    observed = alert.verdict.observed if alert.verdict else ""
    wish = "should have fired" if alert.role == EXPECTED else "must not fire"
    return f"{alert.name} {wish} but {observed}"


def _open_points(facts: Facts) -> Iterable[str]:
    """What was asked and cannot be answered."""
    for result in facts.slos:
        if result.verdict.status is Status.INCONCLUSIVE:
            where = f" in {result.stage}" if result.stage else ""
            yield f"{result.slo!r}{where}: {result.verdict.observed}"
    for alert in facts.alerts:
        if not _decides(alert, Status.INCONCLUSIVE) or alert.verdict is None:
            continue
        # A rule without a source was withheld knowingly: only who expects it is left unanswered.
        if alert.role == FORBIDDEN and alert.verdict.observed.startswith("no source"):
            continue
        yield f"{alert.name}: {alert.verdict.observed}"


def _with_held(facts: Facts, doubt: str) -> str:
    words = held(facts)
    return f"{doubt}; {words}" if words else doubt


def shown_stage(facts: Facts) -> StageResult | None:
    """The stage that a headline is about: the measured one with the highest load."""
    peak = facts.context.peak
    return facts.stage(None if peak is None else peak.name)


def held(facts: Facts) -> str:
    """``peak held 150/s: p95 41 ms (objective 300 ms), errors 0.02 % (objective 1 %)``."""
    stage = shown_stage(facts)
    if stage is None:
        return "no stage is measured, so nothing was judged"
    if not stage.count:
        return f"no request ended in {stage.name}"
    tail = "" if facts.slos else "; no objective was set"
    return f"{stage.name} {reached(facts, stage)}: {', '.join(_numbers(facts, stage))}{tail}"


def reached(facts: Facts, stage: StageResult) -> str:
    """What a stage did: held its rate, or completed so much of it; or with how many users."""
    part = facts.completed_share(stage)
    if part is not None:
        if part >= HELD:
            return f"held {text.rate(_level(stage))}"
        return f"completed {text.share(part)} of {text.rate(stage.offered)} offered"
    done = f"completed {text.rate(stage.achieved)}"
    if stage.users is None:
        return done
    users = text.plural(max(stage.users), "user")
    if stage.mixed:
        return f"{done}, {text.rate(stage.offered)} offered beside {users}"
    return f"{done} with {users}"


def _level(stage: StageResult) -> float | None:
    """The planned rate where it is constant, else what was offered on average."""
    if stage.planned_rate and set(stage.planned_rate) == {stage.mean_rate}:
        return stage.mean_rate
    return stage.offered


def _numbers(facts: Facts, stage: StageResult) -> list[str]:
    """What objectives ask of all requests, with what was asked; p95 and errors in any case."""
    shown: dict[str, str] = {}
    for result in facts.slos:
        slo = _understood(result)
        if slo is None or result.stage != stage.name or slo.operation is not None:
            continue
        name = slo.metric if slo.measure == "response" else f"service {slo.metric}"
        words = f"{name} {show(slo.metric, result.value)}"
        shown[name] = f"{words} (objective {show(slo.metric, slo.threshold)})"
    if not any(name.startswith("p") for name in shown):
        shown = {"p95": f"p95 {text.duration(stage.response.p95)}"} | shown
    shown.setdefault("errors", f"errors {text.share(stage.error_ratio)}")
    return list(shown.values())


def _understood(result: SloResult) -> Slo | None:
    try:
        return Slo(result.slo)
    except UsageError:
        return None


def _progress(facts: Facts) -> str:
    context = facts.context
    if not context.began:
        return "before the load began"
    stage = context.stage_at(max(0.0, context.reached_s - 1e-6))
    where = f" in {stage.name}" if stage else ""
    done, planned = text.duration(context.reached_s), text.duration(context.plan_end_s)
    return f"{done} into {planned} of load{where}"


def _running(facts: Facts) -> str:
    return f"still running, {_progress(facts)}"


def _interrupted(facts: Facts) -> str:
    if facts.context.end_reason == "finished":
        return "interrupted after the load had ended"
    return f"interrupted {_progress(facts)}; stages that were not run to their end are not judged"


def _aborted(facts: Facts) -> str:
    """``aborted at 34 s of 2 min 0 s in peak: 97 % of … failed over 10 s, against '50 % …'``."""
    context = facts.context
    held = (context.manifest.abort or {}).get("held") or {}
    at_s = min(float(held.get("at_s") or context.reached_s), context.reached_s)
    stage = context.stage_at(max(0.0, at_s - 1e-6))
    where = f" in {stage.name}" if stage else ""
    rule = str(held.get("rule") or "").partition(": ")[2]
    seen = str(held.get("observed") or "a rule was held")
    words = f"aborted at {text.at(round(at_s))} of {text.duration(context.plan_end_s)}{where}"
    return f"{words}: {seen}" + (f", against the rule {rule!r}" if rule else "")


def _broken(facts: Facts) -> str:
    end = facts.context.manifest.load_end
    if facts.context.manifest.state == "running":
        return f"loadkit itself ended {_progress(facts)}; the report shows what had been written"
    if end is not None and end.get("reason") == "died":
        return f"the load generator died {_progress(facts)}"
    message = str((end or {}).get("message") or "").splitlines()
    return f"the run failed {_progress(facts)}" + (f": {message[0]}" if message else "")
