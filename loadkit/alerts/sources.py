"""Which rules ask for something that a stack has no source for.

Prometheus would load such a rule and stay silent, or, with ``absent()``, complain for ever. Both
would be read as an answer; so the rule is withheld and its question stays open.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from loadkit.alerts.promql import Matcher, Selector, selectors
from loadkit.alerts.rules import Rule

PREFIX_JOBS: Mapping[str, str] = {
    "pg_": "postgres",
    "redis_": "redis",
    "container_": "cadvisor",
    "node_": "node",
    "gnatsd_": "nats",
    "nats_": "nats",
}
"""Metrics that only one job of the guide exposes, by the beginning of their name."""

_ALERT_SERIES = frozenset({"ALERTS", "ALERTS_FOR_STATE"})


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a rule has no source: ``job`` is the job that isn't there, ``reason`` a sentence."""

    job: str
    reason: str


def without_source(
    rules: Sequence[Rule], jobs: Collection[str], lost: Mapping[str, Missing]
) -> dict[int, Missing]:
    """Position in ``rules`` → why that rule has no source.

    Args:
        rules: of all files together, because one file's rules read what another's record.
        jobs: those the stack has.
        lost: names of recording rules and alerts that are not there at all, and why.
    """
    withheld: dict[int, Missing] = {}
    while True:
        kept = [rule for at, rule in enumerate(rules) if at not in withheld]
        present = {rule.name for rule in kept}
        gone = {name: why for name, why in lost.items() if name not in present}
        for at, reason in withheld.items():
            if rules[at].name not in present:
                gone.setdefault(rules[at].name, reason)
        recorded = {rule.name for rule in kept if rule.kind == "record"}
        more = {
            at: why
            for at, rule in enumerate(rules)
            if at not in withheld and (why := _missing(rule, jobs, recorded, gone)) is not None
        }
        if not more:
            return withheld
        withheld.update(more)


def _missing(
    rule: Rule, jobs: Collection[str], recorded: Collection[str], gone: Mapping[str, Missing]
) -> Missing | None:
    for selector in selectors(rule.expr):
        why = _missing_in(selector, jobs, recorded, gone)
        if why is not None:
            return why
    return None


def _missing_in(
    selector: Selector,
    jobs: Collection[str],
    recorded: Collection[str],
    gone: Mapping[str, Missing],
) -> Missing | None:
    metric = selector.metric
    if metric in gone:
        return _through(str(metric), gone)
    if metric in _ALERT_SERIES:
        for matcher in selector.on("alertname"):
            if matcher.operator == "=" and matcher.value in gone:
                return _through(matcher.value, gone)
    on_job = selector.on("job")
    if on_job:
        # What a rule records may have lost its job; nothing that was scraped has.
        derived = metric in recorded or metric in _ALERT_SERIES
        candidates = [*jobs, ""] if derived else list(jobs)
        if any(all(matcher.accepts(job) for matcher in on_job) for job in candidates):
            return None
        return _no_job(on_job)
    if metric in recorded:
        return None
    job = _only_source(selector)
    if job is not None and job not in jobs:
        return Missing(job, f"{metric or 'its metric'} comes from job {job} only")
    return None


def _through(name: str, gone: Mapping[str, Missing]) -> Missing:
    why = gone[name]
    return Missing(why.job, f"it reads {name}, which is not there: {why.reason}")


def _no_job(matchers: Sequence[Matcher]) -> Missing:
    positive = [matcher for matcher in matchers if matcher.operator in ("=", "=~")]
    named = (positive or list(matchers))[0]
    job = named.value if named.operator in ("=", "=~") else str(named)
    return Missing(job, f"it asks for {', '.join(map(str, matchers))}")


def _only_source(selector: Selector) -> str | None:
    names = [selector.metric] if selector.metric is not None else []
    if not names:
        names = [m.value for m in selector.on("__name__") if m.operator == "=~"]
    for name in names:
        for prefix, job in PREFIX_JOBS.items():
            if name.startswith(prefix):
                return job
    return None
