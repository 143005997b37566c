"""Flame graphs of the profile stages, and the hottest functions, base against peak."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pandas as pd

from loadkit.analyse.context import Context, StageSpan, present, text_or_none
from loadkit.analyse.result import Frame, HotFunction, ProfileResult

UNROOTED = "(stack without its beginning)"
MOST_HOT = 25
DEEPEST = 200
_LINE = re.compile(r":\d+\)$")


@dataclass(slots=True)
class _Node:
    count: int = 0
    children: dict[str, _Node] = field(default_factory=dict)

    def frame(self, name: str) -> Frame:
        children = sorted(self.children.items(), key=lambda item: (-item[1].count, item[0]))
        return Frame(name, self.count, tuple(node.frame(child) for child, node in children))


def function(frame: str) -> str:
    """A frame without its line number: lines of one function belong together."""
    return _LINE.sub(")", frame.strip())


def _rows(context: Context, stage: str, process: str) -> list[tuple[list[str], int, bool]]:
    table = context.run.profiles
    table = table[(table["stage"] == stage) & (table["process"] == process)]
    result = []
    for stack, count, rooted in zip(table["stack"], table["count"], table["rooted"], strict=True):
        if not present(stack) or not stack:
            continue
        frames = [function(part) for part in str(stack).split(";")][:DEEPEST]
        result.append((frames, int(count), bool(rooted) if present(rooted) else True))
    return result


def flame(rows: list[tuple[list[str], int, bool]]) -> Frame | None:
    """The tree of all stacks; None without one. Unrooted ones hang below a node of their own."""
    top = _Node()
    for frames, count, rooted in rows:
        top.count += count
        node = top
        for name in frames if rooted else [UNROOTED, *frames]:
            node = node.children.setdefault(name, _Node())
            node.count += count
    return top.frame("all") if top.count else None


def profile_results(context: Context) -> tuple[ProfileResult, ...]:
    """One result a profile that was tried, in the order of taking."""
    runs = context.run.profile_runs.sort_values("mono_ns", kind="stable")
    results = []
    for row in runs.to_dict("records"):
        rows = _rows(context, str(row["stage"]), str(row["process"]))
        taken = sum(count for _, count, _ in rows)
        results.append(
            ProfileResult(
                stage=str(row["stage"]),
                process=str(row["process"]),
                samples=_whole(row["samples"], taken),
                errors=_whole(row["errors"], 0),
                unrooted=sum(count for _, count, rooted in rows if not rooted),
                rate_hz=_whole(row["rate_hz"], 0),
                blocking=bool(row["blocking"]) if present(row["blocking"]) else False,
                flame=flame(rows),
                message=text_or_none(row["message"]),
            )
        )
    return tuple(results)


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
    process = _busiest_process(context.run.profiles)
    if process is None:
        return ()
    base, peak = (
        ({}, {}) if stage is None else shares(_rows(context, stage.name, process))
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


def _busiest_process(frame: pd.DataFrame) -> str | None:
    if not len(frame):
        return None
    counts = frame.groupby("process")["count"].sum()
    names = [str(name) for name in counts.index]
    return min(names, key=lambda name: (-int(counts[name]), name))


def shares(
    rows: list[tuple[list[str], int, bool]],
) -> tuple[dict[str, float], dict[str, float]]:
    """Share of samples with a function at the leaf, and anywhere (recursion counts once)."""
    leaf: dict[str, int] = {}
    anywhere: dict[str, int] = {}
    whole = sum(count for _, count, _ in rows)
    for frames, count, _ in rows:
        leaf[frames[-1]] = leaf.get(frames[-1], 0) + count
        for name in set(frames):
            anywhere[name] = anywhere.get(name, 0) + count
    return (
        {name: count / whole for name, count in leaf.items()},
        {name: count / whole for name, count in anywhere.items()},
    )
