"""Flame graphs of the profile stages, what their threads did, and the hottest functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from loadkit.analyse.context import Context, StageSpan, present, seconds_or_none, text_or_none
from loadkit.analyse.profile_result import ThreadUse
from loadkit.analyse.proportions import Estimate, Sampled, share
from loadkit.analyse.result import Frame, HotFunction, ProfileResult
from loadkit.analyse.stacks import (
    DEEPEST,
    GIL,
    IDLE,
    RUNNING,
    UNROOTED,
    Row,
    function,
    sampled,
    stacks_of,
    summed,
)

__all__ = ["DEEPEST", "UNROOTED", "function", "hot_functions", "profile_results", "profile_stages"]

MOST_HOT = 25


@dataclass(slots=True)
class _Node:
    count: int = 0
    children: dict[str, _Node] = field(default_factory=dict)

    def frame(self, name: str) -> Frame:
        children = sorted(self.children.items(), key=lambda item: (-item[1].count, item[0]))
        return Frame(name, self.count, tuple(node.frame(child) for child, node in children))


def flame(rows: Iterable[Row]) -> Frame | None:
    """The tree of all stacks; None without one. Unrooted ones hang below a node of their own."""
    top = _Node()
    for row in rows:
        top.count += row.count
        node = top
        for name in row.path:
            node = node.children.setdefault(name, _Node())
            node.count += row.count
    return top.frame("all") if top.count else None


def profile_results(context: Context) -> tuple[ProfileResult, ...]:
    """One result a profile that was tried, in the order of taking."""
    runs = context.run.profile_runs.sort_values("mono_ns", kind="stable")
    return tuple(_result(context, row) for row in runs.to_dict("records"))


def _result(context: Context, row: Mapping[Hashable, Any]) -> ProfileResult:
    stage, process = str(row["stage"]), str(row["process"])
    stacks = stacks_of(context, stage, process)
    slices = _slices(context.run.profile_slices, stage, process)
    rate_hz = _whole(row["rate_hz"], 0)
    return ProfileResult(
        stage=stage,
        process=process,
        samples=_whole(row["samples"], stacks.samples),
        errors=_whole(row["errors"], 0),
        unrooted=sum(row.count for row in stacks.held if not row.rooted),
        rate_hz=rate_hz,
        blocking=bool(row["blocking"]) if present(row["blocking"]) else False,
        flame=flame(stacks.held),
        message=text_or_none(row["message"]),
        slices=int((slices["kind"] == "gil").sum()),
        looks=_whole(slices[slices["kind"] == "states"]["samples"].sum(), 0),
        held=_held(slices[slices["kind"] == "gil"], rate_hz),
        threads=_threads(context, stage, process, stacks.looked),
        file=text_or_none(row.get("file")),
    )


def _slices(table: pd.DataFrame, stage: str, process: str) -> pd.DataFrame:
    return table[(table["stage"] == stage) & (table["process"] == process)]


def _held(slices: pd.DataFrame, rate_hz: int) -> Estimate | None:
    """Share of the time in which some thread held the lock; None where nothing tells."""
    taken = [
        # A sample that could not be read says nothing; one more than planned may come.
        (
            int(row["samples"]),
            max(int(row["samples"]), round(rate_hz * row["duration_s"]) - int(row["errors"])),
        )
        for row in slices.to_dict("records")
        if all(present(row[key]) for key in ("samples", "duration_s", "errors"))
    ]
    tried = Sampled([hits for hits, _ in taken], [most for _, most in taken])
    return share(tried) if tried.total else None


def _threads(
    context: Context, stage: str, process: str, rows: tuple[Row, ...]
) -> tuple[ThreadUse, ...]:
    table = context.run.profile_threads
    table = table[(table["stage"] == stage) & (table["process"] == process)]
    cpu = dict(zip(table["thread"], table["cpu_ratio"], strict=True))
    by_thread: dict[str, list[Row]] = {}
    for row in rows:
        if row.thread is not None:
            by_thread.setdefault(row.thread, []).append(row)
    found = [_use(name, seen, cpu.get(name)) for name, seen in by_thread.items()]
    found.sort(key=lambda t: (-t.gil.value, -t.running.value, -(t.cpu_ratio or 0), t.thread))
    return tuple(found)


def _use(name: str, rows: list[Row], cpu: object) -> ThreadUse:
    looks = summed((row.slice, row.count) for row in rows)

    def of(state: str) -> Estimate:
        hits = summed((row.slice, row.count) for row in rows if row.state == state)
        return share(sampled(hits, looks))

    waits: Counter[str] = Counter()
    for row in rows:
        if row.state == IDLE:
            waits[row.frames[-1]] += row.count
    most = min(waits, key=lambda leaf: (-waits[leaf], leaf), default=None)
    return ThreadUse(
        thread=name,
        looks=sum(looks.values()),
        gil=of(GIL),
        running=of(RUNNING),
        idle=of(IDLE),
        cpu_ratio=seconds_or_none(cpu),
        idle_in=most,
    )


def _whole(value: object, otherwise: int) -> int:
    return int(value) if present(value) else otherwise  # type: ignore[call-overload]


def profile_stages(context: Context) -> tuple[StageSpan | None, StageSpan | None]:
    """The profile stages with the lowest and with the highest load that have stacks.

    With only one of them it is the peak, unless its load is that of the base.
    """
    known = set(context.run.profiles["stage"].dropna())
    stages = [stage for stage in context.stages if stage.profile and stage.name in known]
    if not stages:
        return None, None
    low = min(stages, key=lambda stage: stage.level)
    high = max(stages, key=lambda stage: stage.level)
    if high.level > low.level:
        return low, high
    base = context.base
    return (low, None) if base is not None and low.level <= base.level else (None, high)


def hot_functions(context: Context) -> tuple[HotFunction, ...]:
    """Shares of samples of the process with the most of them, hottest at peak first."""
    process = _busiest_process(context.run.profile_runs)
    if process is None:
        return ()
    base, peak = (
        ({}, {}) if stage is None else shares(stacks_of(context, stage.name, process).held)
        for stage in profile_stages(context)
    )
    names = {*base[0], *base[1], *peak[0], *peak[1]}

    def of(known: tuple[dict[str, float], dict[str, float]], which: int, name: str) -> (
        float | None
    ):  # fmt: skip
        return known[which].get(name, 0.0) if known[1] else None

    found = [
        HotFunction(
            name, of(base, 0, name), of(peak, 0, name), of(base, 1, name), of(peak, 1, name)
        )
        for name in names
    ]
    found.sort(
        key=lambda f: (
            -max(f.peak_self or 0.0, f.base_self or 0.0 if f.peak_self is None else 0.0),
            -(f.peak_total or f.base_total or 0.0),
            f.function,
        )
    )
    return tuple(found[:MOST_HOT])


def _busiest_process(runs: pd.DataFrame) -> str | None:
    if not len(runs):
        return None
    counts = runs.groupby("process")["samples"].sum()
    names = [str(name) for name in counts.index]
    return min(names, key=lambda name: (-int(counts[name]), name))


def shares(rows: Iterable[Row]) -> tuple[dict[str, float], dict[str, float]]:
    """Share of samples with a function at the leaf, and anywhere (recursion counts once)."""
    leaf: Counter[str] = Counter()
    anywhere: Counter[str] = Counter()
    whole = 0
    for row in rows:
        whole += row.count
        leaf[row.frames[-1]] += row.count
        for name in set(row.frames):
            anywhere[name] += row.count
    return (
        {name: count / whole for name, count in leaf.items()},
        {name: count / whole for name, count in anywhere.items()},
    )
