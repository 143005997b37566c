"""The processes that made the load, where there were several."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from loadkit.analyse.context import Context
from loadkit.analyse.result import WorkerResult

Reals = npt.NDArray[np.float64]


def worker_results(context: Context) -> tuple[WorkerResult, ...]:
    """One a worker, in the order of their places; empty for a load of one process."""
    own = context.run.generator
    cpus: dict[str, Reals] = {}
    if "worker" in own.columns:
        within = own[(own["t_s"] < context.plan_end_s) & own["cpu_ratio"].notna()]
        for name, rows in within.groupby("worker"):
            cpus[str(name)] = rows["cpu_ratio"].to_numpy(np.float64)
    return tuple(_result(worker, cpus) for worker in context.manifest.workers)


def _result(worker: dict[str, Any], cpus: dict[str, Reals]) -> WorkerResult:
    name = str(worker["name"])
    cpu = cpus.get(name, np.array([], np.float64))
    return WorkerResult(
        name=name,
        host=str(worker["host"]),
        state=str(worker["state"]),
        cpu_mean=float(cpu.mean()) if len(cpu) else None,
        cpu_max=float(cpu.max()) if len(cpu) else None,
        offset_s=int(worker["offset_ns"]) / 1e9,
        uncertainty_s=int(worker["uncertainty_ns"]) / 1e9,
        lost_from_s=worker.get("lost_from_s"),
        lost_until_s=worker.get("lost_until_s"),
        unknown=worker.get("unknown"),
    )
