"""What is worth knowing of a run. A finding is a function in a module here and a line in `FINDERS`.

Each slug has a page, docs/findings/<slug>.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import isnan

from loadkit.analyse.context import text_of
from loadkit.analyse.facts import Facts
from loadkit.analyse.findings import (
    alerting,
    books,
    ending,
    generator,
    limits,
    load,
    memory,
    objectives,
    profiling,
    sources,
)
from loadkit.model import Finding, Severity

FINDERS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (
    ending.supervisor_died,
    ending.load_child_died,
    ending.run_interrupted,
    ending.component_died,
    generator.generator_invalid,
    generator.generator_degraded,
    books.accounting_off,
    objectives.objective_missed,
    objectives.objective_open,
    alerting.alert_fired_forbidden,
    alerting.alert_missing,
    alerting.alert_active_before_load,
    alerting.alert_outside,
    alerting.alert_unwatched,
    alerting.alert_no_source,
    alerting.alert_rules_refused,
    alerting.receivers_redirected,
    load.requests_late,
    load.never_started,
    load.rate_not_reached,
    load.errors_appeared,
    load.drain_cancelled,
    limits.rate_capped,
    load.saturation_high,
    sources.data_missing,
    sources.rows_lost,
    sources.signals_unknown,
    sources.spans_dropped,
    sources.profile_failed,
    profiling.profile_shifted,
    memory.memory_growth,
    memory.memory_open,
    memory.memory_stall,
)

# What these say of a run that goes on is no more than that it is not over.
_AT_THE_END = frozenset({"objective-open", "alert-unwatched", "alert-missing"})

_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def findings(facts: Facts) -> tuple[Finding, ...]:
    """What was noted while measuring and what analysis finds, worst first.

    Where both tell of one thing, the note made at the time says more.
    """
    noted = recorded(facts)
    slugs = {finding.slug for finding in noted}
    made = [f for finder in FINDERS for f in finder(facts) if f.slug not in slugs]
    if facts.state == "running":
        made = [finding for finding in made if not _premature(facts, finding)]
    return tuple(sorted([*noted, *made], key=lambda finding: _ORDER[finding.severity]))


def _premature(facts: Facts, finding: Finding) -> bool:
    if finding.slug == "generator-degraded" and not facts.context.measured_seconds:
        return True
    return finding.slug in _AT_THE_END


def recorded(facts: Facts) -> list[Finding]:
    """The table ``findings``, each once."""
    result: list[Finding] = []
    table = facts.context.run.findings
    columns = (table[name].map(text_of) for name in ("slug", "severity", "summary", "evidence"))
    for slug, severity, summary, evidence, at_s in zip(*columns, table["t_s"], strict=True):
        known = severity in set(Severity)
        finding = Finding(
            slug, Severity(severity) if known else Severity.WARNING, summary, _evidence(evidence)
        )
        if all(replace(other, span_s=None) != finding for other in result):
            result.append(replace(finding, span_s=None if isnan(at_s) else (at_s, at_s + 1)))
    return result


def _evidence(cell: str) -> dict[str, str]:
    try:
        values = json.loads(cell) if cell else {}
    except ValueError:
        return {"evidence": cell}
    if not isinstance(values, dict):
        return {"evidence": cell}
    return {str(key): str(value) for key, value in values.items()}
