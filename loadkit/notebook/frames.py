"""Frames that the notebooks draw: by second, by interval, by operation, of one metric."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.analyse.latency import pick, quantiles_by_second
from loadkit.bundle.histogram import COARSE, Histogram
from loadkit.bundle.reader import ENDED, RunData, merged

_QUANTILES = (0.5, 0.95, 0.99)
_RATES = {
    "planned": ("planned",),
    "sent": ("sent",),
    "completed": ("completed",),
    "failed": ("failed", "raised"),
}


def _name(quantile: float) -> str:
    return f"p{quantile * 100:g}"


def by_second(
    run: RunData, measure: str = "response", quantiles: Sequence[float] = _QUANTILES
) -> pd.DataFrame:
    """A row a second of the load.

    Columns: ``planned``, ``sent``, ``completed``, ``failed`` (a second), ``error_ratio`` (0 to 1),
    and a column a quantile such as ``p95`` (seconds, within 1%). NaN where nothing ended.
    """
    last = max((int(frame["second"].max()) for frame in (run.flow, run.seconds) if len(frame)),
               default=-1)  # fmt: skip
    index = pd.RangeIndex(last + 1, name="second")
    counts = run.flow.pivot_table(index="second", columns="event", values="count", aggfunc="sum")
    counts = counts.reindex(index, fill_value=0).fillna(0)
    table = pd.DataFrame(index=index)
    for name, events in _RATES.items():
        table[name] = sum(
            (counts[event].to_numpy(float) for event in events if event in counts),
            np.zeros(len(index)),
        )
    ended = sum(
        (counts[event].to_numpy(float) for event in ENDED if event in counts),
        np.zeros(len(index)),
    )
    table["error_ratio"] = np.divide(
        table["failed"], ended, out=np.full(len(index), np.nan), where=ended > 0
    )
    values = quantiles_by_second(pick(run.seconds, measure), list(quantiles), len(index))
    for quantile, row in zip(quantiles, values, strict=True):
        table[_name(quantile)] = row
    return table


def every(run: RunData, seconds: int = 60) -> pd.DataFrame:
    """A row every so many seconds: rates (a second), errors (ratio), response times (seconds).

    Percentiles are those of the whole interval, from merged histograms within 1%.
    """
    table = by_second(run)
    rows = []
    for start in range(0, len(table), seconds):
        part = table.iloc[start : start + seconds]
        inside = run.seconds[run.seconds["second"].between(start, start + seconds - 1)]
        values = merged(pick(inside, "response"), COARSE)
        ended = part["completed"].sum()
        rows.append(
            {
                "from": f"{start // 60}:{start % 60:02d}",
                "stages": ", ".join(_stages_in(run, start, start + len(part))),
                "planned /s": part["planned"].mean(),
                "completed /s": part["completed"].mean(),
                "errors %": 100 * part["failed"].sum() / ended if ended else np.nan,
                **_milliseconds(values),
            }
        )
    return pd.DataFrame(rows).set_index("from") if rows else pd.DataFrame()


def _stages_in(run: RunData, start: float, end: float) -> list[str]:
    return [
        str(stage["name"])
        for stage in run.manifest.stages
        if stage["start_s"] < end and stage["start_s"] + (stage["duration_s"] or np.inf) > start
    ]


def _milliseconds(values: Histogram) -> dict[str, float]:
    found = {f"{_name(q)} ms": values.quantile(q) for q in _QUANTILES}
    found["max ms"] = values.quantile(1.0)
    return {name: np.nan if ns is None else ns / 1e6 for name, ns in found.items()}


def stage_table(run: RunData) -> pd.DataFrame:
    """A row a stage: what was measured in it. Percentiles within 0.1%, milliseconds."""
    rows = []
    for stage in run.manifest.stages:
        name, length = str(stage["name"]), float(stage["duration_s"] or np.nan)
        flow = run.flow[run.flow["stage"] == name].groupby("event")["count"].sum()
        ended = sum(int(flow.get(event, 0)) for event in ENDED)
        failed = int(flow.get("failed", 0)) + int(flow.get("raised", 0))
        rows.append(
            {
                "stage": name,
                "from s": float(stage["start_s"]),
                "for s": length,
                "judged": not (stage.get("warmup") or stage.get("profile")),
                "requests": ended,
                "completed /s": float(flow.get("completed", 0)) / length,
                "errors %": 100 * failed / ended if ended else np.nan,
                **_milliseconds(run.histogram(stage=name)),
            }
        )
    return pd.DataFrame(rows).set_index("stage")


def operations(run: RunData) -> pd.DataFrame:
    """A row an operation over the whole run, the most frequent first."""
    rows = []
    frame = run.windows[run.windows["measure"] == "response"]
    for name in frame["operation"].dropna().unique():
        values = run.histogram(operation=str(name))
        failed = run.histogram(operation=str(name), outcomes=("failed", "raised"))
        share = 100 * failed.count / values.count if values.count else np.nan
        rows.append(
            {
                "operation": str(name),
                "requests": values.count,
                "errors %": share,
                **_milliseconds(values),
            }
        )
    table = pd.DataFrame(rows, columns=["operation", "requests", "errors %"] if not rows else None)
    return table.set_index("operation").sort_values("requests", ascending=False)


def metric_names(run: RunData) -> pd.DataFrame:
    """Every Prometheus metric of the bundle: how many series and samples it has."""
    samples = run.metrics.groupby("series").size().rename("samples")
    table = run.series.join(samples, on="series").fillna({"samples": 0})
    grouped = table.groupby("name").agg(series=("series", "nunique"), samples=("samples", "sum"))
    return grouped.astype(int).sort_index()


def metric(run: RunData, name: str, **labels: str) -> pd.DataFrame:
    """The samples of a metric: a column a series (its labels as text), indexed by ``t_s``."""
    found = run.series[run.series["name"] == name]
    columns = {}
    for row in found.to_dict("records"):
        own = _labels(row)
        if any(own.get(key) != value for key, value in labels.items()):
            continue
        samples = run.metrics[run.metrics["series"] == row["series"]].dropna(subset=["t_s"])
        text = ", ".join(f"{k}={v}" for k, v in sorted(own.items()) if k not in ("job", "instance"))
        values = samples.drop_duplicates("t_s").set_index("t_s")["value"].sort_index()
        columns[text or str(own.get("instance", name))] = values
    return pd.DataFrame(columns).sort_index()


def _labels(row: dict[Any, Any]) -> dict[str, str]:
    values = json.loads(row["labels"]) if isinstance(row["labels"], str) else {}
    known = {str(key): str(value) for key, value in values.items()}
    for key in ("job", "instance"):
        if isinstance(row[key], str):
            known.setdefault(key, row[key])
    return known


def rate_of(samples: pd.DataFrame) -> pd.DataFrame:
    """Growth a second of counters between samples; a counter that was reset gives NaN there."""
    gaps = np.diff(samples.index.to_numpy(float))
    grown = samples.diff().iloc[1:]
    return grown.where(grown >= 0).div(gaps, axis=0)


@dataclass(frozen=True, slots=True)
class Slope:
    """A straight line by least squares; ``low`` and ``high`` bound its slope."""

    slope: float
    intercept: float
    low: float
    high: float


def slope(x: npt.ArrayLike, y: npt.ArrayLike, blocks: int = 10) -> Slope | None:
    """The line through the points; None for fewer than three, or all at one x.

    The interval is the jackknife's over ``blocks`` stretches of neighbouring points (Student's t,
    95%): neighbours in time are alike, and the usual formula would take them for independent.
    """
    xs, ys = (np.asarray(values, float) for values in (x, y))
    known = np.isfinite(xs) & np.isfinite(ys)
    xs, ys = xs[known], ys[known]
    if len(xs) < 3 or np.ptp(xs) == 0:
        return None
    best, intercept = np.polyfit(xs, ys, 1)
    parts = np.array_split(np.arange(len(xs)), min(blocks, len(xs)))
    others = [np.delete(np.arange(len(xs)), part) for part in parts]
    found = [float(np.polyfit(xs[o], ys[o], 1)[0]) for o in others if np.ptp(xs[o]) > 0]
    count = len(found)
    spread = np.sqrt((count - 1) / count * np.sum((np.array(found) - np.mean(found)) ** 2))
    half = _T95[min(count - 1, len(_T95)) - 1] * spread
    return Slope(float(best), float(intercept), float(best - half), float(best + half))


# Student's t, two-sided 95%, for 1, 2, … degrees of freedom.
_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
