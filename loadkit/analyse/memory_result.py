"""What analysis knows of memory. Values only; bytes, seconds, and requests completed."""

from __future__ import annotations

from dataclasses import dataclass

from loadkit.analyse.result import Frame


@dataclass(frozen=True, slots=True)
class Growth:
    """Bytes a request, 95 % interval and verdict: growth, none or inconclusive.

    ``blocks`` are (requests, bytes) the line goes through, ``level`` its value at 0 requests.
    """

    slope: float | None
    low: float | None
    high: float | None
    requests: float
    verdict: str
    why: str
    blocks: tuple[tuple[float, float], ...]
    level: float | None


@dataclass(frozen=True, slots=True)
class GrowthResult:
    """Growth of one thing: resident memory, tracked memory, or what one function allocated."""

    process: str
    what: str
    stage: str | None  # None: over the stretch of the run from start_s to end_s
    start_s: float
    end_s: float
    growth: Growth
    points: tuple[tuple[float, float], ...]  # (requests, bytes), at most some hundred
    relevant: float  # bytes a request that growth has to exceed


@dataclass(frozen=True, slots=True)
class Allocator:
    """A place that allocated; None where it is not among the most."""

    frame: str
    size: int | None
    count: int | None


@dataclass(frozen=True, slots=True)
class MemoryRun:
    """One process whose memory was tracked in one stage."""

    stage: str
    process: str
    how: str  # tracker or attach
    start_s: float | None
    end_s: float | None
    switching_s: float | None  # how long switching on took
    stall_s: float | None  # attach: how long a debugger held the process
    worst_response_s: float | None  # attach: of requests due around it
    allocations: int | None
    allocated_bytes: int | None
    peak_bytes: int | None
    left_bytes: int | None
    file: str | None
    message: str | None
    by_size: tuple[Allocator, ...] = ()
    by_count: tuple[Allocator, ...] = ()
    peak: Frame | None = None  # flame graphs; counts are bytes
    kept: Frame | None = None
    growth: GrowthResult | None = None
    functions: tuple[GrowthResult, ...] = ()  # the largest slope first


@dataclass(frozen=True, slots=True)
class MemoryResult:
    """Everything about memory; empty where nothing was watched."""

    runs: tuple[MemoryRun, ...] = ()
    resident: tuple[GrowthResult, ...] = ()
