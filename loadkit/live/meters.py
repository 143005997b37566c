"""What a run has done so far, as counters: fed with what the load child sends every second."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadkit.analyse.generator import CPU, GC_S, INVALID_SHARE, LAG_S
from loadkit.bundle.histogram import FINE, bucket_of
from loadkit.bundle.manifest import Manifest
from loadkit.live.objectives import Objectives

EDGES_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
OUTCOMES = ("ok", "failed", "raised")
MEASURES = ("response", "service")
STATES = ("valid", "degraded", "invalid")
_MOST_KINDS = 30
OTHER = "other"
_NS = 1_000_000_000

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Now:
    """The last second. Rates a second; None is not known."""

    stage: str = ""
    elapsed_s: float = 0.0
    planned: float | None = None
    achieved: float | None = None
    users: int | None = None
    in_flight: int | None = None


@dataclass(slots=True)
class Spread:
    """A histogram with few buckets: ``counts[n]`` values above the edge before and up to edge n;
    the last one is beyond all edges."""

    counts: list[int]
    sum_ns: int = 0


@dataclass(slots=True)
class Health:
    """Seconds of the load generator: how many were watched while a stage was measured, and how
    many of those were bad. A rough form of what the report judges."""

    watched: int = 0
    bad: int = 0
    rows: dict[str, Row] = field(default_factory=dict)

    def take(self, row: Row, *, measured: bool) -> None:
        """A row of the table ``generator``."""
        self.rows[str(row.get("worker") or "")] = row
        if not measured:
            return
        self.watched += 1
        cpu, lag, pause = (row.get(key) or 0 for key in ("cpu_ratio", "loop_lag_ns", "gc_pause_ns"))
        self.bad += cpu > CPU or lag > LAG_S * _NS or pause > GC_S * _NS

    @property
    def state(self) -> str:
        """``valid``, ``degraded`` or ``invalid``, so far."""
        if self.bad > INVALID_SHARE * self.watched:
            return "invalid"
        return "degraded" if self.bad else "valid"


class Meters:
    """Everything that is counted, since the start of the run.

    Attributes:
        events: (event, operation) of the table ``flow`` → how often.
        failures: kind → how often; beyond a cap under ``other``.
        spreads: (measure, operation, outcome) → histogram.
        edges_s: upper bounds of their buckets; thresholds of objectives are among them.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.now = Now()
        self.events: Counter[tuple[str, str]] = Counter()
        self.failures: Counter[str] = Counter()
        self.spreads: dict[tuple[str, str, str], Spread] = {}
        self.health = Health()
        self.objectives = Objectives(manifest)
        self.edges_s = tuple(sorted({*EDGES_S, *self.objectives.times_s()}))
        self._last = [bucket_of(round(edge * _NS), FINE) for edge in self.edges_s]

    def tick(self, rows: Mapping[str, Sequence[Row]], now: Now) -> None:
        """Takes the rows of one second."""
        self.now = now
        for row in rows.get("flow", ()):
            self.events[row["event"], row["operation"]] += row["count"]
            self.objectives.count(row)
        for row in rows.get("errors", ()):
            known = row["kind"] in self.failures or len(self.failures) < _MOST_KINDS
            self.failures[row["kind"] if known else OTHER] += row["count"]
        for row in rows.get("intervals", ()):
            if row["measure"] in MEASURES and row["outcome"] in OUTCOMES:
                self._add(row)
                self.objectives.add(row)
        for row in rows.get("generator", ()):
            self.health.take(row, measured=self._measured(now.stage))

    def _measured(self, name: str) -> bool:
        stage = self.stage(name)
        return stage is not None and not (stage.get("warmup") or stage.get("profile"))

    def stage(self, name: str) -> dict[str, Any] | None:
        """A stage of the plan."""
        return next((stage for stage in self.manifest.stages if stage["name"] == name), None)

    def _add(self, row: Row) -> None:
        key = (row["measure"], row["operation"], row["outcome"])
        spread = self.spreads.get(key)
        if spread is None:
            spread = self.spreads[key] = Spread([0] * (len(self.edges_s) + 1))
        for bucket, count in zip(row["buckets"], row["counts"], strict=True):
            spread.counts[bisect_left(self._last, bucket)] += count
        spread.sum_ns += row["sum_ns"]

    def cumulative(self, spread: Spread) -> Iterator[tuple[float, int]]:
        """(edge in seconds, values up to it), the last edge infinite."""
        total = 0
        for edge, count in zip((*self.edges_s, float("inf")), spread.counts, strict=True):
            total += count
            yield edge, total
