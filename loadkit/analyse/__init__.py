"""From a bundle's tables to what can be said about the run. Pure: no I/O, no clock.

``analyse(run)`` does it all; a renderer needs nothing but its result.
"""

from __future__ import annotations

import numpy as np

from loadkit.analyse.accounting import Flow, account
from loadkit.analyse.alerts import alert_spells, notification_results
from loadkit.analyse.answers import answers
from loadkit.analyse.association import associations
from loadkit.analyse.context import Context, seconds_or_none, text_of, text_or_none
from loadkit.analyse.exemplars import slowest
from loadkit.analyse.expectations import alert_results
from loadkit.analyse.facts import Facts
from loadkit.analyse.findings import findings
from loadkit.analyse.generator import judge_generator
from loadkit.analyse.iterations import iteration_results
from loadkit.analyse.leads import lead_lag
from loadkit.analyse.logs import log_groups
from loadkit.analyse.memory import memory_result
from loadkit.analyse.method import method, missing
from loadkit.analyse.profile_difference import profile_differences
from loadkit.analyse.profiles import hot_functions, profile_results
from loadkit.analyse.result import Analysis, FaultResult, Line
from loadkit.analyse.saturation import Use
from loadkit.analyse.saturation import uses as all_uses
from loadkit.analyse.series import Metrics
from loadkit.analyse.signals import Signals
from loadkit.analyse.slo import slo_results
from loadkit.analyse.spans import span_trees
from loadkit.analyse.stages import (
    Latencies,
    error_kinds,
    error_lines,
    latency_lines,
    operation_results,
    rate_lines,
    stage_results,
)
from loadkit.analyse.taken import Taken, role_results, take
from loadkit.analyse.timeline import timeline
from loadkit.analyse.verdict import conclude, with_findings
from loadkit.analyse.workers import worker_results
from loadkit.bundle.reader import RunData

__all__ = ["Analysis", "analyse"]


def analyse(run: RunData, *, live: bool = False) -> Analysis:
    """Everything a report says. ``live``: the run is still under way, so far is no crash."""
    context, metrics, flow = Context(run, live=live), Metrics(run), Flow(run.flow)
    latencies = Latencies(context)
    taken = take(context, metrics, flow)
    uses = all_uses(context, metrics, taken)
    facts = _facts(context, metrics, flow, latencies, uses, live, taken)
    found = findings(facts)
    conclusion = with_findings(facts, conclude(facts), found)
    rates, times = rate_lines(context, flow), latency_lines(context)
    by_name = {line.name: line for line in (*rates, *times)}
    return Analysis(
        name=run.manifest.name,
        started=run.manifest.created,
        verdict=conclusion.verdict,
        headline=conclusion.headline,
        exit_status=conclusion.exit_status,
        state=facts.state,
        answers=answers(facts),
        stages=facts.stages,
        operations=operation_results(context, flow, latencies),
        iterations=iteration_results(context, flow, latencies),
        accounting=facts.accounting,
        generator=facts.generator,
        slos=facts.slos,
        alerts=facts.alerts,
        notifications=notification_results(context),
        faults=facts.faults,
        rate_lines=rates,
        latency_lines=times,
        error_lines=error_lines(context, flow),
        saturation_lines=tuple(use.line() for use in uses),
        signals=Signals(context, metrics, flow, latencies, uses, by_name, taken).all(),
        span_trees=span_trees(context),
        logs=log_groups(context),
        profiles=facts.profiles,
        hot=hot_functions(context),
        profile_differences=facts.profile_differences,
        errors=facts.errors,
        exemplars=slowest(context),
        associations=associations(context, _values(by_name.get("p95")), uses),
        findings=found,
        method=method(facts),
        end_s=context.end_s,
        missing=missing(facts),
        base_stage=None if context.base is None else context.base.name,
        peak_stage=None if context.peak is None else context.peak.name,
        load_end_s=context.reached_s,
        time_scale=int(run.manifest.stack.get("scale") or 1),
        workers=worker_results(context),
        timeline=timeline(context, flow),
        memory=facts.memory,
        roles=role_results(taken),
        lead_lag=lead_lag(context, uses),
    )


def _facts(
    context: Context,
    metrics: Metrics,
    flow: Flow,
    latencies: Latencies,
    uses: tuple[Use, ...],
    live: bool,
    taken: Taken,
) -> Facts:
    books = account(context, flow)
    return Facts(
        context=context,
        metrics=metrics,
        flow=flow,
        live=live,
        stages=stage_results(context, flow, latencies),
        accounting=books,
        generator=judge_generator(context, flow, latencies, books),
        slos=slo_results(context, flow, latencies),
        alerts=alert_results(context, metrics, alert_spells(context, metrics)),
        errors=error_kinds(context),
        faults=_faults(context),
        uses=uses,
        profiles=profile_results(context),
        profile_differences=profile_differences(context),
        memory=memory_result(context),
        unknown_signals=taken.unknown,
    )


def _faults(context: Context) -> tuple[FaultResult, ...]:
    frame = context.run.faults.sort_values("mono_ns", kind="stable")
    return tuple(
        FaultResult(
            kind=text_of(row["kind"]),
            step=text_or_none(row["step"]),
            value=seconds_or_none(row["value"]) or 0.0,
            stage=text_of(row["stage"]),
            start_s=seconds_or_none(row["t_s"]) or 0.0,
            end_s=seconds_or_none(row["end_s"]),
        )
        for row in frame.to_dict("records")
    )


def _values(line: Line | None) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = () if line is None else line.y
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
