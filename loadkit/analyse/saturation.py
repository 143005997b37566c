"""How full everything was: ratios from 0 to 1 on the time axis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loadkit.analyse.context import Context, Floats, StageSpan
from loadkit.analyse.result import Line
from loadkit.analyse.roles_saturation import CPU, MEMORY
from loadkit.analyse.series import Metrics, rate
from loadkit.analyse.shares import added, of_service, over, resources
from loadkit.analyse.subject import is_instrument
from loadkit.analyse.taken import Taken

CPU_COUNTERS = ("process_cpu_seconds_total", "process_cpu_time_seconds_total")
QUIET = 0.02
"""A process that never used more of a core than this is not drawn."""


@dataclass(frozen=True, slots=True)
class Use:
    """One resource: what kind it is, and its ratio over time.

    ``own`` is loadkit's own, ``service`` that of the service under test.
    """

    name: str
    kind: str
    source: str
    x: Floats
    y: Floats
    own: bool = False
    service: bool = False

    def mean(self, context: Context, stage: StageSpan) -> float | None:
        """Mean ratio in a stage; None without a point in it."""
        inside = self.y[context.within(self.x, stage)]
        return float(np.mean(inside)) if len(inside) else None

    def line(self) -> Line:
        """As drawn."""
        return Line(self.name, "ratio", tuple(self.x.tolist()), tuple(self.y.tolist()), self.source)


def uses(context: Context, metrics: Metrics, taken: Taken) -> tuple[Use, ...]:
    """Every resource that the run knows, the service's own first."""
    found = [use for source in SOURCES for use in source(context, metrics, taken) if len(use.x)]
    return tuple(found)


def service_cpu(context: Context, metrics: Metrics, taken: Taken) -> Iterator[Use]:
    """CPU of every scraped process, of one core, or of all where it uses more than one."""
    cpus = float(context.manifest.host.get("cpus") or 0)
    watched = len(context.run.processes) > 0  # what measures is drawn as a process then
    for counter in CPU_COUNTERS:
        for job, x, y in summed(metrics, counter):
            ours = taken.subject.watches(job)
            if watched and ours:
                continue
            of = "one core"
            if len(y) and cpus > 1 and np.nanmax(y) > 1.3:
                y, of = y / cpus, f"all {cpus:g} cores"
            if len(y) and (np.nanmax(y) > QUIET or not ours):
                source = f"{counter} of {job}, share of {of}"
                yield Use(f"{job} CPU", CPU, source, x, y, own=ours, service=not ours)


def summed(metrics: Metrics, name: str) -> list[tuple[str, Floats, Floats]]:
    """Rates of all series of a job, added up at the times of the first."""
    jobs: dict[str, list[tuple[Floats, Floats]]] = {}
    for one in metrics.select(name):
        x, y = rate(one)
        if len(x):
            jobs.setdefault(one.job or "process", []).append((x, y))
    return [(job, *added(parts)) for job, parts in jobs.items()]


def chosen(context: Context, metrics: Metrics, taken: Taken) -> Iterator[Use]:
    """What the service's metrics were taken for: pools, queues, workers, shares of anything."""
    for choice in taken.guess.saturation:
        own = of_service(choice, taken)
        for title, source, x, y in resources(choice, taken):
            if len(y) and (choice.said or not choice.text.startswith("process_") or
                           float(np.max(y)) > QUIET):  # fmt: skip
                yield Use(title, choice.kind, source, x, y, service=own)


def node(context: Context, metrics: Metrics, taken: Taken) -> Iterator[Use]:
    """The machine as the node exporter sees it."""
    idle = [rate(one) for one in metrics.select("node_cpu_seconds_total", mode="idle")]
    idle = [(x, y) for x, y in idle if len(x)]
    if idle:
        x, y = added(idle)
        share = np.clip(1 - y / len(idle), 0, 1)
        yield Use("machine CPU", CPU, "node_cpu_seconds_total, all cores but idle", x, share)
    free = metrics.select("node_memory_MemAvailable_bytes")
    total = metrics.select("node_memory_MemTotal_bytes")
    if free and total:
        x, y = over(free[0], total)
        yield Use("machine memory", MEMORY, "1 - node_memory_MemAvailable / MemTotal", x, 1 - y)


def host(context: Context, metrics: Metrics, taken: Taken) -> Iterator[Use]:
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


def processes(context: Context, metrics: Metrics, taken: Taken) -> Iterator[Use]:
    """Every process under watch that used some CPU."""
    frame = context.run.processes.sort_values("t_s", kind="stable")
    twice = set()  # what tells of itself elsewhere
    if len(context.run.generator):
        twice.add("generator")
    scraped = [series for name in CPU_COUNTERS for series in metrics.select(name)]
    if any(not taken.subject.watches(series.job) for series in scraped):
        twice.add("service")
    for name, rows in frame[~frame["process"].isin(twice)].groupby("process"):
        x, y = _columns(rows, "cpu_ratio")
        if len(y) and y.max() > QUIET:
            source = "share of one core, by the system"
            yield Use(f"process {name} CPU", CPU, source, x, y, own=is_instrument(str(name)))


def generator(context: Context, metrics: Metrics, taken: Taken) -> Iterator[Use]:
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


SOURCES: tuple[Callable[[Context, Metrics, Taken], Iterator[Use]], ...] = (
    service_cpu,
    chosen,
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
