"""What each stage and each operation in it reached."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loadkit.analyse.accounting import Flow, achieved, errors_by_second
from loadkit.analyse.context import Context, StageSpan
from loadkit.analyse.latency import ENDED, merged, percentiles, pick, quantiles_by_second
from loadkit.analyse.result import ErrorKind, Line, OperationResult, Percentiles, StageResult
from loadkit.bundle.histogram import Histogram


class Latencies:
    """Fine histograms of the run by measure, stage, operation and outcomes, each made once."""

    def __init__(self, context: Context) -> None:
        windows = context.run.windows
        self._windows = windows[windows["count"].fillna(0) > 0]
        self._parts: dict[str, dict[tuple[str, str | None, str | None], list[int]]] = {}
        self._made: dict[tuple[str, str | None, str | None, tuple[str, ...]], Histogram] = {}

    def of(
        self,
        measure: str,
        stage: str | None = None,
        operation: str | None = None,
        outcomes: tuple[str, ...] = ENDED,
    ) -> Histogram:
        """One histogram of all that is asked for; not to be changed."""
        key = (measure, stage, operation, outcomes)
        if key not in self._made:
            parts = self._parts.get(measure)
            if parts is None:
                parts = self._parts[measure] = self._indexed(measure)
            rows = [row for o in outcomes for row in parts.get((o, stage, operation), ())]
            self._made[key] = merged(self._windows.iloc[rows])
        return self._made[key]

    def _indexed(self, measure: str) -> dict[tuple[str, str | None, str | None], list[int]]:
        """Row numbers by outcome, stage and operation, where None stands for all of them.

        A scan for each of hundreds of operations in each stage would take minutes.
        """
        index: dict[tuple[str, str | None, str | None], list[int]] = {}
        columns = (self._windows[name] for name in ("measure", "outcome", "stage", "operation"))
        for row, (own, outcome, stage, operation) in enumerate(zip(*columns, strict=True)):
            if own != measure:
                continue
            for s in (stage, None):
                for o in (operation, None):
                    index.setdefault((outcome, s, o), []).append(row)
        return index

    def percentiles(
        self, measure: str, stage: str | None = None, operation: str | None = None
    ) -> Percentiles:
        """Percentiles of the requests that ended."""
        return percentiles(self.of(measure, stage, operation))


def stage_results(context: Context, flow: Flow, latencies: Latencies) -> tuple[StageResult, ...]:
    """Every planned stage, those that were never reached included."""
    return tuple(_stage(context, flow, latencies, stage) for stage in context.stages)


def _stage(
    context: Context, flow: Flow, latencies: Latencies, stage: StageSpan
) -> StageResult:  # fmt: skip
    reached = context.reached(stage)
    count, failures = flow.ended(stage.name), flow.failures(stage.name)
    first_last = None if stage.first is None or stage.last is None else (stage.first, stage.last)
    lateness = percentiles(latencies.of("lateness", stage.name, None, ("started",)))
    is_open = stage.kind == "rate"
    return StageResult(
        name=stage.name,
        start_s=stage.start_s,
        duration_s=stage.duration_s,
        measured=stage.measured,
        warmup=stage.warmup,
        profile=stage.profile,
        planned_rate=first_last if is_open else None,
        users=stage.users,
        offered=flow.total("planned", stage.name) / reached if is_open and reached > 0 else None,
        achieved=achieved(flow, context, stage),
        count=count,
        failures=failures,
        error_ratio=failures / count if count else None,
        service=latencies.percentiles("service", stage.name),
        response=latencies.percentiles("response", stage.name),
        lateness=lateness if lateness.count else None,
        reached_s=reached,
        mean_rate=stage.level if is_open else None,
        sent=flow.total("sent", stage.name) if "sent" in flow.events else None,
        started=flow.total("started", stage.name) if is_open else None,
        load=stage.text,
    )


def operation_results(
    context: Context, flow: Flow, latencies: Latencies
) -> tuple[OperationResult, ...]:
    """One row an operation and stage that had a request; stages in order, busiest first."""
    results = []
    for stage in context.stages:
        for operation in flow.operations:
            count = flow.ended(stage.name, operation)
            if not count:
                continue
            results.append(
                OperationResult(
                    operation=operation,
                    stage=stage.name,
                    count=count,
                    failures=flow.failures(stage.name, operation),
                    service=latencies.percentiles("service", stage.name, operation),
                    response=latencies.percentiles("response", stage.name, operation),
                )
            )
    return tuple(results)


def error_kinds(context: Context) -> tuple[ErrorKind, ...]:
    """Failures alike, most frequent first."""
    frame = context.run.errors
    results = []
    for (kind, operation), rows in frame.groupby(["kind", "operation"], dropna=False):
        first = rows.sort_values("second", kind="stable").iloc[0]
        results.append(
            ErrorKind(
                kind=str(kind),
                operation=str(operation),
                count=int(rows["count"].sum()),
                message=str(first["message"] or ""),
                first_s=float(rows["second"].min()),
            )
        )
    return tuple(sorted(results, key=lambda item: (-item.count, item.kind, item.operation)))


MOST_KINDS = 6


def rate_lines(context: Context, flow: Flow) -> tuple[Line, ...]:
    """Offered (open stages only) and achieved, a point a second, x its beginning."""
    n = context.seconds
    if not n:
        return ()
    x = tuple(float(second) for second in range(n))
    lines = []
    if "planned" in flow.events:
        planned = flow.by_second("planned", n)
        spans = [stage for stage in context.stages if stage.kind == "rate"]
        y = tuple(
            float(planned[i])
            if planned[i] or any(s.start_s < i + 1 and i < s.end_s for s in spans)
            else None
            for i in range(n)
        )
        lines.append(Line("offered", "1/s", x, y, "arrivals due in the second"))
    done = flow.completions(n)
    lines.append(
        Line("achieved", "1/s", x, tuple(done.tolist()), "responses completed in the second")
    )
    return tuple(lines)


def error_lines(context: Context, flow: Flow) -> tuple[Line, ...]:
    """Failures a second by kind, in the second in which the request was due."""
    n = context.seconds
    frame = context.run.errors
    totals = frame.groupby("kind")["count"].sum() if len(frame) else None
    lines = []
    x = tuple(float(second) for second in range(n))
    if totals is not None:
        kinds = sorted(totals.index, key=lambda kind: (-int(totals[kind]), str(kind)))
        groups = [([kind], str(kind)) for kind in kinds[:MOST_KINDS]]
        if len(kinds) > MOST_KINDS:
            groups.append((kinds[MOST_KINDS:], f"{len(kinds) - MOST_KINDS} other kinds"))
        for members, name in groups:
            y = _by_due(frame[frame["kind"].isin(members)], n)
            lines.append(Line(name, "1/s", x, y))
    unnamed = flow.failures() - (int(frame["count"].sum()) if len(frame) else 0)
    cancelled = flow.total("cancelled")
    if cancelled and unnamed >= cancelled:
        y = tuple(flow.by_second("cancelled", n).tolist())
        lines.append(Line("cancelled", "1/s", x, y, "when it was cancelled"))
    return tuple(lines)


def _by_due(frame: pd.DataFrame, seconds: int) -> tuple[float, ...]:
    return tuple(errors_by_second(frame, seconds).tolist())


LATENCY_QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999))


def latency_lines(context: Context) -> tuple[Line, ...]:
    """Response time by second of being due, coarse buckets; None where nothing ended."""
    n = context.seconds
    rows = pick(context.run.seconds, "response")
    if not n or not len(rows):
        return ()
    table = quantiles_by_second(rows, [q for _, q in LATENCY_QUANTILES], n)
    x = tuple(float(second) for second in range(n))
    return tuple(
        Line(name, "s", x, tuple(None if np.isnan(v) else float(v) for v in row))
        for (name, _), row in zip(LATENCY_QUANTILES, table, strict=True)
    )
