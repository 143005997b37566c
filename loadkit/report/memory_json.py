"""Memory in the JSON report: numbers and allocators; flame graphs stay in the bundle."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from loadkit.analyse.memory_result import GrowthResult, MemoryResult, MemoryRun

_RUN = (
    "stage", "process", "how", "start_s", "end_s", "switching_s", "stall_s", "worst_response_s",
    "allocations", "allocated_bytes", "peak_bytes", "left_bytes", "file", "message",
)  # fmt: skip


def document(memory: MemoryResult | None) -> dict[str, Any]:
    """``runs`` and ``resident``; both empty where nothing was looked at."""
    found = memory or MemoryResult()
    return {
        "runs": [_run(run) for run in found.runs],
        "resident": [_growth(one) for one in found.resident],
    }


def _run(run: MemoryRun) -> dict[str, Any]:
    return {
        **{key: getattr(run, key) for key in _RUN},
        "growth": None if run.growth is None else _growth(run.growth),
        "functions": [_growth(one) for one in run.functions],
        "by_size": [asdict(one) for one in run.by_size],
        "by_count": [asdict(one) for one in run.by_count],
    }


def _growth(one: GrowthResult) -> dict[str, Any]:
    found = one.growth
    return {
        "process": one.process,
        "what": one.what,
        "stage": one.stage,
        "start_s": one.start_s,
        "end_s": one.end_s,
        "requests": found.requests,
        "bytes_a_request": found.slope,
        "low": found.low,
        "high": found.high,
        "relevant": one.relevant,
        "verdict": found.verdict,
        "why": found.why or None,
    }
