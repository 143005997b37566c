"""The report as JSON, for scripts and pipelines; docs/report.schema.json describes it.

Times are seconds (instants count from the start of the load), rates per second, ratios 0 to 1;
null is "not known". The history of the format:

- ``loadkit-report/1``: the first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from loadkit.analyse.result import (
    AlertResult,
    AlertSpell,
    Analysis,
    IterationResult,
    LeadLag,
    OperationResult,
    Percentiles,
    ProfileResult,
    Signal,
    SloResult,
    StageResult,
)
from loadkit.report import difference, memory_json
from loadkit.report.profile_json import profile_difference, profile_more

FORMAT = "loadkit-report/1"


def render(analysis: Analysis) -> str:
    """The document with a newline at its end; the same analysis gives the same bytes."""
    content = _finite(document(analysis))
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def document(analysis: Analysis) -> dict[str, Any]:
    """The document as plain values, its keys in the order in which they are written."""
    a = analysis
    return {
        "format": FORMAT,
        "name": a.name,
        "started": a.started,
        "state": a.state,
        "exit_status": a.exit_status,
        "verdict": a.verdict,
        "headline": a.headline,
        "answers": [asdict(answer) for answer in a.answers],
        "generator": asdict(a.generator),
        "accounting": asdict(a.accounting),
        "workers": [asdict(worker) for worker in a.workers],
        "stages": [_stage(stage) for stage in a.stages],
        "operations": [_operation(operation) for operation in a.operations],
        "iterations": [_iteration(result) for result in a.iterations],
        "slos": [_slo(slo) for slo in a.slos],
        "alerts": [row for alert in a.alerts for row in _alert(alert)],
        "notifications": [asdict(message) for message in a.notifications],
        "faults": [asdict(fault) for fault in a.faults],
        "findings": [
            {
                "slug": finding.slug,
                "severity": finding.severity.value,
                "summary": finding.summary,
                "evidence": dict(finding.evidence),
            }
            for finding in a.findings
        ],
        "errors": [asdict(kind) for kind in a.errors],
        "exemplars": [asdict(exemplar) for exemplar in a.exemplars],
        "logs": [asdict(group) for group in a.logs],
        "signals": [_signal(signal) for signal in a.signals],
        "roles": [asdict(role) for role in a.roles],
        "span_trees": [asdict(tree) for tree in a.span_trees],
        "profiles": [_profile(profile) for profile in a.profiles],
        "profile_differences": [profile_difference(one) for one in a.profile_differences],
        "memory": memory_json.document(a.memory),
        "hot": [asdict(function) for function in a.hot],
        "associations": [asdict(association) for association in a.associations],
        "lead_lag": _lead_lag(a.lead_lag),
        "series": {
            "load": [asdict(line) for line in a.rate_lines],
            "latency": [asdict(line) for line in a.latency_lines],
            "errors": [asdict(line) for line in a.error_lines],
            "saturation": [asdict(line) for line in a.saturation_lines],
        },
        "method": [{"label": label, "text": text} for label, text in a.method],
        "missing": list(a.missing),
        "end_s": a.end_s,
        "difference": difference.document(a.difference),
    }


def _times(values: Percentiles) -> dict[str, float | None]:
    keys = ("p50", "p90", "p95", "p99", "p999", "max", "mean")
    return {key: getattr(values, key) for key in keys}


def _stage(stage: StageResult) -> dict[str, Any]:
    return {
        "name": stage.name,
        "start_s": stage.start_s,
        "duration_s": stage.duration_s,
        "measured": stage.measured,
        "warmup": stage.warmup,
        "profile": stage.profile,
        "planned_rate": stage.planned_rate,
        "users": stage.users,
        "load": stage.load or None,
        "offered": stage.offered,
        "achieved": stage.achieved,
        "count": stage.count,
        "failures": stage.failures,
        "error_ratio": stage.error_ratio,
        "service_s": _times(stage.service),
        "response_s": _times(stage.response),
        "lateness_s": _times(stage.lateness) if stage.lateness else None,
    }


def _operation(result: OperationResult) -> dict[str, Any]:
    return {
        "operation": result.operation,
        "stage": result.stage,
        "count": result.count,
        "failures": result.failures,
        "service_s": _times(result.service),
        "response_s": _times(result.response),
    }


def _iteration(result: IterationResult) -> dict[str, Any]:
    return {
        "task": result.task,
        "stage": result.stage,
        "count": result.count,
        "service_s": _times(result.service),
        "response_s": _times(result.response),
    }


def _slo(result: SloResult) -> dict[str, Any]:
    return {
        "slo": result.slo,
        "stage": result.stage,
        "verdict": result.verdict.status.value,
        "threshold": result.threshold,
        "value": result.value,
        "observed": result.verdict.observed,
        "first_bad_s": result.first_bad_s,
    }


def _alert(alert: AlertResult) -> list[dict[str, Any]]:
    """A row a spell; one of nulls for an alert that was never active."""
    spells: tuple[AlertSpell | None, ...] = alert.spells or (None,)
    return [_spell(alert, spell) for spell in spells]


def _spell(alert: AlertResult, spell: AlertSpell | None) -> dict[str, Any]:
    verdict = alert.verdict
    return {
        "name": alert.name,
        "role": alert.role,
        "severity": alert.severity,
        "labels": dict(spell.labels) if spell else {},
        "pending_at": spell.pending_at if spell else None,
        "firing_at": spell.firing_at if spell else None,
        "resolved_at": spell.resolved_at if spell else None,
        "notified_at": spell.notified_at if spell else None,
        "notified_resolved_at": spell.notified_resolved_at if spell else None,
        "receiver": spell.receiver if spell else None,
        "verdict": verdict.status.value if verdict else None,
        "expected": verdict.expected if verdict else None,
        "observed": verdict.observed if verdict else None,
        "note": alert.note,
    }


def _signal(signal: Signal) -> dict[str, Any]:
    keys = ("method", "name", "resource", "source", "base", "peak")
    return {key: getattr(signal, key) for key in keys}


def _lead_lag(found: LeadLag | None) -> dict[str, Any] | None:
    """Without the series themselves, which are below ``series``."""
    if found is None:
        return None
    strips = [
        {"name": strip.name, "unit": strip.unit, "changes": [asdict(c) for c in strip.changes]}
        for strip in found.strips
    ]
    return {
        "watched": found.watched,
        "strips": strips,
        "lags": [asdict(lag) | {"order": lag.order or None} for lag in found.lags],
    }


def _profile(profile: ProfileResult) -> dict[str, Any]:
    keys = ("stage", "process", "samples", "errors", "unrooted", "rate_hz", "blocking", "message")
    return {key: getattr(profile, key) for key in keys} | profile_more(profile)


def _finite(value: Any) -> Any:
    """JSON knows no infinity and no NaN: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
