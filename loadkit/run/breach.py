"""Abort rules about errors and objectives, judged on what the load child tells. Reads no clock.

A rule is held when all of the last n whole seconds, taken together, breach it, and the first and
the last of them by themselves do too: a single burst is no breach of that length, and one quiet
request more or less in between ends none. Values are exact as in the report: histograms are added
up, never averaged. Seconds count from when requests were due (latency) or ended (shares, rates).
"""

from __future__ import annotations

import math
import operator
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadkit.analyse import text
from loadkit.analyse.slo import show
from loadkit.bundle.histogram import FINE, Histogram, bucket_edges, bucket_of
from loadkit.bundle.reader import ENDED
from loadkit.model import AbortRule, Slo

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
Span = tuple[float, float]
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FAILED = ("failed", "raised")
_KEPT_S = 120
"""How far before its window a breach is followed back to its beginning."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that was held. Seconds of the load; ``observed`` is what was seen, in words."""

    rule: AbortRule
    since_s: float
    at_s: float
    observed: str
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Counts:
    """What was counted in one second."""

    sent: int = 0
    ended: int = 0  # in whatever way, cancelled too
    judged: int = 0
    failed: int = 0
    completed: int = 0

    def take(self, event: str, count: int) -> None:
        if event == "sent":
            self.sent += count
        elif event == "completed":
            self.completed += count
        elif event in ENDED or event == "cancelled":
            self.ended += count
            self.judged += count * (event in ENDED)
            self.failed += count * (event in _FAILED)


class RuleWatch:
    """One rule. ``take`` rows as they come, ``judge`` when seconds are over.

    Args:
        rule: about errors or an objective.
        spans: where it may be judged, (start, end) in seconds of the load; None: everywhere.
        stages: only what was due in these; None: all.
    """

    def __init__(
        self, rule: AbortRule, spans: Sequence[Span] | None, stages: frozenset[str] | None
    ) -> None:
        self.rule = rule
        self._slo = rule.slo
        self._spans = spans
        self._stages = stages
        self._length = math.ceil(rule.held_s)
        self._counts: defaultdict[int, _Counts] = defaultdict(_Counts)
        self._forgotten = _Counts()
        self._times: dict[int, Histogram] = {}

    def take(self, rows: Rows) -> None:
        """Rows of one tick."""
        for row in rows.get("flow", ()):
            if self._mine(row):
                self._counts[row["second"]].take(row["event"], row["count"])
        if self._slo is None or self._slo.metric in ("errors", "rate"):
            return
        for row in rows.get("intervals", ()):
            if row["measure"] == self._slo.measure and row["outcome"] in ENDED and self._mine(row):
                times = self._times.setdefault(row["second"], Histogram(FINE))
                pairs = zip(row["buckets"], row["counts"], strict=True)
                times.merge_row(row["count"], row["sum_ns"], row["min_ns"], row["max_ns"], pairs)

    def forgive(self) -> None:
        """What is under way now may never be heard of again: a worker was lost."""
        sent = self._forgotten.sent + sum(counts.sent for counts in self._counts.values())
        ended = self._forgotten.ended + sum(counts.ended for counts in self._counts.values())
        self._forgotten.ended += max(0, sent - ended)

    def _mine(self, row: Mapping[str, Any]) -> bool:
        wanted = None if self._slo is None else self._slo.operation
        return (wanted is None or row["operation"] == wanted) and (
            self._stages is None or row["stage"] in self._stages
        )

    def judge(self, closed: int) -> Breach | None:
        """Whether it is held, once ``closed`` seconds of the load are over."""
        first = closed - self._length
        self._forget(first - _KEPT_S)
        if first < 0 or not all(self._may(second) for second in range(first, closed)):
            return None
        if not (self._breached(first, first + 1) and self._breached(closed - 1, closed)):
            return None
        value = self._value(first, closed)
        if value is None or not self._beyond(value):
            return None
        since = first
        while (
            since > max(0, first - _KEPT_S)
            and self._may(since - 1)
            and self._breached(since - 1, since)
        ):
            since -= 1
        return Breach(self.rule, float(since), float(closed), *self._words(value, first, closed))

    def _forget(self, before: int) -> None:
        for second in [second for second in self._counts if second < before]:
            counts = self._counts.pop(second)
            self._forgotten.sent += counts.sent
            self._forgotten.ended += counts.ended
            self._times.pop(second, None)

    def _may(self, second: int) -> bool:
        return self._spans is None or any(
            start - 1e-9 <= second and second + 1 <= end + 1e-9 for start, end in self._spans
        )

    def _breached(self, first: int, last: int) -> bool:
        value = self._value(first, last)
        return value is not None and self._beyond(value)

    def _beyond(self, value: float) -> bool:
        if self._slo is None:
            return value >= (self.rule.ratio or 0.0)
        return not _COMPARE[self._slo.comparator](value, self._slo.threshold)

    def _value(self, first: int, last: int) -> float | None:
        """The metric over the seconds from ``first`` on, before ``last``; None without data."""
        if self._slo is None or self._slo.metric == "errors":
            judged = self._sum(first, last, "judged")
            return self._sum(first, last, "failed") / judged if judged else None
        if self._slo.metric == "rate":
            return self._sum(first, last, "completed") / (last - first)
        times = self._folded(first, last)
        if self._slo.metric == "mean":
            return None if times.mean_ns is None else times.mean_ns / 1e9
        found = times.quantile(1.0 if self._slo.quantile is None else self._slo.quantile)
        return None if found is None else found / 1e9

    def _folded(self, first: int, last: int) -> Histogram:
        """All latencies of these seconds; those still under way for longer than the objective
        allows count as just beyond it."""
        assert self._slo is not None
        total = Histogram(FINE)
        for second in range(first, last):
            if second in self._times:
                total.merge(self._times[second])
        overdue = self._overdue(self._slo, last)
        if overdue:
            total.record(_just_beyond(self._slo), overdue)
        return total

    def _overdue(self, slo: Slo, at: int) -> int:
        """Requests under way at a second that were sent longer ago than the objective allows."""
        if slo.comparator not in ("<", "<="):
            return 0
        before = at - max(1, math.ceil(slo.threshold))
        sent = sum(counts.sent for second, counts in self._counts.items() if second < before)
        ended = sum(counts.ended for second, counts in self._counts.items() if second < at)
        return max(0, self._forgotten.sent + sent - self._forgotten.ended - ended)

    def _sum(self, first: int, last: int, what: str) -> int:
        seconds = (second for second in range(first, last) if second in self._counts)
        return sum(getattr(self._counts[second], what) for second in seconds)

    def _shown(self, slo: Slo, value: float) -> str:
        """Of requests without an answer yet no more is known than that they took longer."""
        beyond = bucket_of(_just_beyond(slo))
        if slo.quantile is not None and bucket_of(round(value * 1e9)) == beyond:
            return f"above {show(slo.metric, slo.threshold)}"
        return show(slo.metric, value)

    def _words(self, value: float, first: int, last: int) -> tuple[str, dict[str, str]]:
        judged = self._sum(first, last, "judged")
        failed = self._sum(first, last, "failed")
        evidence = {"requests ended": f"{judged:,}", "of them failed": f"{failed:,}"}
        over = f"over {last - first} s"
        if self._slo is None:
            return f"{text.share(value)} of {judged:,} requests failed {over}", evidence
        where = f" of {self._slo.operation}" if self._slo.operation else ""
        words = f"{self._slo.metric}{where} {self._shown(self._slo, value)} {over}"
        if self._slo.metric not in ("errors", "rate"):
            overdue = self._overdue(self._slo, last)
            if overdue:
                evidence["still unanswered"] = f"{overdue:,}"
                words += f", {text.plural(overdue, 'request')} unanswered"
        return words, evidence


def _just_beyond(slo: Slo) -> int:
    """The middle of the next bucket but one after the objective's threshold, ns."""
    limit = round(slo.threshold * 1e9)
    low, high = bucket_edges(bucket_of(limit) + 2)
    return (low + high) // 2
