"""What a lost worker leaves in the books. Pure.

Of its arrivals (every n-th of each stream) those it told of are known. Those due before it died
are not: it may have started them or not, and nobody is left to ask. Those due later were never
started. Nothing is counted twice: planned = started + never started + unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

_NS = 1_000_000_000


class Arrivals(Protocol):
    """The arrivals of one stream, numbered from 0 by due time."""

    bounds: list[int]

    def __len__(self) -> int: ...

    def due_array(self, first: int, step: int, count: int) -> npt.NDArray[np.int64]:
        """When arrivals first, first + step, … are due (ns since the start), at most ``count``."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a worker told of one stage: arrivals planned, started, given up."""

    planned: int = 0
    started: int = 0
    never_started: int = 0

    @property
    def waiting(self) -> int:
        """Arrivals that had no user yet."""
        return max(0, self.planned - self.started - self.never_started)


@dataclass(frozen=True, slots=True)
class Remainder:
    """Rows for the table ``flow``, and their sums."""

    rows: tuple[Mapping[str, Any], ...]
    unknown: int
    never_started: int


def remainder(
    streams: Sequence[Arrivals],
    stages: Sequence[str],
    worker: int,
    workers: int,
    told: Mapping[str, Told],
    died_ns: int,
    *,
    told_all: bool = False,
) -> Remainder:
    """The rest of the plan of worker ``worker`` of ``workers``, which died at ``died_ns``
    (ns since the start of the load) and had told as much of each stage as ``told`` says.

    One that ended in order has ``told_all``: what it did not tell of it never started.
    """
    before: Counter[tuple[int, int]] = Counter()
    after: Counter[tuple[int, int]] = Counter()
    for stream in streams:
        for stage, second, earlier, count in _cells(stream, worker, workers, died_ns):
            (before if earlier else after)[stage, second] += count
    rows: list[Mapping[str, Any]] = []
    unknown = never = 0
    for index, name in enumerate(stages):
        said = told.get(name, Told())
        never += _never(rows, name, index, after)
        untold = _untold(name, index, before, said, "never_started" if told_all else "unknown")
        rows += untold
        count = sum(row["count"] for row in untold) // 2  # each is a row planned and another one
        if told_all:
            never += count
            continue
        unknown += count
        if said.waiting:
            unknown += said.waiting
            rows.append(_row(name, max(0, died_ns) // _NS, "unknown", said.waiting))
    return Remainder(tuple(rows), unknown, never)


def _never(
    rows: list[Mapping[str, Any]], name: str, stage: int, cells: Mapping[tuple[int, int], int]
) -> int:
    total = 0
    for (of, second), count in sorted(cells.items()):
        if of == stage and count:
            rows += [
                _row(name, second, "planned", count),
                _row(name, second, "never_started", count),
            ]
            total += count
    return total


def _untold(
    name: str, stage: int, cells: Mapping[tuple[int, int], int], said: Told, event: str
) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    due = sum(count for (of, _), count in cells.items() if of == stage)
    left = max(0, due - said.planned)
    # It told of its arrivals in order, so the ones that are missing are the latest.
    for (of, second), count in sorted(cells.items(), reverse=True):
        part = min(left, count)
        if of == stage and part:
            rows += [_row(name, second, "planned", part), _row(name, second, event, part)]
            left -= part
    return rows


def _cells(
    stream: Arrivals, worker: int, workers: int, died_ns: int
) -> Iterable[tuple[int, int, bool, int]]:
    """(stage, second, whether due by the death, arrivals of this worker)."""
    dues = np.asarray(stream.due_array(worker, workers, len(stream)), np.int64)
    stages = np.searchsorted(np.asarray(stream.bounds[1:-1], np.int64), dues, side="right")
    cells = np.stack([stages, dues // _NS, dues <= died_ns], axis=1)
    found, counts = np.unique(cells, axis=0, return_counts=True)
    for (stage, second, earlier), count in zip(found.tolist(), counts.tolist(), strict=True):
        yield stage, second, bool(earlier), count


def _row(stage: str, second: int, event: str, count: int) -> Mapping[str, Any]:
    return {"stage": stage, "second": second, "operation": "", "event": event, "count": count}
