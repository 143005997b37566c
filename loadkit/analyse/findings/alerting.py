"""What alerts did, and which of them could not do anything."""

from __future__ import annotations

from collections.abc import Iterator

from loadkit.analyse import text
from loadkit.analyse.expectations import EXPECTED, FORBIDDEN, SHOWN
from loadkit.analyse.facts import Facts
from loadkit.analyse.findings import when
from loadkit.analyse.result import AlertResult
from loadkit.model import Finding, Severity, Status


def _with_status(facts: Facts, role: str, status: Status) -> Iterator[AlertResult]:
    for alert in facts.alerts:
        if alert.role == role and alert.verdict is not None and alert.verdict.status is status:
            yield alert


def alert_fired_forbidden(facts: Facts) -> Iterator[Finding]:
    """An alert fired that must not."""
    for alert in _with_status(facts, FORBIDDEN, Status.FAILED):
        yield Finding(
            "alert-fired-forbidden",
            Severity.ERROR,
            f"{alert.name} must not fire, but it {alert.verdict.observed}."
            if alert.verdict
            else "",
            _times(alert),
            when.of_alert(alert),
        )


def alert_missing(facts: Facts) -> Iterator[Finding]:
    """An alert did not fire that should."""
    for alert in _with_status(facts, EXPECTED, Status.FAILED):
        observed = alert.verdict.observed if alert.verdict else ""
        yield Finding(
            "alert-missing",
            Severity.ERROR,
            f"{alert.name} should have fired, but it {observed}.",
            _times(alert) | ({"note": alert.note} if alert.note else {}),
            when.of_alert(alert),
        )


def alert_active_before_load(facts: Facts) -> Iterator[Finding]:
    """Something was wrong already."""
    for alert in facts.alerts:
        active = [
            spell
            for spell in alert.spells
            if any(t is not None and t < 0 for t in (spell.pending_at, spell.firing_at))
        ]
        if not active:
            continue
        state = "firing" if any((s.firing_at or 0) < 0 for s in active) else "pending"
        yield Finding(
            "alert-active-before-load",
            Severity.WARNING,
            f"{alert.name} was {state} before the load began.",
            _times(alert),
            when.of_alert(alert),
        )


def alert_outside(facts: Facts) -> Iterator[Finding]:
    """It fired where nobody is held to account."""
    for alert in facts.alerts:
        spells = [s for s in alert.spells if not s.counted and (s.firing_at or 0) >= 0]
        if spells:
            yield Finding(
                "alert-outside",
                Severity.INFO,
                f"{alert.name}: {alert.note or 'fired outside expectations'}.",
                _times(alert),
                when.of_alert(alert),
            )


def alert_unwatched(facts: Facts) -> Iterator[Finding]:
    """Whether it fired cannot be said."""
    for role in (EXPECTED, FORBIDDEN):
        for alert in _with_status(facts, role, Status.INCONCLUSIVE):
            observed = alert.verdict.observed if alert.verdict else ""
            if not observed.startswith("no source"):
                yield Finding(
                    "alert-unwatched",
                    Severity.WARNING,
                    f"Whether {alert.name} fired cannot be said: {observed}.",
                )


def alert_no_source(facts: Facts) -> Iterator[Finding]:
    """Rules that ask for what this stack has not."""
    for role, severity in (
        (EXPECTED, Severity.WARNING),
        (FORBIDDEN, Severity.INFO),
        (SHOWN, Severity.INFO),
    ):
        names = {
            alert.name: alert.verdict.observed
            for alert in _with_status(facts, role, Status.INCONCLUSIVE)
            if alert.verdict and alert.verdict.observed.startswith("no source")
        }
        if names:
            yield Finding(
                "alert-no-source",
                severity,
                f"{text.plural(len(names), 'alert')} could not be evaluated, because nothing in "
                f"this stack tells what {'it asks' if len(names) == 1 else 'they ask'} for: "
                f"{text.listing(names, 8)}.",
                names,
            )


def alert_rules_refused(facts: Facts) -> Iterator[Finding]:
    """Rules that Prometheus does not load."""
    refused = facts.context.manifest.stack.get("refused") or []
    if refused:
        yield Finding(
            "alert-rules-refused",
            Severity.WARNING,
            f"Prometheus refuses {text.plural(len(refused), 'rule or file', 'rules or files')}; "
            "the run went on without.",
            {
                str(item.get("name") or item.get("file")): str(item.get("reason"))
                for item in refused
            },
        )


def receivers_redirected(facts: Facts) -> Iterator[Finding]:
    """Nobody outside was told."""
    stack = facts.context.manifest.stack
    if stack.get("kind") == "embedded" and stack.get("alerts"):
        changes = [str(change) for change in stack.get("changes") or ()]
        yield Finding(
            "receivers-redirected",
            Severity.INFO,
            "Alertmanager's receivers were pointed at loadkit; its routes are as configured, and "
            "nothing was sent off this machine.",
            {str(number): change for number, change in enumerate(changes, 1)},
        )


def _times(alert: AlertResult) -> dict[str, str]:
    times = {}
    for number, spell in enumerate(alert.spells[:5], 1):
        parts = [
            f"{word} {text.at(value)}"
            for word, value in (
                ("pending", spell.pending_at),
                ("firing", spell.firing_at),
                ("notified", spell.notified_at),
                ("resolved", spell.resolved_at),
            )
            if value is not None
        ]
        times[f"spell {number}"] = ", ".join(parts) or f"until {text.at(spell.active_until)}"
    return times
