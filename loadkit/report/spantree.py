"""Span trees as bars: typical requests beside slow ones, on one scale."""

from __future__ import annotations

from dataclasses import dataclass

from loadkit.analyse.result import SpanNode, SpanTree
from loadkit.report import units


@dataclass(frozen=True, slots=True)
class Bar:
    """Widths in percent of the longest bar of the tree; texts beside it."""

    total: float
    own: float
    label: str
    title: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the tree in both groups."""

    name: str
    depth: int
    typical: Bar | None
    slow: Bar | None
    times: str  # how many times longer a slow one is


def steps(tree: SpanTree) -> tuple[Step, ...]:
    """Steps in the order of the typical tree; those only slow requests have follow their parent's
    place in the slow tree."""
    typical = _by_path(tree.typical)
    slow = _by_path(tree.slow)
    longest = max((n.p50_total or 0.0 for n in (*tree.typical, *tree.slow)), default=0.0)
    return tuple(
        Step(
            path[-1],
            len(path) - 1,
            _bar(typical.get(path), longest),
            _bar(slow.get(path), longest),
            _times(typical.get(path), slow.get(path)),
        )
        for path in _merged(list(typical), list(slow))
    )


def _by_path(nodes: tuple[SpanNode, ...]) -> dict[tuple[str, ...], SpanNode]:
    result: dict[tuple[str, ...], SpanNode] = {}
    path: list[str] = []
    for node in nodes:
        path[node.depth :] = [node.name]
        result[tuple(path)] = node
    return result


def _merged(first: list[tuple[str, ...]], second: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    merged = list(first)
    for n, path in enumerate(second):
        if path not in merged:
            before = second[n - 1] if n else None
            merged.insert(merged.index(before) + 1 if before in merged else len(merged), path)
    return merged


def _bar(node: SpanNode | None, longest: float) -> Bar | None:
    if node is None:
        return None
    total, own = node.p50_total or 0.0, node.p50_self or 0.0
    scale = 100 / longest if longest else 0.0
    title = (
        f"{node.name}: {units.duration(node.p50_total)}, of it {units.duration(node.p50_self)} "
        f"in the step itself; {units.percent(node.share)} of the request; {node.count:,} spans"
    )
    return Bar(
        round(total * scale, 3),
        round(min(own, total) * scale, 3),
        units.duration(node.p50_total),
        title,
    )


def _times(typical: SpanNode | None, slow: SpanNode | None) -> str:
    if typical is None or slow is None or not typical.p50_total or slow.p50_total is None:
        return units.UNKNOWN
    return f"× {units.number(slow.p50_total / typical.p50_total)}"
