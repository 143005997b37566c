"""The span tree of ordinary requests beside that of slow ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np
import pandas as pd

from loadkit.analyse import text
from loadkit.analyse.context import Context, present, text_of
from loadkit.analyse.result import SpanNode, SpanTree

TYPICAL = (0.4, 0.6)
SLOW = 0.99
FEWEST_SLOW = 3
SLOWEST_SHARE = 0.05
MOST_ROOTS = 3
FEWEST_TRACES = 10
DEEPEST = 200

Path = tuple[str, ...]


@dataclass(slots=True)
class _Step:
    """All spans of one name at one place of one trace's tree; nanoseconds."""

    total: int = 0
    own: int = 0
    count: int = 0
    offset: int = 0


@dataclass(slots=True)
class Trace:
    """One request: its root, how it came to be kept, and its steps by path."""

    root: str
    duration_ns: int
    kept: str
    steps: dict[Path, _Step] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Span:
    id: str
    parent: str | None
    name: str
    start: int
    duration: int
    kept: str
    kind: str
    t_s: float


def span_trees(context: Context) -> tuple[SpanTree, ...]:
    """One tree for each of the most frequent roots, of traces that began in measured stages."""
    traces = traces_of(context)
    roots = Counter(trace.root for trace in traces)
    trees = []
    for position, (root, count) in enumerate(roots.most_common(MOST_ROOTS)):
        if position and count < FEWEST_TRACES:
            break
        trees.append(_tree(root, [trace for trace in traces if trace.root == root]))
    return tuple(trees)


def traces_of(context: Context) -> list[Trace]:
    """Every kept trace of a measured stage."""
    result = []
    for spans in _by_trace(context.run.spans).values():
        root = _root(spans)
        stage = context.stage_at(root.t_s)
        if stage is None or not stage.measured:
            continue
        trace = Trace(root.name, root.duration, root.kept)
        children: dict[str | None, list[_Span]] = {}
        for span in spans:
            children.setdefault(span.parent, []).append(span)
        _walk(root, (root.name,), root.start, children, trace, set())
        result.append(trace)
    return result


def _by_trace(frame: pd.DataFrame) -> dict[str, list[_Span]]:
    frame = frame.drop_duplicates(["trace_id", "span_id"])
    names = ("trace_id", "span_id", "parent_id", "name", "wall_ns", "duration_ns", "kept", "kind")
    result: dict[str, list[_Span]] = {}
    for trace, own, parent, name, start, duration, kept, kind, t_s in zip(
        *(frame[column] for column in names), frame["t_s"], strict=True
    ):
        if not (present(start) and present(duration)):
            continue
        span = _Span(
            text_of(own),
            text_of(parent) or None,
            text_of(name),
            int(start),
            max(0, int(duration)),
            text_of(kept),
            text_of(kind),
            float(t_s),
        )
        result.setdefault(text_of(trace), []).append(span)
    return result


def _root(spans: Sequence[_Span]) -> _Span:
    """The span whose parent is not among them; the caller's own span never is."""
    known = {span.id for span in spans}
    orphans = [span for span in spans if span.parent not in known] or list(spans)
    return min(orphans, key=lambda s: (s.kind != "server", s.start, -s.duration, s.id))


def _walk(
    span: _Span,
    path: Path,
    origin: int,
    children: dict[str | None, list[_Span]],
    trace: Trace,
    seen: set[str],
) -> None:
    if span.id in seen or len(path) > DEEPEST:  # broken data: a loop, or no end of nesting
        return
    seen.add(span.id)
    below = children.get(span.id, [])
    step = trace.steps.setdefault(path, _Step(offset=span.start - origin))
    step.total += span.duration
    step.own += self_time(span.start, span.duration, [(c.start, c.duration) for c in below])
    step.count += 1
    for child in below:
        _walk(child, (*path, child.name), origin, children, trace, seen)


def self_time(start: int, duration: int, children: Iterable[tuple[int, int]]) -> int:
    """Time of a span in which none of its children ran; never below 0, same unit as given.

    Children that overlap count once, and only by the part within their parent.
    """
    end, covered, until = start + duration, 0, start
    for child_start, child_duration in sorted(children):
        left = max(until, child_start)
        right = min(end, child_start + child_duration)
        if right > left:
            covered += right - left
            until = right
    return max(0, duration - covered)


def _tree(root: str, traces: list[Trace]) -> SpanTree:
    sample = [trace for trace in traces if trace.kept == "sample"]
    basis = sample or traces
    durations = np.array([trace.duration_ns for trace in basis])
    low, high = (_rank(durations, q) for q in TYPICAL)
    typical = [trace for trace in basis if low <= trace.duration_ns <= high]
    edge = _rank(durations, SLOW)
    slow = [trace for trace in traces if trace.duration_ns >= edge]
    how = f"slow: at least the sample's p99, {text.duration(edge / 1e9)}"
    if len(slow) < FEWEST_SLOW:
        count = max(1, round(SLOWEST_SHARE * len(traces)))
        slow = sorted(traces, key=lambda trace: -trace.duration_ns)[:count]
        how = "slow: the slowest 5 % of the kept traces, because fewer than three reach the p99"
    origin = (
        f"a random sample of {text.plural(len(sample), 'trace')}"
        if sample
        else f"all {text.plural(len(traces), 'kept trace')}, for want of a random sample"
    )
    note = (
        f"typical: p40 to p60 of {origin}; {how}. The slowest of each second are kept on purpose: "
        "slow traces show where time goes, not how often."
    )
    order = _order(traces)
    return SpanTree(
        root, _nodes(order, typical), _nodes(order, slow), len(typical), len(slow), note
    )


def _rank(values: np.ndarray[tuple[int], np.dtype[np.int64]], q: float) -> float:
    rank = max(1, int(np.ceil(round(q * len(values), 9))))
    return float(np.sort(values)[rank - 1])


def _order(traces: list[Trace]) -> list[Path]:
    """Every path, parents first, siblings by when they begin on average."""
    offsets: dict[Path, list[int]] = {}
    for trace in traces:
        for path, step in trace.steps.items():
            offsets.setdefault(path, []).append(step.offset)
    mean = {path: sum(values) / len(values) for path, values in offsets.items()}

    def key(path: Path) -> tuple[tuple[float, str], ...]:
        return tuple((mean[path[: i + 1]], path[i]) for i in range(len(path)))

    return sorted(mean, key=key)


def _nodes(order: list[Path], traces: list[Trace]) -> tuple[SpanNode, ...]:
    """One node a path; all paths in both trees, so that they can be laid side by side."""
    whole = sum(trace.duration_ns for trace in traces)
    nodes = []
    for path in order:
        steps = [trace.steps[path] for trace in traces if path in trace.steps]
        total = sum(step.total for step in steps)
        nodes.append(
            SpanNode(
                name=path[-1],
                depth=len(path) - 1,
                p50_self=median(step.own for step in steps) / 1e9 if steps else None,
                p50_total=median(step.total for step in steps) / 1e9 if steps else None,
                share=total / whole if whole and steps else None,
                count=sum(step.count for step in steps),
            )
        )
    return tuple(nodes)
