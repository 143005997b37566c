"""The profile at peak against that at base: which functions took more of the interpreter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from loadkit.analyse.context import Context
from loadkit.analyse.profile_result import (
    APPEARED,
    CHANGED,
    VANISHED,
    DifferenceFrame,
    FunctionChange,
    ProfileDifference,
)
from loadkit.analyse.profiles import profile_stages
from loadkit.analyse.proportions import LEVEL, Estimate, difference
from loadkit.analyse.stacks import Row, Stacks, sampled, stacks_of

MOST_CHANGES = 60
LEAST_POOLED = 0.01  # rarer functions are not asked whether they clearly changed
THINNEST = 0.004  # of both profiles' samples; narrower nodes of the flame graph cannot be seen
NO_SLICES = (
    "No intervals: this profile was not taken in slices, and samples in a row are no independent "
    "draws."
)

Hits = dict[int, int]  # slice → samples


@dataclass(slots=True)
class _Node:
    base: Hits = field(default_factory=dict)
    peak: Hits = field(default_factory=dict)
    children: dict[str, _Node] = field(default_factory=dict)


class _Pair:
    """The slices of both profiles, and what to compare in them."""

    def __init__(self, base: Stacks, peak: Stacks) -> None:
        self.base, self.peak = base.slices(), peak.slices()
        self.repeated = min(len(self.base), len(self.peak)) >= 2

    def change(self, base: Hits, peak: Hits, level: float = LEVEL) -> Estimate:
        """The share at peak minus that at base."""
        return difference(sampled(base, self.base), sampled(peak, self.peak), level)


def profile_differences(context: Context) -> tuple[ProfileDifference, ...]:
    """One a process that has a profile at the lowest and at the highest load."""
    low, high = profile_stages(context)
    if low is None or high is None:
        return ()
    found = []
    for process in _processes(context, low.name, high.name):
        base, peak = (stacks_of(context, stage.name, process) for stage in (low, high))
        if base.samples and peak.samples:
            found.append(_difference(process, low.name, high.name, base, peak))
    return tuple(found)


def _processes(context: Context, low: str, high: str) -> list[str]:
    runs = context.run.profile_runs.sort_values("mono_ns", kind="stable")
    taken = [set(runs[runs["stage"] == stage]["process"]) for stage in (low, high)]
    names = [str(name) for name in runs["process"] if name in taken[0] & taken[1]]
    return list(dict.fromkeys(names))


def _difference(process: str, low: str, high: str, base: Stacks, peak: Stacks) -> ProfileDifference:
    pair = _Pair(base, peak)
    changes = _changes(pair, base, peak)
    return ProfileDifference(
        process=process,
        base_stage=low,
        peak_stage=high,
        base_samples=base.samples,
        peak_samples=peak.samples,
        base_slices=len(pair.base),
        peak_slices=len(pair.peak),
        compared=len(changes),
        changes=tuple(changes[:MOST_CHANGES]),
        flame=_flame(pair, base, peak),
        note=None if pair.repeated else NO_SLICES,
    )


def _changes(pair: _Pair, base: Stacks, peak: Stacks) -> list[FunctionChange]:
    hits = [_hits(stacks.held) for stacks in (base, peak)]
    names = {*hits[0][1], *hits[1][1]}
    told = {name for name in names if _pooled(pair, name, hits) >= LEAST_POOLED}
    # One function in twenty would differ by chance: all of them together may only so often
    # (Bonferroni). Which are asked is settled by both profiles together, which says nothing of
    # their difference (independent filtering: Bourgon, Gentleman, Huber, PNAS 107, 2010, 9546).
    strict = 1 - (1 - LEVEL) / max(1, len(told))
    found = [_change(pair, name, hits, strict if name in told else None) for name in names]
    found.sort(
        key=lambda c: (
            -c.itself.distance,
            -abs(c.itself.value),
            -c.total.distance,
            -abs(c.total.value),
            c.function,
        )
    )
    return found


def _pooled(pair: _Pair, name: str, hits: list[tuple[dict[str, Hits], dict[str, Hits]]]) -> float:
    """Share of both profiles' samples, each counting half, with the function at the leaf."""
    sides = ((hits[0][0], pair.base), (hits[1][0], pair.peak))
    return sum(sampled(leaf.get(name, {}), slices).value for leaf, slices in sides) / 2


def _change(
    pair: _Pair,
    name: str,
    hits: list[tuple[dict[str, Hits], dict[str, Hits]]],
    strict: float | None,
) -> FunctionChange:
    (base_leaf, base_any), (peak_leaf, peak_any) = (
        (leaf.get(name, {}), anywhere.get(name, {})) for leaf, anywhere in hits
    )
    kind = CHANGED if base_any and peak_any else APPEARED if peak_any else VANISHED
    return FunctionChange(
        function=name,
        kind=kind,
        base_self=sampled(base_leaf, pair.base).value,
        peak_self=sampled(peak_leaf, pair.peak).value,
        itself=pair.change(base_leaf, peak_leaf),
        base_total=sampled(base_any, pair.base).value,
        peak_total=sampled(peak_any, pair.peak).value,
        total=pair.change(base_any, peak_any),
        clear=strict is not None and pair.change(base_leaf, peak_leaf, strict).distance > 0,
    )


def _hits(rows: Iterable[Row]) -> tuple[dict[str, Hits], dict[str, Hits]]:
    """Samples with a function at the leaf, and anywhere (recursion counts once), by slice."""
    leaf: dict[str, Hits] = defaultdict(dict)
    anywhere: dict[str, Hits] = defaultdict(dict)
    for row in rows:
        _count(leaf[row.frames[-1]], row)
        for name in set(row.frames):
            _count(anywhere[name], row)
    return leaf, anywhere


def _count(hits: Hits, row: Row) -> None:
    hits[row.slice] = hits.get(row.slice, 0) + row.count


def _flame(pair: _Pair, base: Stacks, peak: Stacks) -> DifferenceFrame:
    top = _Node()
    for stacks, side in ((base, "base"), (peak, "peak")):
        for row in stacks.held:
            node = top
            _count(getattr(node, side), row)
            for name in row.path:
                node = node.children.setdefault(name, _Node())
                _count(getattr(node, side), row)
    return _frame("all", top, pair)


def _frame(name: str, node: _Node, pair: _Pair) -> DifferenceFrame:
    change = pair.change(node.base, node.peak)
    base, peak = sampled(node.base, pair.base).value, sampled(node.peak, pair.peak).value
    wide = base + peak >= 2 * THINNEST
    children = (
        [_frame(child, below, pair) for child, below in sorted(node.children.items())]
        if wide
        else []
    )
    return DifferenceFrame(name, base, peak, change, tuple(children))
