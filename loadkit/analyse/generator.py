"""Whether the generator kept time. Its thresholds are explained in docs/generator-health.md."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.analyse import text
from loadkit.analyse.accounting import Flow
from loadkit.analyse.context import Context
from loadkit.analyse.latency import pick, quantiles_by_second
from loadkit.analyse.result import Accounting, GeneratorResult
from loadkit.analyse.stages import Latencies

LAG_S = 0.1
CPU = 0.9
LATENESS_S = 0.05
GC_S = 0.1
INVALID_SHARE = 0.1
STARTED_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class _Second:
    cpu: float | None
    lag_s: float | None
    gc_s: float | None


def judge_generator(
    context: Context, flow: Flow, latencies: Latencies, accounting: Accounting
) -> GeneratorResult:
    """The verdict, over measured seconds only, with its reasons in words."""
    own = _own_seconds(context)
    late = _late_seconds(context, flow)
    causes: dict[int, set[str]] = {}
    for second in sorted(context.measured_seconds):
        found = _causes(own.get(second)) | ({"arrivals started late"} if second in late else set())
        if found:
            causes[second] = found
    verdict, reasons = _verdict(context, flow, accounting, causes)
    rows = [own[second] for second in sorted(context.measured_seconds) if second in own]
    lags = [row.lag_s for row in rows if row.lag_s is not None]
    cpus = [row.cpu for row in rows if row.cpu is not None]
    pauses = [row.gc_s for row in rows if row.gc_s is not None]
    return GeneratorResult(
        verdict=verdict,
        reasons=tuple(reasons),
        bad_seconds=tuple(sorted(causes)),
        cpu_mean=float(np.mean(cpus)) if cpus else None,
        cpu_max=max(cpus, default=None),
        lag_p99_s=_nearest_rank(lags, 0.99),
        lag_max_s=max(lags, default=None),
        lateness_p99_s=_lateness(context, latencies),
        gc_max_s=max(pauses, default=None),
    )


def _nearest_rank(values: list[float], q: float) -> float | None:
    if not values:
        return None
    rank = max(1, int(np.ceil(round(q * len(values), 9))))
    return sorted(values)[rank - 1]


def _lateness(context: Context, latencies: Latencies) -> float | None:
    total = None
    for stage in context.measured:
        histogram = latencies.of("lateness", stage.name, None, ("started",))
        if total is None:
            total = type(histogram)(histogram.bits)
        total.merge(histogram)
    value = None if total is None else total.quantile(0.99)
    return None if value is None else value / 1e9


def _own_seconds(context: Context) -> dict[int, _Second]:
    """What the generator said of itself: a row tells of the second before it was written."""
    frame = context.run.generator.sort_values("t_s", kind="stable")
    seconds: dict[int, _Second] = {}
    columns = (frame[name] for name in ("t_s", "cpu_ratio", "loop_lag_ns", "gc_pause_ns"))
    since = -np.inf
    for t, cpu, lag, pause in zip(*columns, strict=True):
        # What it does when the load is over, such as ending its users, hurts no measurement.
        if pd.isna(t) or since >= context.plan_end_s:
            continue
        since = t
        second = int(np.floor(t - 0.5))
        row = _Second(_real(cpu), _real(lag, 1e-9), _real(pause, 1e-9))
        seconds[second] = _worse(seconds.get(second), row)
    return seconds


def _real(value: object, scale: float = 1.0) -> float | None:
    return None if pd.isna(value) else float(value) * scale  # type: ignore[call-overload,arg-type]


def _worse(one: _Second | None, other: _Second) -> _Second:
    if one is None:
        return other

    def larger(a: float | None, b: float | None) -> float | None:
        return max((v for v in (a, b) if v is not None), default=None)

    return _Second(
        larger(one.cpu, other.cpu), larger(one.lag_s, other.lag_s), larger(one.gc_s, other.gc_s)
    )


def _causes(row: _Second | None) -> set[str]:
    if row is None:
        return set()
    found = set()
    if row.lag_s is not None and row.lag_s > LAG_S:
        found.add("its event loop lagged")
    if row.cpu is not None and row.cpu > CPU:
        found.add("its CPU was used up")
    if row.gc_s is not None and row.gc_s > GC_S:
        found.add("it collected garbage")
    return found


def _late_seconds(context: Context, flow: Flow) -> frozenset[int]:
    """Seconds whose arrivals started late although a user was free for each of them."""
    n = context.seconds
    rows = pick(context.run.seconds, "lateness", outcomes=("started",))
    if not n or not len(rows):
        return frozenset()
    # Not the 99th percentile: of fifty arrivals in a second that is the one slowest.
    p95: npt.NDArray[np.float64] = quantiles_by_second(rows, [0.95], n)[0]
    waited = flow.by_second("late", n)
    bad = (np.nan_to_num(p95) > LATENESS_S) & (waited == 0)
    return frozenset(np.flatnonzero(bad).tolist())


def _verdict(
    context: Context, flow: Flow, accounting: Accounting, causes: dict[int, set[str]]
) -> tuple[str, list[str]]:
    measured = len(context.measured_seconds)
    reasons, invalid = [], False
    if causes:
        counted = Counter(cause for found in causes.values() for cause in found)
        why = text.listing(f"{cause} in {count}" for cause, count in counted.most_common())
        reasons.append(f"{len(causes)} of {measured} measured seconds were bad: {why}")
        invalid = len(causes) > INVALID_SHARE * measured
    if not measured:
        reasons.append("no measured stage was reached")
    elif not _watched(context):
        reasons.append("nothing was recorded about the generator itself")
    if accounting.balanced is False:
        reasons.append("the books do not balance: what was planned or sent is not what ended")
        invalid = True
    for name, started, planned in _short_stages(context, flow):
        reasons.append(
            f"in {name} it started {started:,} of {planned:,} arrivals though users were free"
        )
        invalid = True
    return ("invalid" if invalid else "degraded" if reasons else "valid"), reasons


def _watched(context: Context) -> bool:
    return not context.measured_seconds.isdisjoint(_own_seconds(context))


def _short_stages(context: Context, flow: Flow) -> list[tuple[str, int, int]]:
    """Measured stages in which arrivals did not start for a reason of the generator's own.

    Where arrivals waited for a user (``late``) it was the service that held the users.
    """
    result = []
    for stage in context.measured:
        planned, started = (flow.total(event, stage.name) for event in ("planned", "started"))
        if not planned or not context.whole(stage) or context.end_reason != "finished":
            continue
        if started / planned < STARTED_SHARE and not flow.total("late", stage.name):
            result.append((stage.name, started, planned))
    return result
