"""The last seconds of a run in numbers, for the terminal. Verdicts never rest on these."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadkit.bundle.histogram import FINE, Histogram
from loadkit.bundle.reader import ENDED

WINDOW_S = 5
_HISTORY = 30


@dataclass(slots=True)
class Live:
    """What the terminal shows. Times in seconds, rates a second, ratios 0 to 1; None: not known."""

    stage: str = ""
    stage_number: int = 0
    stages: int = 0
    elapsed_s: float = 0.0
    duration_s: float | None = None
    offered: float | None = None
    achieved: float | None = None
    users: int | None = None
    in_flight: int | None = None
    late: int = 0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None
    error_ratio: float | None = None
    errors: Mapping[str, int] = field(default_factory=dict)
    busiest: Sequence[tuple[str, float, Sequence[float]]] = ()
    alerts: Sequence[tuple[str, str, float]] = ()


class Gauge:
    """Keeps what the load child sends, a few seconds of it."""

    def __init__(self) -> None:
        self._ticks: deque[tuple[Histogram, Counter[str]]] = deque(maxlen=WINDOW_S)
        self._errors: Counter[str] = Counter()
        self._late = 0
        self._resources: dict[str, deque[float]] = {}

    def tick(self, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Takes the rows of one second."""
        histogram = Histogram(FINE)
        for row in rows.get("intervals", ()):
            if row["measure"] == "response" and row["outcome"] in ENDED:
                histogram.merge_row(
                    row["count"],
                    row["sum_ns"],
                    row["min_ns"],
                    row["max_ns"],
                    zip(row["buckets"], row["counts"], strict=True),
                )
        events: Counter[str] = Counter()
        for row in rows.get("flow", ()):
            events[row["event"]] += row["count"]
        self._late += events["late"]
        for row in rows.get("errors", ()):
            self._errors[row["kind"]] += row["count"]
        self._ticks.append((histogram, events))

    def resources(self, ratios: Iterable[tuple[str, float]]) -> None:
        """Takes how busy each resource is now (0 to 1)."""
        for name, ratio in ratios:
            self._resources.setdefault(name, deque(maxlen=_HISTORY)).append(ratio)

    def fill(self, live: Live) -> Live:
        """Puts the last seconds into a Live and returns it."""
        total = Histogram(FINE)
        events: Counter[str] = Counter()
        for histogram, counts in self._ticks:
            total.merge(histogram)
            events.update(counts)
        span = len(self._ticks)
        if span:
            live.achieved = events["completed"] / span
        ended = sum(events[name] for name in ENDED)
        if ended:
            live.error_ratio = (events["failed"] + events["raised"]) / ended
        live.p50, live.p95, live.p99, live.max = (
            None if value is None else value / 1e9
            for value in (total.quantile(q) for q in (0.5, 0.95, 0.99, 1.0))
        )
        live.late = self._late
        live.errors = dict(self._errors.most_common(3))
        busiest = sorted(self._resources.items(), key=lambda item: -item[1][-1])
        live.busiest = [(name, values[-1], tuple(values)) for name, values in busiest[:2]]
        return live
