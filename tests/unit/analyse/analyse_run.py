"""Builds a RunData request by request, as the recorder and the reader would have made it."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from loadkit.bundle.histogram import FINE, Histogram
from loadkit.bundle.manifest import Manifest
from loadkit.bundle.reader import RunData
from loadkit.bundle.schema import BY_NAME

NS = 1_000_000_000
T0 = 5_000 * NS
WALL0 = 1_790_000_000 * NS
OPERATION = "GET /items"


def stage(
    name: str,
    start: float,
    duration: float | None,
    rate: float | tuple[float, float] | None = 10.0,
    users: int | None = None,
) -> dict[str, Any]:
    """A stage as the manifest has it."""
    load: dict[str, Any] | None = None
    if users is not None:
        load = {"kind": "users", "from": users, "to": users, "max_users": None}
    elif rate is not None:
        low, high = rate if isinstance(rate, tuple) else (rate, rate)
        load = {"kind": "rate", "from": low, "to": high, "max_users": 100}
    return {
        "name": name,
        "start_s": start,
        "duration_s": duration,
        "warmup": name == "warm-up",
        "profile": name.endswith("-profile"),
        "load": load,
    }


def mono(t_s: float) -> int:
    return T0 + round(t_s * NS)


def wall(t_s: float) -> int:
    return WALL0 + round(t_s * NS)


class Book:
    """Collects what happens in a run; ``run()`` makes the frames."""

    def __init__(self, *stages: dict[str, Any], **manifest: Any) -> None:
        end = max((s["start_s"] + (s["duration_s"] or 0) for s in stages), default=0.0)
        values: dict[str, Any] = {
            "name": "peak",
            "run_id": "r",
            "created": "2026-11-24T22:10:03Z",
            "loadkit_version": "0",
            "state": "complete",
            "stages": list(stages),
            "t0_mono_ns": T0,
            "t0_wall_ns": WALL0,
            "end_mono_ns": mono(end),
            "load_end": {"reason": "finished", "message": None, "in_flight": 0},
            "generator": {"user_classes_known": True},
            "host": {"cpus": 2},
        }
        self.manifest = Manifest(**(values | manifest))
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in BY_NAME}
        self.histograms: dict[tuple[str, int, str, str, str], Histogram] = {}
        self.flow: Counter[tuple[str, int, str, str]] = Counter()
        self.raw: list[tuple[str, float, str, str, int]] = []
        self._series: dict[tuple[str, str], int] = {}

    def stage_of(self, due_s: float) -> str:
        for one in reversed(self.manifest.stages):
            if due_s >= one["start_s"]:
                return str(one["name"])
        return str(self.manifest.stages[0]["name"])

    def request(
        self,
        due_s: float,
        response_s: float,
        *,
        service_s: float | None = None,
        operation: str = OPERATION,
        outcome: str = "ok",
        arrival: bool = True,
    ) -> None:
        """One request: arrival, sending, end."""
        name, second = self.stage_of(due_s), math.floor(due_s)
        response = round(response_s * NS)
        service = response if service_s is None else round(service_s * NS)
        if arrival:
            self.flow[name, second, "", "planned"] += 1
            self.flow[name, second, "", "started"] += 1
            self.time(name, second, "", "started", "lateness", 1000)
        ended = math.floor(due_s + response_s)
        self.flow[name, second, operation, "sent"] += 1
        self.flow[name, ended, operation, outcome] += 1
        if outcome in ("ok", "failed"):
            self.flow[name, ended, operation, "completed"] += 1
        self.time(name, second, operation, outcome, "response", response)
        self.time(name, second, operation, outcome, "service", service)
        self.raw.append((name, due_s, operation, outcome, response))

    def time(
        self, stage: str, second: int, operation: str, outcome: str, measure: str, ns: int
    ) -> None:
        key = (stage, second, operation, outcome, measure)
        self.histograms.setdefault(key, Histogram()).record(ns)

    def steady(self, start: int, end: int, rate: int, response_s: float, **more: Any) -> None:
        """Evenly spaced requests, all as slow."""
        for second in range(start, end):
            for i in range(rate):
                self.request(second + i / rate, response_s, **more)

    def idle_generator(self, seconds: int, *, cpu: float = 0.1, lag_ms: float = 1.0) -> None:
        """A generator row a second."""
        for second in range(seconds):
            self.generator(second, cpu=cpu, lag_ms=lag_ms)

    def generator(
        self,
        second: int,
        *,
        cpu: float = 0.1,
        lag_ms: float = 1.0,
        gc_ms: float = 0.0,
        late_s: float = 0.002,
        **more: Any,
    ) -> None:
        """The row of a second, written ``late_s`` after its end."""
        self.rows["generator"].append(
            {
                "mono_ns": mono(second + 1 + late_s),
                "cpu_ratio": cpu,
                "loop_lag_ns": round(lag_ms * 1e6),
                "gc_pause_ns": round(gc_ms * 1e6),
                **more,
            }
        )

    def series(
        self,
        name: str,
        points: Iterable[tuple[float, float]],
        *,
        job: str = "llm-cost-ops",
        **labels: str,
    ) -> None:
        """A Prometheus series: (seconds, value) pairs."""
        every = labels | ({"job": job} if job else {})
        text = json.dumps(every, sort_keys=True)
        number = self._series.setdefault((name, text), len(self._series))
        self.rows["series"].append(
            {"series": number, "name": name, "labels": text, "job": job or None}
        )
        self.rows["metrics"] += [
            {"series": number, "wall_ns": wall(t), "value": v} for t, v in points
        ]

    def up(self, start: float = -5.0, end: float = 0.0, step: float = 0.667) -> None:
        """Prometheus scraping all the time."""
        self.series("up", [(t, 1.0) for t in np.arange(start, end, step)])

    def alert(
        self,
        name: str,
        pending: Sequence[float] = (),
        firing: Sequence[float] = (),
        **labels: str,
    ) -> None:
        """Samples of ALERTS."""
        labels = {"alertname": name, "severity": "critical"} | labels
        for state, times in (("pending", pending), ("firing", firing)):
            if len(times):
                points = [(t, 1.0) for t in times]
                self.series("ALERTS", points, job="", alertstate=state, **labels)

    def notify(
        self, at: float, alert: str, status: str = "firing", receiver: str = "slack"
    ) -> None:
        """A message delivered."""
        self.rows["notifications"].append(
            {
                "mono_ns": mono(at),
                "receiver": receiver,
                "integration": "slack",
                "status": status,
                "alert": alert,
                "title": alert,
                "text": "",
            }
        )

    def run(self) -> RunData:
        """The frames, with t_s."""
        seconds, windows = self._folded()
        frames = {"seconds": frame("seconds", seconds), "windows": frame("windows", windows)}
        flow = [
            {"stage": s, "second": second, "operation": o, "event": e, "count": n}
            for (s, second, o, e), n in self.flow.items()
        ]
        frames["flow"] = frame("flow", flow)
        for name, rows in self.rows.items():
            if name not in frames and name != "intervals":
                frames[name] = frame(name, rows)
        ends = frames["faults"]["end_mono_ns"].astype("float64")
        frames["faults"]["end_s"] = (ends - T0) / 1e9
        if self.manifest.t0_mono_ns is None:
            for one in frames.values():
                if "t_s" in one:
                    one["t_s"] = np.nan
        return RunData(self.manifest, (), **frames)

    def _folded(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        windows: dict[tuple[str, int, str, str, str], Histogram] = {}
        seconds = []
        for (name, second, *rest), histogram in self.histograms.items():
            key = (name, second, rest[0], rest[1], rest[2])
            seconds.append(_row(key, histogram.coarse()))
            windows.setdefault((name, second // 10 * 10, *key[2:]), Histogram(FINE)).merge(
                histogram
            )
        return seconds, [_row(key, histogram) for key, histogram in windows.items()]


def _row(key: tuple[str, int, str, str, str], histogram: Histogram) -> dict[str, Any]:
    indices = sorted(histogram.buckets)
    return {
        **dict(zip(("stage", "second", "operation", "outcome", "measure"), key, strict=True)),
        "count": histogram.count,
        "sum_ns": histogram.sum_ns,
        "min_ns": histogram.min_ns,
        "max_ns": histogram.max_ns,
        "buckets": np.array(indices, np.int32),
        "counts": np.array([histogram.buckets[i] for i in indices], np.int64),
    }


def frame(table: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A frame as the reader makes it, by way of Arrow."""
    import pyarrow as pa

    schema = BY_NAME[table].schema
    whole = [{column: row.get(column) for column in schema.names} for row in rows]
    result: pd.DataFrame = pa.Table.from_pylist(whole, schema=schema).to_pandas()
    if "mono_ns" in result or "wall_ns" in result:
        result["t_s"] = np.array([_placed(row) for row in rows], "float64")
    return result


def _placed(row: Mapping[str, Any]) -> float:
    """By the source's own stamp, else by when it was seen."""
    for column, zero in (("wall_ns", WALL0), ("mono_ns", T0)):
        if row.get(column) is not None:
            return float(row[column] - zero) / 1e9
    return math.nan


def peak_book(**manifest: Any) -> Book:
    """Warm-up, base and peak, all well: 4 s at 5/s, 10 s at 5/s, 20 s at 20/s."""
    book = Book(
        stage("warm-up", 0, 4, 5.0),
        stage("base", 4, 10, 5.0),
        stage("peak", 14, 20, 20.0),
        **manifest,
    )
    book.steady(0, 14, 5, 0.010)
    book.steady(14, 34, 20, 0.030)
    book.idle_generator(34)
    return book
