"""Assembles traces and decides which to keep: tail sampling in bounded memory. Pure, but for time
that the caller passes in.

Of each second (in which the root span started, by the service's clock) are kept

``sample``
    a uniform random sample of all traces, the same for the same seed and input;
``slowest``
    the slowest of each root's name;
``failed``
    a uniform random choice of those with a failed span.

A trace that qualifies twice is marked with the first of these. So the traces marked ``sample`` are
a fair sample of all, slow and failed ones included.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from loadkit.collect.otlp_decode import ERROR, begins_here, row

_SECOND = 1_000_000_000
_LARGEST_TRACE = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept, how long is waited (seconds), and how much is held (spans)."""

    slowest: int = 5
    failed: int = 5
    sample: int = 2
    quiet_s: float = 2.0
    rootless_s: float = 10.0
    second_s: float = 2.5
    held_spans: int = 200_000
    names: int = 200


@dataclass(slots=True)
class Counts:
    """What came and went since the last look."""

    spans: int = 0
    traces: int = 0
    kept_traces: int = 0
    dropped: int = 0


@dataclass(slots=True)
class Trace:
    """Spans of one trace so far."""

    first_s: float
    last_s: float
    spans: list[tuple[str, Span]] = field(default_factory=list)
    root: Span | None = None
    failed: bool = False


@dataclass(slots=True)
class _Second:
    """Candidates of one second. Whoever is in none of the three is let go at once."""

    opened_s: float
    slowest: dict[str, list[tuple[int, int, Trace]]] = field(default_factory=dict)
    failed: list[tuple[int, Trace]] = field(default_factory=list)
    sample: list[tuple[int, Trace]] = field(default_factory=list)
    seen: int = 0
    seen_failed: int = 0


class Keeper:
    """Takes spans, gives rows of the traces that are kept."""

    def __init__(self, limits: Limits | None = None, seed: int = 0) -> None:
        self._limits = limits or Limits()
        self._random = random.Random(seed)
        self._traces: dict[bytes, Trace] = {}
        self._seconds: dict[int, _Second] = {}
        self._held = 0
        self._number = 0
        self._counts = Counts()

    @property
    def held_spans(self) -> int:
        """Spans of traces that are not yet decided."""
        return self._held

    def add(self, found: Iterable[tuple[str, Span]], now_s: float) -> None:
        """Takes received spans, each with the name of its service."""
        traces = self._traces
        received = roots = held = 0
        for item in found:
            span = item[1]
            received += 1
            key = span.trace_id
            trace = traces.get(key)
            if trace is None:
                trace = traces[key] = Trace(now_s, now_s)
            elif len(trace.spans) >= _LARGEST_TRACE:
                self._counts.dropped += 1
                continue
            trace.spans.append(item)
            trace.last_s = now_s
            held += 1
            if span.status.code == ERROR:
                trace.failed = True
            if begins_here(span):
                # The outermost process is the one that began first.
                root = trace.root
                if root is None:
                    roots += 1
                    trace.root = span
                elif span.start_time_unix_nano < root.start_time_unix_nano:
                    trace.root = span
        self._held += held
        self._counts.spans += received
        self._counts.traces += roots
        if self._held > self._limits.held_spans:
            self._give_up()

    def _give_up(self) -> None:
        # The oldest first: of what came long ago and is not complete, most will never be.
        while self._held > self._limits.held_spans and self._traces:
            trace = self._traces.pop(next(iter(self._traces)))
            self._held -= len(trace.spans)
            self._counts.dropped += len(trace.spans)

    def decide(self, now_s: float, *, final: bool = False) -> list[dict[str, Any]]:
        """Rows of ``spans`` for the traces decided by now; ``final`` decides all."""
        limits = self._limits
        quiet, rootless = now_s - limits.quiet_s, now_s - limits.rootless_s
        done = [
            key
            for key, trace in self._traces.items()
            if final or (trace.last_s <= quiet and (trace.root or trace.first_s <= rootless))
        ]
        for key in done:
            trace = self._traces.pop(key)
            self._held -= len(trace.spans)
            self._choose(trace, now_s)
        closed = [
            second
            for second, bucket in self._seconds.items()
            if final or bucket.opened_s <= now_s - limits.second_s
        ]
        rows = []
        for second in sorted(closed):
            rows += list(self._rows(self._seconds.pop(second)))
        return rows

    def _choose(self, trace: Trace, now_s: float) -> None:
        root = trace.root
        if root is None:  # its first span was lost, or belongs to a process that sends none
            root = max(trace.spans, key=lambda item: _duration(item[1]))[1]
            trace.root = root
        bucket = self._seconds.setdefault(root.start_time_unix_nano // _SECOND, _Second(now_s))
        self._number += 1
        self._put_slowest(bucket, root, trace)
        bucket.seen += 1
        _reservoir(bucket.sample, (self._number, trace), self._limits.sample, bucket.seen,
                   self._random)  # fmt: skip
        if trace.failed:
            bucket.seen_failed += 1
            _reservoir(bucket.failed, (self._number, trace), self._limits.failed,
                       bucket.seen_failed, self._random)  # fmt: skip

    def _put_slowest(self, bucket: _Second, root: Span, trace: Trace) -> None:
        name = root.name
        if name not in bucket.slowest and len(bucket.slowest) >= self._limits.names:
            name = ""  # names with ids in them: all beyond share one list
        heap = bucket.slowest.setdefault(name, [])
        entry = (_duration(root), self._number, trace)
        if len(heap) < self._limits.slowest:
            heapq.heappush(heap, entry)
        else:
            heapq.heappushpop(heap, entry)

    def _rows(self, bucket: _Second) -> Iterator[dict[str, Any]]:
        chosen: dict[int, tuple[str, Trace]] = {}
        for number, trace in bucket.sample:
            chosen[number] = ("sample", trace)
        for heap in bucket.slowest.values():
            for _, number, trace in heap:
                chosen.setdefault(number, ("slowest", trace))
        for number, trace in bucket.failed:
            chosen.setdefault(number, ("failed", trace))
        self._counts.kept_traces += len(chosen)
        for number in sorted(chosen):
            kept, trace = chosen[number]
            for service, span in trace.spans:
                yield row(service, span, kept)

    def take_counts(self) -> Counts:
        """The counts since the last call."""
        counts, self._counts = self._counts, Counts()
        return counts


def _duration(span: Span) -> int:
    return int(span.end_time_unix_nano) - int(span.start_time_unix_nano)


def _reservoir(
    kept: list[tuple[int, Trace]],
    entry: tuple[int, Trace],
    room: int,
    seen: int,
    choice: random.Random,
) -> None:
    """Keeps each of the ``seen`` entries so far with the same probability."""
    if len(kept) < room:
        kept.append(entry)
        return
    place = choice.randrange(seen)
    if place < room:
        kept[place] = entry
