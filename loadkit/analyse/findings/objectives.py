"""Objectives that were missed, or that could not be judged."""

from __future__ import annotations

from collections.abc import Iterator

from loadkit.analyse import text
from loadkit.analyse.facts import Facts
from loadkit.analyse.findings import when
from loadkit.analyse.slo import beyond
from loadkit.model import Finding, Severity, Status


def objective_missed(facts: Facts) -> Iterator[Finding]:
    """One finding an objective and stage."""
    for result in facts.slos:
        if result.verdict.status is not Status.FAILED:
            continue
        since = "" if result.first_bad_s is None else f", from {text.at(result.first_bad_s)} on"
        yield Finding(
            "objective-missed",
            Severity.ERROR,
            f"{result.slo!r} was missed in {result.stage}: {beyond(result)}{since}.",
            {"observed": result.verdict.observed},
            when.of_stages(facts, [result.stage], result.first_bad_s),
        )


def objective_open(facts: Facts) -> Iterator[Finding]:
    """An objective without a verdict."""
    for result in facts.slos:
        if result.verdict.status is Status.INCONCLUSIVE:
            where = f" in {result.stage}" if result.stage else ""
            yield Finding(
                "objective-open",
                Severity.WARNING,
                f"{result.slo!r} could not be judged{where}: {result.verdict.observed}.",
            )
