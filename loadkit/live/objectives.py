"""Objectives against what has been seen so far: for a panel, not for a verdict."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loadkit.bundle.histogram import FINE, Histogram
from loadkit.bundle.manifest import Manifest
from loadkit.bundle.reader import ENDED
from loadkit.errors import UsageError
from loadkit.model import Slo

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class SoFar:
    """An objective in one stage. ``value`` in seconds, a ratio, or a second; ``met`` so far."""

    objective: str
    stage: str
    value: float
    threshold: float
    met: bool


class Objectives:
    """Keeps what the objectives of a run ask for, and nothing else."""

    def __init__(self, manifest: Manifest) -> None:
        self._slos = tuple(_understood(manifest.slos))
        self._measured = [
            str(stage["name"])
            for stage in manifest.stages
            if not (stage.get("warmup") or stage.get("profile"))
        ]
        self._wanted = {slo.measure for slo in self._slos if _is_time(slo)}
        self._times: dict[tuple[str, str, str], Histogram] = {}
        self._events: Counter[tuple[str, str, str]] = Counter()

    def times_s(self) -> tuple[float, ...]:
        """Thresholds that are times, seconds."""
        return tuple(slo.threshold for slo in self._slos if _is_time(slo))

    def add(self, row: Mapping[str, Any]) -> None:
        """A row of the table ``intervals`` whose request ended."""
        if row["measure"] not in self._wanted or row["stage"] not in self._measured:
            return
        key = (row["measure"], row["stage"], row["operation"])
        self._times.setdefault(key, Histogram(FINE)).merge_row(
            row["count"],
            row["sum_ns"],
            row["min_ns"],
            row["max_ns"],
            zip(row["buckets"], row["counts"], strict=True),
        )

    def count(self, row: Mapping[str, Any]) -> None:
        """A row of the table ``flow``."""
        if self._slos and row["stage"] in self._measured:
            self._events[row["event"], row["stage"], row["operation"]] += row["count"]

    def so_far(self) -> Iterator[SoFar]:
        """Each objective in each stage of which something was seen; rates are left to the end."""
        for slo in self._slos:
            for stage in self._measured:
                if slo.stage not in (None, stage):
                    continue
                value = self._value(slo, stage)
                if value is not None:
                    met = _COMPARE[slo.comparator](value, slo.threshold)
                    yield SoFar(slo.text, stage, value, slo.threshold, met)

    def _value(self, slo: Slo, stage: str) -> float | None:
        if slo.metric == "errors":
            failed = self._counted(("failed", "raised"), stage, slo.operation)
            ended = self._counted(ENDED, stage, slo.operation)
            return failed / ended if ended else None
        if not _is_time(slo):
            return None
        total = Histogram(FINE)
        for (measure, where, operation), histogram in self._times.items():
            if (measure, where) == (slo.measure, stage) and slo.operation in (None, operation):
                total.merge(histogram)
        # The maximum is the quantile of the last rank.
        quantile = 1.0 if slo.quantile is None else slo.quantile
        value = total.mean_ns if slo.metric == "mean" else total.quantile(quantile)
        return None if value is None else value / 1e9

    def _counted(self, events: tuple[str, ...], stage: str, operation: str | None) -> int:
        return sum(
            count
            for (event, where, what), count in self._events.items()
            if event in events and where == stage and operation in (None, what)
        )


def _understood(texts: Iterable[str]) -> Iterator[Slo]:
    for text in texts:
        try:
            yield Slo(text)
        except UsageError:  # the report says so
            continue


def _is_time(slo: Slo) -> bool:
    return slo.metric not in ("errors", "rate")
