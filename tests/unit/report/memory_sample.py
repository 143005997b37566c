"""Memory of a run that was never made, for the renderers' tests."""

from __future__ import annotations

from typing import Any

from loadkit.analyse.memory_result import Allocator, Growth, GrowthResult, MemoryRun
from loadkit.analyse.result import Frame


def growth_of(slope: float | None, verdict: str, what: str = "lasting memory") -> GrowthResult:
    blocks = tuple((1000.0 + 30 * n, 1e6 + (slope or 0) * 30 * n) for n in range(24))
    found = Growth(
        slope,
        None if slope is None else slope - 100,
        None if slope is None else slope + 100,
        690.0,
        verdict,
        "" if verdict != "inconclusive" else "the interval holds 128 bytes a request",
        blocks if slope is not None else (),
        None if slope is None else 1e6 - 1000 * slope,
    )
    points = tuple((760.0 + 5 * n, 1e6 + (slope or 0) * (5 * n - 240)) for n in range(190))
    return GrowthResult("service", what, "x-memory", 40.0, 60.0, found, points, 128.0)


def run_of(**changes: Any) -> MemoryRun:
    kept = Frame(
        "all", 3000, (Frame("main (app.py:1)", 3000, (Frame("<leak> (app.py:9)", 2000),)),)
    )
    values: dict[str, Any] = {
        "stage": "x-memory",
        "process": "service",
        "how": "attach",
        "start_s": 40.5,
        "end_s": 59.7,
        "switching_s": 1.6,
        "stall_s": 1.25,
        "worst_response_s": 1.4,
        "allocations": 350_938,
        "allocated_bytes": 440 * 2**20,
        "peak_bytes": 3 * 2**20,
        "left_bytes": 2 * 2**20,
        "file": "memory/x-memory-service.bin",
        "message": None,
        "by_size": (Allocator("<leak> (app.py:9)", 44 * 2**20, None),),
        "by_count": (Allocator("often (app.py:3)", None, 9000),),
        "peak": kept,
        "kept": kept,
        "growth": growth_of(1024, "growth"),
        "functions": (growth_of(1020, "growth", "<leak> (app.py)"),),
    }
    return MemoryRun(**(values | changes))
