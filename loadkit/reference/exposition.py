"""Counters and histograms that cost little to count and little to show.

The client library makes objects of every sample at every scrape: five milliseconds for the few
hundred of this service, which is one request in two hundred when it is scraped each 0.7 s. Here
the text before each value is made once. One thread counts, any other may render: a page is made
from one look at each list, so a histogram's count is always the sum of its buckets.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client.utils import floatToGoString


class Family:
    """One metric: its name, help and label names, and a child for each set of label values."""

    def __init__(
        self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> None:
        """A histogram with upper ``bounds``, ascending; a counter if there are none."""
        self._name = name
        self._labels = tuple(labels)
        self._bounds = tuple(bounds)
        kind = "histogram" if bounds else "counter"
        self._head = f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
        self._children: list[Child] = []

    def child(self, *values: str) -> "Child":
        """A new child, at zero."""
        child = Child(self._name, dict(zip(self._labels, values, strict=True)), self._bounds)
        self._children.append(child)
        return child

    def lines(self) -> Iterator[str]:
        """Text of the metric, in pieces."""
        yield self._head
        for child in list(self._children):
            yield from child.lines()


class Child:
    """Values of one set of labels."""

    __slots__ = ("_bounds", "_counts", "_prefixes", "_sum", "_sum_prefix")

    def __init__(self, name: str, labels: Mapping[str, str], bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        buckets = [f"{name}_bucket{_set({**labels, 'le': _text(b)})} " for b in (*bounds, math.inf)]
        total = f"{name}_count" if bounds else name
        self._prefixes = [*(buckets if bounds else []), f"{total}{_set(labels)} "]
        self._sum_prefix = f"{name}_sum{_set(labels)} "

    def observe(self, value: float) -> None:
        """One value: into the bucket whose bound is the first not below it."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def inc(self) -> None:
        """One event of a counter."""
        self._counts[0] += 1

    def lines(self) -> Iterator[str]:
        """Its lines: buckets, cumulative, then count and sum; or the counter's one."""
        counts = list(accumulate(self._counts))
        counts.append(counts[-1])
        for prefix, count in zip(
            self._prefixes, counts if self._bounds else counts[:1], strict=True
        ):
            yield f"{prefix}{count}.0\n"
        if self._bounds:
            yield f"{self._sum_prefix}{self._sum!r}\n"


def _set(labels: Mapping[str, str]) -> str:
    pairs = (f'{key}="{_escaped(value)}"' for key, value in sorted(labels.items()))
    return f"{{{','.join(pairs)}}}"


def _text(bound: float) -> str:
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
