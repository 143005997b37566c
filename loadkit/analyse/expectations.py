"""Alerts against what was expected of them. What could not be observed is inconclusive."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from loadkit.analyse import text
from loadkit.analyse.alerts import GAP, Rule, rules_of
from loadkit.analyse.context import Context
from loadkit.analyse.result import AlertResult, AlertSpell
from loadkit.analyse.series import Metrics
from loadkit.model import Status, Verdict

EXPECTED, FORBIDDEN, SHOWN = "expected", "forbidden", "shown"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whether Prometheus was watched for the whole load; ``gap`` says where it was not."""

    gap: str | None


def alert_results(
    context: Context, metrics: Metrics, spells: Sequence[AlertSpell]
) -> tuple[AlertResult, ...]:
    """Every rule of the run, every alert seen, and every name that was asked for."""
    rules = rules_of(context)
    counted = [replace(spell, counted=_excluded(context, spell) is None) for spell in spells]
    return tuple(
        _Judge(context, metrics, rules, name, [s for s in counted if s.name == name]).result()
        for name in _names(context, rules, counted)
    )


def _names(context: Context, rules: dict[str, Rule], spells: Sequence[AlertSpell]) -> list[str]:
    manifest = context.manifest
    left_out = [
        str(item.get("name") or "")
        for key in ("withheld", "refused")
        for item in manifest.stack.get(key) or ()
        if _is_alert(item)
    ]
    every = [*manifest.expect, *manifest.forbid, *rules, *(s.name for s in spells), *left_out]
    return [name for name in dict.fromkeys(every) if name]


def _is_alert(item: dict[str, object]) -> bool:
    """Recording rules may be left out too; by convention only their names have a colon."""
    kind = item.get("kind")
    return kind == "alert" if kind else ":" not in str(item.get("name") or "")


def _excluded(context: Context, spell: AlertSpell) -> str | None:
    """Why a spell is outside expectations; None when it counts."""
    if spell.firing_at is None:
        return None
    if spell.firing_at < 0:
        return "was firing before the load began"
    stage = context.stage_at(spell.firing_at)
    if stage is None or stage.measured:
        return None
    since = None if spell.pending_at is None else context.stage_at(spell.pending_at)
    if since is not None and since.measured:
        return None
    return f"went firing in {stage.name}, a {stage.excluded_as} stage"


class _Judge:
    def __init__(
        self,
        context: Context,
        metrics: Metrics,
        rules: dict[str, Rule],
        name: str,
        spells: list[AlertSpell],
    ) -> None:
        self.context = context
        self.metrics = metrics
        self.rules = rules
        self.name = name
        self.spells = tuple(spells)
        manifest = context.manifest
        self.role = (
            EXPECTED if name in manifest.expect else FORBIDDEN if name in manifest.forbid else SHOWN
        )

    def result(self) -> AlertResult:
        rule = self.rules.get(self.name)
        reason = self.left_out()
        if self.role == SHOWN:
            verdict = None if reason is None else self.verdict(Status.INCONCLUSIVE, reason)
            note = reason or self.outside()
        elif reason is not None:
            verdict, note = self.verdict(Status.INCONCLUSIVE, reason), reason
        else:
            verdict, note = self.judged()
        severity = rule.severity if rule else None
        if severity is None:
            severity = next(
                (s.labels["severity"] for s in self.spells if "severity" in s.labels), None
            )
        return AlertResult(self.name, self.role, severity, verdict, self.spells, note)

    def verdict(self, status: Status, observed: str) -> Verdict:
        expected = {EXPECTED: "fires", FORBIDDEN: "does not fire", SHOWN: ""}[self.role]
        return Verdict(expected, observed, status)

    def left_out(self) -> str | None:
        """Why this rule was not evaluated at all."""
        stack = self.context.manifest.stack
        if self.spells or self.name in self.rules:
            return None
        for item in stack.get("withheld") or ():
            if item.get("name") == self.name:
                return f"no source: {item.get('reason') or 'this stack has no such job'}"
        for item in stack.get("refused") or ():
            if item.get("name") == self.name:
                return f"refused by Prometheus: {item.get('reason') or 'no reason given'}"
        if self.role == SHOWN:
            return None
        if not self.rules:
            if not len(self.metrics.sample_times) and not len(self.context.run.alert_states):
                return "no alerts were watched in this run"
            return None  # an external Prometheus, whose rules are not known
        close = difflib.get_close_matches(self.name, self.rules, 1)
        hint = f"did you mean {close[0]}?" if close else f"rules: {text.listing(self.rules)}"
        return f"no rule has this name; {hint}"

    def judged(self) -> tuple[Verdict, str | None]:
        fired = [s for s in self.spells if s.firing_at is not None]
        counting = [s for s in fired if s.counted]
        before = [s for s in fired if (s.firing_at or 0) < 0 and s.active_until >= 0]
        outside = self.outside()
        if counting:
            firing_at = min(s.firing_at for s in counting if s.firing_at is not None)
            status = Status.PASSED if self.role == EXPECTED else Status.FAILED
            return self.verdict(status, f"fired at {text.at(firing_at)}"), outside
        if self.role == FORBIDDEN and any(self.met_measured(s) for s in before):
            return self.verdict(Status.FAILED, "was firing already when the load began"), outside
        gap = self.gap()
        if gap is not None:
            return self.verdict(Status.INCONCLUSIVE, gap), outside or gap
        if self.role == EXPECTED and before:
            return self.verdict(Status.INCONCLUSIVE, "was firing before the load began"), outside
        status = Status.FAILED if self.role == EXPECTED else Status.PASSED
        return self.verdict(status, self.not_fired()), outside

    def met_measured(self, spell: AlertSpell) -> bool:
        return any(
            stage.start_s <= spell.active_until and self.context.reached(stage) > 0
            for stage in self.context.measured
        )

    def not_fired(self) -> str:
        pending = [s for s in self.spells if s.pending_at is not None and s.firing_at is None]
        if not pending:
            return "did not fire"
        first = min(s.pending_at for s in pending if s.pending_at is not None)
        return f"was pending from {text.at(first)} but did not fire"

    def outside(self) -> str | None:
        reasons = [_excluded(self.context, spell) for spell in self.spells]
        known = list(dict.fromkeys(reason for reason in reasons if reason))
        return f"{text.listing(known)}: outside expectations" if known else None

    def gap(self) -> str | None:
        """Why "did not fire" cannot be said; None when Prometheus was watched all along."""
        context = self.context
        if context.running:
            return f"did not fire in {text.duration(context.reached_s)} so far"
        if context.end_reason != "finished":
            return f"the load ended early, after {text.duration(context.reached_s)}"
        died = prometheus_died(context)
        if died is not None and died < context.reached_s:
            return f"Prometheus died at {text.at(died)}"
        return watch_gap(context, self.metrics, self.rules.get(self.name))


def prometheus_died(context: Context) -> float | None:
    """When Prometheus was gone, seconds; None when it lived."""
    for name, component in (context.manifest.stack.get("components") or {}).items():
        if "prometheus" in str(name).lower() and component.get("died_at_s") is not None:
            return float(component["died_at_s"])
    return None


def watch_gap(context: Context, metrics: Metrics, rule: Rule | None) -> str | None:
    """The longest stretch of the load without a sample, in words, where it is too long."""
    times = metrics.sample_times
    if not len(times):
        return "no sample of Prometheus was recorded"
    scrape = metrics.scrape_interval_s or 0.0
    interval = (rule.interval_s if rule else None) or 0.0
    allowed = max(2 * scrape, (GAP + 0.5) * interval, 2.0)
    inside = times[(times >= 0) & (times <= context.reached_s)]
    edges = np.concatenate([[0.0], inside, [context.reached_s]])
    if not len(inside) and (times[0] > context.reached_s or times[-1] < 0):
        edges = np.array([0.0, context.reached_s])
    gaps = np.diff(edges)
    worst = int(np.argmax(gaps))
    if gaps[worst] <= allowed:
        return None
    first, last = text.at(float(edges[worst])), text.at(float(edges[worst + 1]))
    return f"no data of Prometheus from {first} to {last}"
