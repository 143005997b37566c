"""Prometheus samples by metric name, on the time axis of the load, and rates of counters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.bundle.reader import RunData
from loadkit.model.roles import MetricInfo

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """One series: labels, times (seconds since the start of the load, ascending) and values."""

    name: str
    labels: Mapping[str, str]  # all but the name
    t: Floats
    v: Floats

    @property
    def job(self) -> str:
        """Label job."""
        return self.labels.get("job", "")


class Metrics:
    """The tables ``series`` and ``metrics`` together."""

    def __init__(self, run: RunData) -> None:
        self._run = run

    @cached_property
    def _samples(self) -> dict[int, tuple[Floats, Floats]]:
        frame = self._run.metrics[["series", "t_s", "value"]].dropna(subset=["series", "t_s"])
        frame = frame.drop_duplicates(["series", "t_s"]).sort_values(["series", "t_s"])
        keys = frame["series"].to_numpy(np.int64)
        t, v = frame["t_s"].to_numpy(np.float64), frame["value"].to_numpy(np.float64)
        found, first = np.unique(keys, return_index=True)
        ends = np.append(first, len(keys))[1:]
        return {
            int(key): (t[a:b], v[a:b]) for key, a, b in zip(found, first, ends, strict=True)
        }  # fmt: skip

    @cached_property
    def _by_name(self) -> dict[str, list[Series]]:
        result: dict[str, list[Series]] = {}
        frame = self._run.series.drop_duplicates("series")
        columns = (frame[name] for name in ("series", "name", "labels", "job", "instance"))
        for key, name, labels, job, instance in zip(*columns, strict=True):
            samples = self._samples.get(int(key))
            if samples is None:
                continue
            known = _labels(labels)
            for label, value in (("job", job), ("instance", instance)):
                if not pd.isna(value) and value:
                    known.setdefault(label, str(value))
            result.setdefault(str(name), []).append(Series(str(name), known, *samples))
        return result

    @property
    def names(self) -> tuple[str, ...]:
        """Every metric name with samples, sorted."""
        return tuple(sorted(self._by_name))

    def select(self, name: str, **labels: str) -> list[Series]:
        """All series of a name whose labels are as given."""
        return [
            series
            for series in self._by_name.get(name, ())
            if all(series.labels.get(key) == value for key, value in labels.items())
        ]

    @cached_property
    def infos(self) -> tuple[MetricInfo, ...]:
        """What was declared of the metrics; empty in bundles that lack it."""
        frame = self._run.metric_info.drop_duplicates("name")
        columns = (frame[name] for name in ("name", "type", "help", "unit"))
        return tuple(
            MetricInfo(*(str(cell) if isinstance(cell, str) else "" for cell in cells))
            for cells in zip(*columns, strict=True)
        )

    @cached_property
    def sample_times(self) -> Floats:
        """When anything was sampled, ascending and once each."""
        values: Floats = np.unique(self._run.metrics["t_s"].dropna().to_numpy(np.float64))
        return values

    @cached_property
    def scrape_interval_s(self) -> float | None:
        """Median distance between samples of one series; None without two samples."""
        ups = self.select("up") or [s for name in self.names[:50] for s in self.select(name)]
        gaps = [np.diff(series.t) for series in ups if len(series.t) > 1]
        return float(np.median(np.concatenate(gaps))) if gaps else None

    def __iter__(self) -> Iterator[Series]:
        for name in self.names:
            yield from self._by_name[name]


def _labels(cell: object) -> dict[str, str]:
    if not isinstance(cell, str) or not cell:
        return {}
    try:
        values = json.loads(cell)
    except ValueError:
        return {}
    if not isinstance(values, dict):
        return {}
    return {str(key): str(value) for key, value in values.items() if key != "__name__"}


def increases(series: Series) -> tuple[Floats, Floats, Floats]:
    """Start, end and increase of each pair of samples; after a reset a counter begins at 0."""
    if len(series.t) < 2:
        empty = np.empty(0)
        return empty, empty, empty
    step = np.diff(series.v)
    return series.t[:-1], series.t[1:], np.where(step < 0, series.v[1:], step)


def rate(series: Series) -> tuple[Floats, Floats]:
    """Increase a second of each pair of samples, at the middle between the two."""
    start, end, step = increases(series)
    return (start + end) / 2, step / (end - start) if len(start) else step


def increase(series: Series, start_s: float, end_s: float) -> float:
    """How much a counter grew between the samples that lie in a stretch. No extrapolation."""
    inside = (series.t >= start_s) & (series.t <= end_s)
    part = Series(series.name, series.labels, series.t[inside], series.v[inside])
    return float(increases(part)[2].sum())
