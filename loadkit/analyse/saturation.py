"""How full everything was: ratios from 0 to 1 on the time axis."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loadkit.analyse.context import Context, Floats, StageSpan
from loadkit.analyse.result import Line
from loadkit.analyse.series import Metrics, Series, rate

CPU_COUNTER = "process_cpu_seconds_total"
PAIRS = (
    ("_in_use", ("_size", "_limit", "_max")),
    ("_depth", ("_capacity", "_limit", "_max")),
)
"""Endings of a gauge and of the gauge that bounds it, whatever comes before."""

BUSY = "_busy_seconds_total"
QUIET = 0.02
"""A process that never used more of a core than this is not drawn."""

INSTRUMENTS = frozenset(
    {"prometheus", "alertmanager", "node", "exporter", "load", "loadkit", "spans", "generator"}
)
"""Words in the names of what measures, to be told from what is measured."""

MEMORY, CPU, POOL, QUEUE, WORKER = "memory", "CPU", "pool", "queue", "worker"


@dataclass(frozen=True, slots=True)
class Use:
    """One resource: what kind it is, and its ratio over time. ``own`` is loadkit's own."""

    name: str
    kind: str
    source: str
    x: Floats
    y: Floats
    own: bool = False

    def mean(self, context: Context, stage: StageSpan) -> float | None:
        """Mean ratio in a stage; None without a point in it."""
        inside = self.y[context.within(self.x, stage)]
        return float(np.mean(inside)) if len(inside) else None

    def line(self) -> Line:
        """As drawn."""
        return Line(self.name, "ratio", tuple(self.x.tolist()), tuple(self.y.tolist()), self.source)


def uses(context: Context, metrics: Metrics) -> tuple[Use, ...]:
    """Every resource that the run knows, the service's own first."""
    found = [use for source in SOURCES for use in source(context, metrics) if len(use.x)]
    return tuple(found)


def service_cpu(context: Context, metrics: Metrics) -> Iterator[Use]:
    """CPU of every scraped process, of one core, or of all where it uses more than one."""
    cpus = float(context.manifest.host.get("cpus") or 0)
    watched = len(context.run.processes) > 0  # what measures is drawn as a process then
    for job, x, y in summed(metrics.select(CPU_COUNTER)):
        if watched and _is_ours(job):
            continue
        of = "one core"
        if len(y) and cpus > 1 and np.nanmax(y) > 1.3:
            y, of = y / cpus, f"all {cpus:g} cores"
        if len(y) and (np.nanmax(y) > QUIET or not _is_ours(job)):
            source = f"{CPU_COUNTER} of {job}, share of {of}"
            yield Use(f"{job} CPU", CPU, source, x, y, own=_is_ours(job))


def _is_ours(name: str) -> bool:
    return not INSTRUMENTS.isdisjoint(re.split(r"[\W_]+", name.lower()))


def summed(series: list[Series]) -> list[tuple[str, Floats, Floats]]:
    """Rates of all series of a job, added up at the times of the first."""
    jobs: dict[str, list[tuple[Floats, Floats]]] = {}
    for one in series:
        x, y = rate(one)
        if len(x):
            jobs.setdefault(one.job or "process", []).append((x, y))
    return [(job, *_added(parts)) for job, parts in jobs.items()]


def _added(parts: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    x, y = parts[0]
    total = y.copy()
    for other_x, other_y in parts[1:]:
        total += np.interp(x, other_x, other_y)
    return x, total


def bounded_gauges(context: Context, metrics: Metrics) -> Iterator[Use]:
    """Pools in use of their size, queues filled of their capacity."""
    for name in metrics.names:
        for ending, bounds in PAIRS:
            if not name.endswith(ending):
                continue
            stem = name.removesuffix(ending)
            bound = next((stem + b for b in bounds if metrics.select(stem + b)), None)
            if bound is None:
                continue
            kind = POOL if ending == "_in_use" else QUEUE
            for one in metrics.select(name):
                x, y = _ratio(one, metrics.select(bound))
                yield Use(_titled(stem, one, metrics.select(name)), kind, f"{name} / {bound}", x, y)


def _titled(stem: str, one: Series, all_of_it: list[Series]) -> str:
    title = stem.replace("_", " ")
    return title if len(all_of_it) < 2 else f"{title} ({one.labels.get('instance', one.job)})"


def _ratio(part: Series, wholes: list[Series]) -> tuple[Floats, Floats]:
    """A gauge over its bound of the same instance, as it was at each sample."""
    same = [w for w in wholes if w.labels.get("instance") == part.labels.get("instance")]
    whole = (same or wholes)[0]
    bound = step_at(whole, part.t)
    known = bound > 0
    return part.t[known], part.v[known] / bound[known]


def step_at(series: Series, t: Floats) -> Floats:
    """The last value at or before each time (the first value before there was one)."""
    at = np.clip(np.searchsorted(series.t, t + 1e-6, side="right") - 1, 0, None)
    values: Floats = series.v[at]
    return values


def busy_counters(context: Context, metrics: Metrics) -> Iterator[Use]:
    """Seconds in use a second, of all slots: steadier than a gauge looked at now and then."""
    for name in metrics.names:
        if not name.endswith(BUSY):
            continue
        stem = name.removesuffix(BUSY)
        sizes = metrics.select(stem + "_size") or metrics.select(stem + "_limit")
        for one in metrics.select(name):
            x, y = rate(one)
            slots = step_at(sizes[0], x) if sizes else np.ones(len(x))
            source = f"rate of {name}" + (f" / {sizes[0].name}" if sizes else "")
            good = slots > 0
            title = _titled(stem, one, metrics.select(name))
            yield Use(f"{title} busy", WORKER, source, x[good], y[good] / slots[good])


def node(context: Context, metrics: Metrics) -> Iterator[Use]:
    """The machine as the node exporter sees it."""
    idle = [rate(one) for one in metrics.select("node_cpu_seconds_total", mode="idle")]
    idle = [(x, y) for x, y in idle if len(x)]
    if idle:
        x, y = _added(idle)
        ratio = np.clip(1 - y / len(idle), 0, 1)
        yield Use("machine CPU", CPU, "node_cpu_seconds_total, all cores but idle", x, ratio)
    free = metrics.select("node_memory_MemAvailable_bytes")
    total = metrics.select("node_memory_MemTotal_bytes")
    if free and total:
        x, y = _ratio(free[0], total)
        yield Use("machine memory", MEMORY, "1 - node_memory_MemAvailable / MemTotal", x, 1 - y)


def host(context: Context, metrics: Metrics) -> Iterator[Use]:
    """The machine as loadkit sees it, where no node exporter does."""
    if metrics.select("node_cpu_seconds_total"):
        return
    frame = context.run.host.sort_values("t_s", kind="stable")
    for column, name, kind in (
        ("cpu_ratio", "machine CPU", CPU),
        ("memory_ratio", "machine memory", MEMORY),
    ):
        x, y = _columns(frame, column)
        yield Use(name, kind, "the machine loadkit runs on", x, y)


def processes(context: Context, metrics: Metrics) -> Iterator[Use]:
    """Every process under watch that used some CPU."""
    frame = context.run.processes.sort_values("t_s", kind="stable")
    twice = set()  # what tells of itself elsewhere
    if len(context.run.generator):
        twice.add("generator")
    if any(not _is_ours(series.job) for series in metrics.select(CPU_COUNTER)):
        twice.add("service")
    for name, rows in frame[~frame["process"].isin(twice)].groupby("process"):
        x, y = _columns(rows, "cpu_ratio")
        if len(y) and y.max() > QUIET:
            source = "share of one core, by the system"
            yield Use(f"process {name} CPU", CPU, source, x, y, own=_is_ours(str(name)))


def generator(context: Context, metrics: Metrics) -> Iterator[Use]:
    """The load generator, while there was load: what it does at its end is nobody's concern."""
    frame = context.run.generator.sort_values("t_s", kind="stable")
    source = "share of one core, by itself"
    if "worker" in frame.columns and frame["worker"].notna().any():
        source = "share of one core, of the busiest worker"
        frame = frame.groupby(np.floor(frame["t_s"]), as_index=False)[["t_s", "cpu_ratio"]].max()
    x, y = _columns(frame[frame["t_s"].shift(fill_value=-np.inf) < context.plan_end_s], "cpu_ratio")
    yield Use("load generator CPU", CPU, source, x, y, own=True)


def _columns(frame: pd.DataFrame, column: str) -> tuple[Floats, Floats]:
    known = frame[["t_s", column]].dropna()
    return known["t_s"].to_numpy(np.float64), known[column].to_numpy(np.float64)


SOURCES: tuple[Callable[[Context, Metrics], Iterator[Use]], ...] = (
    service_cpu,
    busy_counters,
    bounded_gauges,
    node,
    host,
    processes,
    generator,
)


def busiest(context: Context, found: tuple[Use, ...], stage: StageSpan) -> tuple[Use, float] | None:
    """The resource with the highest mean in a stage; memory and loadkit's own parts left out."""
    means = [
        (use, mean)
        for use in found
        if not use.own and use.kind != MEMORY and (mean := use.mean(context, stage)) is not None
    ]
    return max(means, key=lambda pair: pair[1], default=None)
