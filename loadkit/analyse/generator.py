"""Whether the generator kept time. Its thresholds are explained in docs/generator-health.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.analyse import text
from loadkit.analyse.accounting import Flow, summed_by_second
from loadkit.analyse.context import Context
from loadkit.analyse.latency import pick, quantiles_by_second
from loadkit.analyse.result import Accounting, GeneratorResult
from loadkit.analyse.stages import Latencies

LAG_S = 0.1
CPU = 0.9
LATENESS_S = 0.05
GC_S = 0.1
FILES = 0.95
PORTS = 100
INVALID_SHARE = 0.1
# Waiting for a CPU: of a second, of the response times in it, and in how many seconds it matters.
WAIT_S = 0.01
WAIT_PER_RESPONSE = 0.15
WAIT_SECONDS = 2
WAIT_SHARE = 0.2
STARTED_SHARE = 0.95
_SLACK_S = 0.1  # rows come this much off a whole second, give or take


@dataclass(frozen=True, slots=True)
class _Second:
    """What it said of itself; the worst of its workers, where there are several."""

    cpu: float | None = None
    lag_s: float | None = None
    gc_s: float | None = None
    wait_s: float | None = None
    files: float | None = None  # share of those it may have
    ports_used: float | None = None  # below 0: so many are free


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
    waited = _waited(context, own)
    verdict, reasons = _verdict(context, flow, accounting, causes, waited)
    rows = [own[second] for second in sorted(context.measured_seconds) if second in own]
    lags = [row.lag_s for row in rows if row.lag_s is not None]
    cpus = [row.cpu for row in rows if row.cpu is not None]
    pauses = [row.gc_s for row in rows if row.gc_s is not None]
    return GeneratorResult(
        verdict=verdict,
        reasons=tuple(reasons),
        bad_seconds=tuple(sorted({*causes, *waited})),
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
    """What the generator said of itself: a row tells of the time since the row before."""
    frame = context.run.generator.sort_values("t_s", kind="stable")
    seconds: dict[int, _Second] = {}
    for _, rows in frame.groupby("worker", dropna=False, sort=False):
        since: float | None = None
        for row in rows.to_dict("records"):
            until = row["t_s"]
            # What it does when the load is over, such as ending its users, hurts no measurement.
            if pd.isna(until) or (since is not None and since >= context.plan_end_s):
                continue
            begun = max(0.0, until - 1.0) if since is None else since
            said = _said(row)
            for second in _covered(begun, until):
                seconds[second] = _worse(seconds.get(second), said)
            since = until
    return seconds


def _covered(begun: float, until: float) -> range:
    """Seconds that a row speaks of: one, but a stall holds up the row itself."""
    if until - begun <= 1 + _SLACK_S / 2:
        middle = max(0, int((begun + until) / 2))
        return range(middle, middle + 1)
    return range(int(begun + _SLACK_S), max(0, int(until - _SLACK_S)) + 1)


def _said(row: Mapping[Hashable, Any]) -> _Second:
    files, most = _real(row["open_files"]), _real(row["max_files"])
    free = _real(row["free_ports"])
    return _Second(
        cpu=_real(row["cpu_ratio"]),
        lag_s=_real(row["loop_lag_ns"], 1e-9),
        gc_s=_real(row["gc_pause_ns"], 1e-9),
        wait_s=_real(row["run_delay_ns"], 1e-9),
        files=files / most if files is not None and most else None,
        ports_used=None if free is None else -free,
    )


def _real(value: object, scale: float = 1.0) -> float | None:
    return None if pd.isna(value) else float(value) * scale  # type: ignore[call-overload,arg-type]


def _worse(one: _Second | None, other: _Second) -> _Second:
    if one is None:
        return other

    def larger(name: str) -> float | None:
        pair = (getattr(one, name), getattr(other, name))
        return max((value for value in pair if value is not None), default=None)

    return _Second(**{item.name: larger(item.name) for item in fields(_Second)})


def _causes(row: _Second | None) -> set[str]:
    if row is None:
        return set()
    limits = (
        (row.lag_s, LAG_S, "its event loop lagged"),
        (row.cpu, CPU, "its CPU was used up"),
        (row.gc_s, GC_S, "it collected garbage"),
        (row.files, FILES, "it had opened nearly all files it may"),
        (row.ports_used, -PORTS, "hardly a local port was free"),
    )
    return {cause for value, limit, cause in limits if value is not None and value > limit}


def _waited(context: Context, own: dict[int, _Second]) -> tuple[int, ...]:
    """Seconds in which waits for a CPU may be no small part of the latencies, if not a passing few.

    An upper bound: not each of the waits was between a due time and the answer.
    """
    measured = context.measured_seconds
    spent = _response_s(context)

    def matters(second: int) -> bool:
        wait = own[second].wait_s or 0.0
        return wait > WAIT_S and 0 < WAIT_PER_RESPONSE * spent[second] < wait

    found = tuple(second for second in sorted(measured) if second in own and matters(second))
    enough = max(min(WAIT_SECONDS, len(measured)), WAIT_SHARE * len(measured))
    return found if found and len(found) >= enough else ()


def _response_s(context: Context) -> npt.NDArray[np.float64]:
    """The response times of each second added up, s; of one worker, which has an even share."""
    rows = pick(context.run.seconds, "response")
    total = summed_by_second(rows, context.seconds, "sum_ns")
    workers = max(1, context.run.generator["worker"].nunique(dropna=False))
    return total / (1e9 * workers)


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
    context: Context,
    flow: Flow,
    accounting: Accounting,
    causes: dict[int, set[str]],
    waited: tuple[int, ...],
) -> tuple[str, list[str]]:
    measured = len(context.measured_seconds)
    reasons, invalid = [], False
    if causes:
        counted = Counter(cause for found in causes.values() for cause in found)
        why = text.listing(f"{cause} in {count}" for cause, count in counted.most_common())
        reasons.append(f"{len(causes)} of {measured} measured seconds were bad: {why}")
        invalid = len(causes) > INVALID_SHARE * measured
    if waited:
        reasons.append(
            f"in {len(waited)} of {measured} measured seconds it was ready to run and had to wait "
            "for a CPU that others used, for more than "
            f"{text.share(WAIT_PER_RESPONSE)} of the response times"
        )
    if not measured:
        reasons.append("no measured stage was reached")
    elif not _watched(context):
        reasons.append("nothing was recorded about the generator itself")
    gone = int((context.run.findings["slug"] == "worker-lost").sum())
    if gone:
        reasons.append(f"{text.plural(gone, 'worker')} ended before the load did")
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
