"""What the load met: late arrivals, errors, full resources."""

from __future__ import annotations

from collections.abc import Iterator

from loadkit.analyse import text
from loadkit.analyse.facts import Facts
from loadkit.analyse.findings import when
from loadkit.analyse.roles_saturation import MEMORY
from loadkit.model import Finding, Severity

HIGH = 0.85
REACHED = 0.95
FEW = 5


def _by_stage(facts: Facts, event: str) -> dict[str, int]:
    counts = {stage.name: facts.flow.total(event, stage.name) for stage in facts.stages}
    return {name: count for name, count in counts.items() if count}


def requests_late(facts: Facts) -> Iterator[Finding]:
    """Arrivals waited for a free user."""
    late = _by_stage(facts, "late")
    if late:
        yield Finding(
            "requests-late",
            Severity.WARNING,
            f"{text.plural(sum(late.values()), 'arrival')} had to wait for a free user in "
            f"{text.listing(late)}: the service answered too slowly for max_users. Response time "
            "counts from when they were due.",
            {name: f"{count:,}" for name, count in late.items()},
            when.of_stages(facts, late),
        )


def never_started(facts: Facts) -> Iterator[Finding]:
    """Arrivals that got no user until the end."""
    never = _by_stage(facts, "never_started")
    if never:
        yield Finding(
            "never-started",
            Severity.WARNING,
            f"{text.plural(sum(never.values()), 'arrival')} never started in "
            f"{text.listing(never)}; they have no response time, and verdicts allow for them.",
            {name: f"{count:,}" for name, count in never.items()},
            when.of_stages(facts, never),
        )


def rate_not_reached(facts: Facts) -> Iterator[Finding]:
    """The service completed less than was offered."""
    for stage in facts.stages:
        part = facts.completed_share(stage)
        if stage.measured and part is not None and part < REACHED:
            yield Finding(
                "rate-not-reached",
                Severity.WARNING,
                f"{stage.name} offered {text.rate(stage.offered)}, and {text.share(part)} of what "
                "that calls for was completed while it ran.",
                {"completed": text.rate(stage.achieved)},
                when.of_stages(facts, [stage.name]),
            )


def errors_appeared(facts: Facts) -> Iterator[Finding]:
    """Requests failed."""
    failures = sum(stage.failures for stage in facts.stages)
    if not failures:
        return
    where = [stage.name for stage in facts.stages if stage.failures]
    yield Finding(
        "errors-appeared",
        Severity.WARNING,
        f"{text.plural(failures, 'request')} of {sum(s.count for s in facts.stages):,} failed, "
        f"in {text.listing(where)}.",
        {
            f"{error.kind}, {error.operation}": f"{error.count:,}, first at "
            f"{text.at(error.first_s or 0.0)}"
            for error in facts.errors[:FEW]
        },
        when.of_stages(facts, where, min((e.first_s or 0.0 for e in facts.errors), default=None)),
    )


def drain_cancelled(facts: Facts) -> Iterator[Finding]:
    """Requests were given up after the load's end."""
    cancelled = facts.accounting.cancelled
    if cancelled:
        yield Finding(
            "drain-cancelled",
            Severity.WARNING,
            f"{text.plural(cancelled, 'request')} had not ended when the load was over and "
            f"{text.duration(facts.context.manifest.drain_s)} had passed, or when it was stopped; "
            "they count as failures.",
        )


def saturation_high(facts: Facts) -> Iterator[Finding]:
    """Something was nearly full for a whole stage."""
    for stage in facts.context.measured:
        for use in facts.uses:
            mean = use.mean(facts.context, stage)
            if mean is None or mean <= HIGH or (use.own and use.name != "load generator CPU"):
                continue
            word = "used" if use.kind == MEMORY else "busy or filled"
            yield Finding(
                "saturation-high",
                Severity.WARNING,
                f"{use.name} was {text.share(mean)} {word} on average in {stage.name}.",
                {"source": use.source},
                when.of_stages(facts, [stage.name]),
            )
