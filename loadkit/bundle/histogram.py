"""Log-linear histograms of integer nanoseconds.

A bucket is one of ``2**bits`` equal parts of a power of two, so its width is at most ``2**-bits``
of its lower edge, and a value read from the middle of its bucket is off by at most half of that:
0.098% with FINE, 0.78% with COARSE. Values below ``2**(bits+1)`` ns have a bucket each. Buckets of
COARSE are unions of buckets of FINE, so the one can be made from the other exactly. Count, sum,
minimum and maximum are exact. Merging adds numbers: neither order nor grouping matters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

FINE = 9
COARSE = 6


def bucket_of(value_ns: int, bits: int = FINE) -> int:
    """Index of the bucket that holds a value (ns, at least 0)."""
    shift = value_ns.bit_length() - bits - 1
    return (shift << bits) + (value_ns >> shift) if shift > 0 else value_ns


def bucket_edges(index: int, bits: int = FINE) -> tuple[int, int]:
    """First and last whole value of a bucket, ns."""
    shift = max(0, (index >> bits) - 1)
    low = (index - (shift << bits)) << shift
    return low, low + (1 << shift) - 1


def coarser(buckets: Mapping[int, int]) -> dict[int, int]:
    """Buckets of FINE as buckets of COARSE."""
    result: dict[int, int] = {}
    for index, count in buckets.items():
        into = bucket_of(bucket_edges(index)[0], COARSE)
        result[into] = result.get(into, 0) + count
    return result


@dataclass(slots=True)
class Histogram:
    """Counts per bucket, with exact count, sum, minimum and maximum (ns)."""

    bits: int = FINE
    count: int = 0
    sum_ns: int = 0
    min_ns: int | None = None
    max_ns: int | None = None
    buckets: dict[int, int] = field(default_factory=dict)

    def record(self, value_ns: int, count: int = 1) -> None:
        """Adds a value ``count`` times. Values below 0 count as 0: a clock never runs back."""
        value_ns = max(0, value_ns)
        index = bucket_of(value_ns, self.bits)
        self.buckets[index] = self.buckets.get(index, 0) + count
        self._extend(count, value_ns * count, value_ns, value_ns)

    def merge(self, other: Histogram) -> None:
        """Adds all of another one.

        Raises:
            ValueError: its buckets are of another width.
        """
        if other.bits != self.bits:
            raise ValueError(f"cannot merge buckets of {other.bits} bits into {self.bits}")
        self.merge_row(other.count, other.sum_ns, other.min_ns, other.max_ns, other.buckets.items())

    def merge_row(
        self,
        count: int,
        sum_ns: int,
        min_ns: int | None,
        max_ns: int | None,
        buckets: Iterable[tuple[int, int]],
    ) -> None:
        """Adds a histogram given as the columns of a table row."""
        if not count or min_ns is None or max_ns is None:
            return
        own = self.buckets
        for index, number in buckets:
            own[index] = own.get(index, 0) + number
        self._extend(count, sum_ns, min_ns, max_ns)

    def _extend(self, count: int, sum_ns: int, min_ns: int, max_ns: int) -> None:
        self.count += count
        self.sum_ns += sum_ns
        self.min_ns = min_ns if self.min_ns is None else min(self.min_ns, min_ns)
        self.max_ns = max_ns if self.max_ns is None else max(self.max_ns, max_ns)

    def quantile(self, q: float) -> float | None:
        """The value at nearest rank, ns; None when empty.

        The rank is ``ceil(q * count)``, at least 1 (nearest-rank definition). The value is the
        middle of its bucket, kept within the exact minimum and maximum.
        """
        if not self.count or self.min_ns is None or self.max_ns is None:
            return None
        # The product of two floats may land just above a whole number: 0.07 * 100 is not 7.
        rank = max(1, math.ceil(round(q * self.count, 9)))
        if rank >= self.count:
            return float(self.max_ns)
        seen = 0
        for index in sorted(self.buckets):
            seen += self.buckets[index]
            if seen >= rank:
                low, high = bucket_edges(index, self.bits)
                return float(min(max((low + high) / 2, self.min_ns), self.max_ns))
        raise AssertionError("the buckets hold fewer values than the count says")

    def count_above(self, value_ns: int) -> int:
        """How many values lie in buckets wholly above a value (ns)."""
        return sum(n for i, n in self.buckets.items() if bucket_edges(i, self.bits)[0] > value_ns)

    @property
    def mean_ns(self) -> float | None:
        """Exact mean, ns; None when empty."""
        return self.sum_ns / self.count if self.count else None

    def coarse(self) -> Histogram:
        """The same values in COARSE buckets."""
        if self.bits == COARSE:
            return self
        return Histogram(
            COARSE, self.count, self.sum_ns, self.min_ns, self.max_ns, coarser(self.buckets)
        )
