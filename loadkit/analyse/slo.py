"""Objectives against what was measured. Missing data is inconclusive, never a pass.

A request that was cancelled, whose end is not known or that never started has no latency, only a
lower bound (the time that it had waited, else 0). A quantile is therefore judged twice, with those
at their lower bound and with those at infinity; only where both agree is there a verdict.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loadkit.analyse import text
from loadkit.analyse.accounting import OUTCOMES, Flow, achieved
from loadkit.analyse.context import Context, Floats, StageSpan
from loadkit.analyse.latency import ENDED, pick, quantiles_by_second
from loadkit.analyse.result import SloResult
from loadkit.analyse.stages import Latencies
from loadkit.bundle.histogram import Histogram
from loadkit.errors import UsageError
from loadkit.model import Slo, Status, Verdict

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """A value known only within limits; ``value`` is what is shown. Why, when they differ."""

    value: float | None
    low: float
    high: float
    why: str = ""


def slo_results(context: Context, flow: Flow, latencies: Latencies) -> tuple[SloResult, ...]:
    """Each objective in each stage that it covers."""
    judge = _Judge(context, flow, latencies)
    return tuple(
        result for given in context.manifest.slos for result in judge.objective(str(given))
    )


class _Judge:
    def __init__(self, context: Context, flow: Flow, latencies: Latencies) -> None:
        self.context = context
        self.flow = flow
        self.latencies = latencies

    def objective(self, given: str) -> list[SloResult]:
        try:
            slo = Slo(given)
        except UsageError as error:
            return [_open(given, "", 0.0, error.what)]
        if slo.stage is None:
            if not self.context.measured:
                return [_open(given, "", slo.threshold, "no stage is measured")]
            return [self.in_stage(slo, stage) for stage in self.context.measured]
        stage = next((s for s in self.context.stages if s.name == slo.stage), None)
        if stage is None:
            return [_open(given, slo.stage, slo.threshold, f"there is no stage {slo.stage!r}")]
        return [self.in_stage(slo, stage)]

    def in_stage(self, slo: Slo, stage: StageSpan) -> SloResult:
        if not stage.measured:
            reason = f"{stage.name} is a {stage.excluded_as} stage, outside every verdict"
            return _open(slo.text, stage.name, slo.threshold, reason)
        if self.context.reached(stage) <= 0:
            reason = "is still to come" if self.context.running else "was never reached"
            return _open(slo.text, stage.name, slo.threshold, f"{stage.name} {reason}")
        bounds = self.bounds(slo, stage)
        if bounds is None:
            return _open(slo.text, stage.name, slo.threshold, self.no_data(slo, stage))
        status, reason = self.status(slo, stage, bounds)
        shown = show(slo.metric, bounds.value)
        return SloResult(
            slo=slo.text,
            stage=stage.name,
            verdict=Verdict(
                slo.text, f"{slo.metric} {shown}{f' ({reason})' if reason else ''}", status
            ),
            threshold=slo.threshold,
            value=bounds.value,
            first_bad_s=self.first_bad(slo, stage) if status is Status.FAILED else None,
        )

    def no_data(self, slo: Slo, stage: StageSpan) -> str:
        if slo.operation is not None and slo.operation not in self.flow.operations:
            known = text.listing(self.flow.operations) or "none"
            return f"no request of {slo.operation!r}; operations: {known}"
        return f"no request ended in {stage.name}"

    def status(self, slo: Slo, stage: StageSpan, bounds: Bounds) -> tuple[Status, str]:
        compare = _COMPARE[slo.comparator]
        met = {compare(bounds.low, slo.threshold), compare(bounds.high, slo.threshold)}
        if met == {False}:
            return Status.FAILED, ""
        if len(met) == 2:
            return Status.INCONCLUSIVE, bounds.why
        if not self.context.whole(stage):
            ran = text.duration(self.context.reached(stage))
            planned = text.duration(stage.duration_s)
            if self.context.running:
                return Status.INCONCLUSIVE, f"{ran} of {planned} so far"
            return Status.INCONCLUSIVE, f"only {ran} of {planned} were run"
        return Status.PASSED, ""

    # -- values ------------------------------------------------------------------------------

    def bounds(self, slo: Slo, stage: StageSpan) -> Bounds | None:
        if slo.metric == "errors":
            return self.error_bounds(slo.operation, stage)
        if slo.metric == "rate":
            value = achieved(self.flow, self.context, stage, slo.operation)
            return None if value is None else Bounds(value, value, value)
        return self.time_bounds(slo, stage)

    def error_bounds(self, operation: str | None, stage: StageSpan) -> Bounds | None:
        ended = self.flow.ended(stage.name, operation)
        failures = self.flow.failures(stage.name, operation)
        unknown = self.flow.unsettled(stage.name, operation)
        if not ended:
            return None
        return Bounds(
            failures / ended,
            failures / (ended + unknown),
            (failures + unknown) / (ended + unknown),
            f"the end of {text.plural(unknown, 'request')} is not known",
        )

    def time_bounds(self, slo: Slo, stage: StageSpan) -> Bounds | None:
        ended = self.latencies.of(slo.measure, stage.name, slo.operation, ENDED)
        waited = self.latencies.of(slo.measure, stage.name, slo.operation, OUTCOMES)
        cancelled = self.flow.total("cancelled", stage.name, slo.operation)
        known = waited.count - ended.count
        hidden = max(0, cancelled - known) + self.flow.unsettled(stage.name, slo.operation)
        hidden += self.flow.total("never_started", stage.name)
        hidden += self.flow.total("unknown", stage.name)
        open_ended = known + hidden
        if not ended.count and not known:
            return None
        low = _statistic(slo, waited, 0)
        high = _statistic(slo, ended, open_ended)
        return Bounds(
            low,
            low,
            high,
            f"{text.plural(open_ended, 'request')} never ended: "
            "too many to tell, too few to be sure",
        )

    # -- since when --------------------------------------------------------------------------

    def first_bad(self, slo: Slo, stage: StageSpan) -> float | None:
        n = self.context.seconds
        values = self.by_second(slo, n)
        if values is None:
            return None
        compare = _COMPARE[slo.comparator]
        last = min(stage.end_s, self.context.reached_s)
        for second in range(math.floor(stage.start_s), min(n, math.ceil(last))):
            value = float(values[second])
            if not math.isnan(value) and not compare(value, slo.threshold):
                return max(float(second), stage.start_s)
        return None

    def by_second(self, slo: Slo, n: int) -> Floats | None:
        if slo.metric == "rate":
            return self.flow.completions(n, slo.operation)
        rows = pick(
            self.context.run.seconds, slo.measure, operation=slo.operation, outcomes=OUTCOMES
        )
        count = _weighed(rows, "count", n)
        if slo.metric == "errors":
            return _divided(_weighed(rows[rows["outcome"] != "ok"], "count", n), count)
        if slo.metric == "mean":
            return _divided(_weighed(rows, "sum_ns", n) / 1e9, count)
        quantile = 1.0 if slo.quantile is None else slo.quantile
        values: Floats = quantiles_by_second(rows, [quantile], n)[0]
        return values


def _weighed(rows: pd.DataFrame, column: str, n: int) -> Floats:
    """Sum of a column by second."""
    second = rows["second"].to_numpy(np.int64)
    weights = rows[column].to_numpy(np.float64)
    inside = (second >= 0) & (second < n)
    sums = np.bincount(second[inside], weights=weights[inside], minlength=n)
    return sums[:n].astype(np.float64)


def _divided(part: Floats, whole: Floats) -> Floats:
    """NaN where there is nothing to divide by."""
    quotient: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return quotient


def _statistic(slo: Slo, histogram: Histogram, beyond: int) -> float:
    """The metric, seconds, with ``beyond`` more values at infinity."""
    if slo.metric == "mean":
        mean = histogram.mean_ns
        return math.inf if beyond or mean is None else mean / 1e9
    if slo.quantile is None:
        return math.inf if beyond or histogram.max_ns is None else histogram.max_ns / 1e9
    if beyond:
        rank = max(1, math.ceil(round(slo.quantile * (histogram.count + beyond), 9)))
        if rank > histogram.count:
            return math.inf
        # The same rank among those that ended; a hair below it, so that rounding up finds it.
        value = histogram.quantile((rank - 0.5) / histogram.count)
    else:
        value = histogram.quantile(slo.quantile)
    return math.inf if value is None else value / 1e9


def show(metric: str, value: float | None) -> str:
    """A metric's value in words."""
    if metric == "errors":
        return text.share(value)
    return text.rate(value) if metric == "rate" else text.duration(value)


def _open(given: str, stage: str, threshold: float, reason: str) -> SloResult:
    verdict = Verdict(given, reason, Status.INCONCLUSIVE)
    return SloResult(given, stage, verdict, threshold, None, None)


def beyond(result: SloResult) -> str:
    """By how much an objective was missed: ``p95 412 ms, 112 ms above 300 ms``."""
    metric = Slo(result.slo).metric
    shown = f"{metric} {show(metric, result.value)}"
    if result.value is None:
        return shown
    off = result.value - result.threshold
    if off == 0:
        return f"{shown}, not beyond {show(metric, result.threshold)}"
    distance = f"{abs(off) * 100:.2g} points" if metric == "errors" else show(metric, abs(off))
    side = "above" if off > 0 else "below"
    return f"{shown}, {distance} {side} {show(metric, result.threshold)}"
