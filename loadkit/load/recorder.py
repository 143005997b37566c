"""The books of the load child: what was sent, how it ended and how long it took.

Pure: every instant is given, nothing is read from a clock. Numbers are gathered per stage,
second, operation and outcome, and handed over as additive rows by ``drain``.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from loadkit.bundle.histogram import FINE
from loadkit.load.messages import message
from loadkit.model import Finding, Severity
from loadkit.scenario.schedule import stage_at
from loadkit.scrub import scrub

MOST_OPERATIONS = 500
MOST_KINDS = 100
SLOWEST = 3
OTHER = "other"
_NS = 1_000_000_000
_SHIFT = FINE + 1

Row = dict[str, Any]


class Cell:
    """A histogram being filled."""

    __slots__ = ("buckets", "count", "high", "low", "total")

    def __init__(self) -> None:
        self.count = self.total = self.high = 0
        self.low = -1
        self.buckets: dict[int, int] = {}

    def add(self, value: int) -> None:
        """Records a value, ns. The bucket is ``bundle.histogram.bucket_of``, written out."""
        shift = value.bit_length() - _SHIFT
        index = (shift << FINE) + (value >> shift) if shift > 0 else value
        buckets = self.buckets
        buckets[index] = buckets.get(index, 0) + 1
        self.count += 1
        self.total += value
        if value > self.high:
            self.high = value
        if self.low < 0 or value < self.low:
            self.low = value

    def columns(self) -> Row:
        """As columns of a histogram table."""
        indices = sorted(self.buckets)
        return {
            "count": self.count,
            "sum_ns": self.total,
            "min_ns": self.low,
            "max_ns": self.high,
            "buckets": indices,
            "counts": [self.buckets[index] for index in indices],
        }


class Recorder:
    """Counts and histograms since the last drain."""

    def __init__(
        self,
        stages: Sequence[str],
        bounds: list[int],
        *,
        samples: bool = False,
        note: Callable[[Finding], None] = lambda finding: None,
    ) -> None:
        """``bounds`` are where stages begin and the last one ends, ns since the start."""
        self._stages = list(stages)
        self._bounds = bounds
        self._keep_samples = samples
        self._note = note
        self.t0_ns = 0
        self.in_flight = 0
        self.late = 0
        self._operations: dict[str, str] = {}
        self._kinds: set[str] = set()
        self._reset()

    def _reset(self) -> None:
        self._flow: defaultdict[tuple[int, int, str, str], int] = defaultdict(int)
        self._cells: dict[tuple[int, int, str, str], tuple[Cell, Cell]] = {}
        self._lateness: dict[tuple[int, int], Cell] = {}
        self._errors: dict[tuple[int, int, str, str], list[Any]] = {}
        self._slow: defaultdict[tuple[int, int, str], list[Any]] = defaultdict(list)
        self._failed: dict[tuple[int, int, str], tuple[Any, ...]] = {}
        self._samples: list[Row] = []

    # -- placing ------------------------------------------------------------------------------

    def place(self, mono_ns: int) -> tuple[int, int]:
        """Stage (index) and second of an instant."""
        offset = self._offset(mono_ns)
        stage = 0 if len(self._bounds) == 2 else stage_at(self._bounds, offset)
        return stage, offset // _NS

    def _offset(self, mono_ns: int) -> int:
        # What hooks send before the load begins goes to its first second.
        return max(0, mono_ns - self.t0_ns) if self.t0_ns else 0

    def operation(self, method: str, name: str) -> str:
        """``METHOD name``, or ``other`` beyond the cap, which is said once."""
        raw = f"{method} {name}"
        known = self._operations.get(raw)
        if known is not None:
            return known
        clean = scrub(raw) if "?" in raw or "@" in raw else raw
        if clean not in self._operations:
            if len(self._operations) >= MOST_OPERATIONS:
                self._say_too_many(clean)
                return OTHER
            self._operations[clean] = clean
        return clean

    def _say_too_many(self, first: str) -> None:
        if OTHER in self._operations:
            return
        self._operations[OTHER] = OTHER
        self._note(
            Finding(
                "too-many-operations",
                Severity.WARNING,
                f"More than {MOST_OPERATIONS} operations: the ones that came later are counted "
                f"together as '{OTHER}'. Give requests with ids in their URLs a name=.",
                {"first beyond": first},
            )
        )

    # -- arrivals -----------------------------------------------------------------------------

    def planned(self, due_ns: int, *, late: bool) -> None:
        """An arrival came due; ``late`` when no user was free."""
        stage, second = self.place(due_ns)
        self._flow[stage, second, "", "planned"] += 1
        if late:
            self.late += 1
            self._flow[stage, second, "", "late"] += 1

    def started(self, due_ns: int, now_ns: int) -> None:
        """A user took an arrival up."""
        stage, second = self.place(due_ns)
        cell = self._lateness.get((stage, second))
        if cell is None:
            cell = self._lateness[stage, second] = Cell()
        cell.add(max(0, now_ns - due_ns))
        # In the stage it was due, so that a stage's planned and started can be compared.
        self._flow[stage, self._offset(now_ns) // _NS, "", "started"] += 1

    def never_started(self, due_ns: int, now_ns: int) -> None:
        """An arrival was given up."""
        stage, _ = self.place(due_ns)
        self._flow[stage, self._offset(now_ns) // _NS, "", "never_started"] += 1

    # -- requests -----------------------------------------------------------------------------

    def sent(self, operation: str, stage: int, now_ns: int) -> None:
        """A request starts."""
        self.in_flight += 1
        self._flow[stage, self._offset(now_ns) // _NS, operation, "sent"] += 1

    def ended(
        self,
        operation: str,
        outcome: str,
        due_ns: int,
        now_ns: int,
        service_ns: int,
        response_ns: int,
        *,
        answered: bool,
        trace_id: str | None = None,
        counted: bool = True,
    ) -> None:
        """A request ended; ``counted`` unless it was never seen to start."""
        stage, second = self.place(due_ns)
        flow, done = self._flow, self._offset(now_ns) // _NS
        if counted:
            self.in_flight -= 1
        if answered:
            flow[stage, done, operation, "completed"] += 1
        flow[stage, done, operation, outcome] += 1
        service_ns, response_ns = max(0, service_ns), max(0, response_ns)
        key = (stage, second, operation, outcome)
        cells = self._cells.get(key)
        if cells is None:
            cells = self._cells[key] = (Cell(), Cell())
        cells[0].add(service_ns)
        cells[1].add(response_ns)
        if outcome != "cancelled":
            entry = (response_ns, due_ns, service_ns, outcome, trace_id)
            self._exemplar((stage, second, operation), entry)
        if self._keep_samples:
            self._samples.append(
                {
                    "stage": self._stages[stage],
                    "second": second,
                    "operation": operation,
                    "outcome": outcome,
                    "mono_ns": due_ns,
                    "service_ns": service_ns,
                    "response_ns": response_ns,
                }
            )

    def _exemplar(self, key: tuple[int, int, str], entry: tuple[Any, ...]) -> None:
        slow = self._slow[key]
        if len(slow) < SLOWEST:
            heapq.heappush(slow, entry)
        elif entry[0] > slow[0][0]:
            heapq.heapreplace(slow, entry)
        if entry[3] != "ok":
            worst = self._failed.get(key)
            if worst is None or entry[0] > worst[0]:
                self._failed[key] = entry

    def error(self, operation: str, due_ns: int, kind: str, text: str) -> None:
        """A failure by kind; beyond MOST_KINDS kinds it is ``other``."""
        if kind not in self._kinds:
            if len(self._kinds) >= MOST_KINDS:
                kind = OTHER
            else:
                self._kinds.add(kind)
        stage, second = self.place(due_ns)
        row = self._errors.get((stage, second, operation, kind))
        if row is None:
            self._errors[stage, second, operation, kind] = [message(text), 1]
        else:
            row[1] += 1

    # -- handing over -------------------------------------------------------------------------

    def drain(self) -> dict[str, list[Row]]:
        """Rows of every table with something new since the last time."""
        flow, cells, lateness = self._flow, self._cells, self._lateness
        errors, samples = self._errors, self._samples
        exemplars = self._exemplar_rows()
        self._reset()
        rows = {
            "intervals": self._interval_rows(cells, lateness),
            "flow": [
                {**self._where(stage, second, operation), "event": event, "count": count}
                for (stage, second, operation, event), count in flow.items()
            ],
            "errors": [
                {
                    **self._where(stage, second, operation),
                    "kind": kind,
                    "message": text,
                    "count": count,
                }
                for (stage, second, operation, kind), (text, count) in errors.items()
            ],
            "exemplars": exemplars,
            "samples": samples,
        }
        return {table: found for table, found in rows.items() if found}

    def _where(self, stage: int, second: int, operation: str) -> Row:
        return {"stage": self._stages[stage], "second": second, "operation": operation}

    def _interval_rows(
        self,
        cells: dict[tuple[int, int, str, str], tuple[Cell, Cell]],
        lateness: dict[tuple[int, int], Cell],
    ) -> list[Row]:
        rows = []
        for (stage, second, operation, outcome), pair in cells.items():
            where = {**self._where(stage, second, operation), "outcome": outcome}
            for measure, cell in zip(("service", "response"), pair, strict=True):
                rows.append({**where, "measure": measure, **cell.columns()})
        for (stage, second), cell in lateness.items():
            where = {**self._where(stage, second, ""), "outcome": "started"}
            rows.append({**where, "measure": "lateness", **cell.columns()})
        return rows

    def _exemplar_rows(self) -> list[Row]:
        rows = []
        for key, slow in self._slow.items():
            entries = list(slow)
            worst = self._failed.get(key)
            if worst is not None and not any(entry[3] != "ok" for entry in entries):
                entries.append(worst)
            for response_ns, due_ns, service_ns, outcome, trace_id in entries:
                rows.append(
                    {
                        **self._where(*key),
                        "outcome": outcome,
                        "mono_ns": due_ns,
                        "service_ns": service_ns,
                        "response_ns": response_ns,
                        "trace_id": trace_id,
                    }
                )
        return rows
