"""What is worth knowing of a run. A finding is a function in a module here and a line in `FINDERS`.

Each slug has a page, docs/findings/<slug>.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from loadkit.analyse.context import text_of
from loadkit.analyse.facts import Facts
from loadkit.analyse.findings import alerting, books, ending, generator, load, objectives, sources
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
    load.saturation_high,
    sources.data_missing,
    sources.rows_lost,
    sources.spans_dropped,
    sources.profile_failed,
)

_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def findings(facts: Facts) -> tuple[Finding, ...]:
    """What was noted while measuring and what analysis finds, worst first.

    Where both tell of one thing, the note made at the time says more.
    """
    noted = recorded(facts)
    slugs = {finding.slug for finding in noted}
    made = [f for finder in FINDERS for f in finder(facts) if f.slug not in slugs]
    return tuple(sorted([*noted, *made], key=lambda finding: _ORDER[finding.severity]))


def recorded(facts: Facts) -> list[Finding]:
    """The table ``findings``, each once."""
    result: list[Finding] = []
    table = facts.context.run.findings
    columns = (table[name].map(text_of) for name in ("slug", "severity", "summary", "evidence"))
    for slug, severity, summary, evidence in zip(*columns, strict=True):
        known = severity in set(Severity)
        finding = Finding(
            slug, Severity(severity) if known else Severity.WARNING, summary, _evidence(evidence)
        )
        if finding not in result:
            result.append(finding)
    return result


def _evidence(cell: str) -> dict[str, str]:
    try:
        values = json.loads(cell) if cell else {}
    except ValueError:
        return {"evidence": cell}
    if not isinstance(values, dict):
        return {"evidence": cell}
    return {str(key): str(value) for key, value in values.items()}
