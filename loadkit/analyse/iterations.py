"""How long whole iterations took, where they are more than one request."""

from __future__ import annotations

from loadkit.analyse.accounting import Flow
from loadkit.analyse.context import Context
from loadkit.analyse.latency import percentiles
from loadkit.analyse.result import IterationResult
from loadkit.analyse.stages import Latencies

MEASURE, SERVICE = "iteration", "iteration_service"


def iteration_results(
    context: Context, flow: Flow, latencies: Latencies
) -> tuple[IterationResult, ...]:
    """One row a task and stage, busiest first; none where an iteration is a request."""
    if latencies.of(MEASURE).count >= flow.ended():
        return ()
    tasks = _tasks(context)
    results = []
    for stage in context.stages:
        rows = [_result(latencies, stage.name, task) for task in tasks]
        results += sorted((row for row in rows if row.count), key=lambda row: -row.count)
    return tuple(results)


def _tasks(context: Context) -> tuple[str, ...]:
    windows = context.run.windows
    found = windows.loc[windows["measure"] == MEASURE, "operation"]
    return tuple(sorted({str(name) for name in found}))


def _result(latencies: Latencies, stage: str, task: str) -> IterationResult:
    whole = latencies.of(MEASURE, stage, task)
    service = latencies.of(SERVICE, stage, task)
    return IterationResult(task, stage, whole.count, percentiles(service), percentiles(whole))
