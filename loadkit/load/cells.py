"""Histograms of whole batches of values: sorted once, then counted, summed and merged as arrays.

A place says where a value belongs; it is one integer (``loadkit.load.places``). Buckets are those
of ``loadkit.bundle.histogram`` with FINE, exactly. Counts, sums, minima and maxima are exact.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from loadkit.bundle.histogram import FINE

Ints = npt.NDArray[np.int64]
Columns = tuple[int, int, int, int, int, list[int], list[int]]

_VALUE_BITS = 48  # 78 hours in ns: above, a slower way of the same result is taken
_LARGE = 1 << _VALUE_BITS
_BUCKET_BITS = 15  # the largest bucket of an int64 is 28,159
_MOST_PAIRS = 32_768


def buckets_of(values: Ints) -> Ints:
    """``bucket_of`` of each value (ns, at least 0), whatever its magnitude."""
    # A float64 holds 53 bits: of larger values the lowest 16 are left out of the measuring.
    large = values >= _LARGE
    _, bits = np.frexp(np.where(large, values >> 16, values).astype(np.float64))
    shift = np.maximum(bits.astype(np.int64) + np.where(large, 16, 0) - (FINE + 1), 0)
    found: Ints = (shift << FINE) + (values >> shift)
    return found


def order_of(groups: Ints, values: Ints) -> Ints:
    """The order by group, and by value within each; both at least 0, groups below 32,768."""
    if len(values) and int(values.max()) >= _LARGE:
        return np.lexsort((values, groups))
    return np.argsort((groups << _VALUE_BITS) | values)


def starts_of(ordered: Ints) -> Ints:
    """Where each run of equal numbers begins."""
    return np.concatenate(([0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1))


def grouped(places: Ints) -> tuple[Ints, Ints]:
    """The distinct places, ascending, and of each entry the index of its own among them."""
    if len(places) and int(places.min()) == int(places.max()):
        return places[:1], np.zeros(len(places), np.int64)
    distinct = np.unique(places)
    return distinct, np.searchsorted(distinct, places)


class Cells:
    """Histograms by place, being filled."""

    def __init__(self) -> None:
        self._ids: dict[int, int] = {}
        self._count: list[int] = []
        self._total: list[int] = []
        self._low: list[int] = []
        self._high: list[int] = []
        self._pairs: list[tuple[Ints, Ints]] = []
        self._size = 0

    def add(self, places: Ints, groups: Ints, values: Ints) -> None:
        """Records values, ns, at least 0 and sorted as ``order_of`` has it.

        ``groups`` are indices into ``places``; each place has at least one value.
        """
        starts = starts_of(groups)
        ends = np.append(starts[1:], len(groups))
        ids = [self._id(place) for place in places.tolist()]
        lows, highs = values[starts].tolist(), values[ends - 1].tolist()
        columns = (ids, (ends - starts).tolist(), _sums(values, starts, highs), lows, highs)
        for own, count, total, low, high in zip(*columns, strict=True):
            self._count[own] += count
            self._total[own] += total
            self._low[own] = low if self._low[own] < 0 else min(low, self._low[own])
            self._high[own] = max(high, self._high[own])
        keys = (np.array(ids, np.int64)[groups] << _BUCKET_BITS) | buckets_of(values)
        # Ascending within a group, and no group is cut in two: equal keys are neighbours.
        firsts = starts_of(keys)
        self._pairs.append((keys[firsts], np.diff(firsts, append=len(keys))))
        self._size += len(firsts)
        if self._size > _MOST_PAIRS:
            self._compress()

    def _id(self, place: int) -> int:
        own = self._ids.get(place)
        if own is None:
            own = self._ids[place] = len(self._ids)
            self._count.append(0)
            self._total.append(0)
            self._low.append(-1)
            self._high.append(0)
        return own

    def _compress(self) -> None:
        keys = np.concatenate([pair[0] for pair in self._pairs])
        counts = np.concatenate([pair[1] for pair in self._pairs])
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        firsts = starts_of(keys)
        self._pairs = [(keys[firsts], np.add.reduceat(counts[order], firsts))]
        # What could not be made smaller must not be tried again at once.
        self._size = len(firsts) // 2

    def columns(self) -> Iterator[Columns]:
        """(place, count, sum, min, max, buckets ascending, counts) of each place."""
        if not self._pairs:
            return
        self._compress()
        ((keys, counts),) = self._pairs
        firsts = starts_of(keys >> _BUCKET_BITS).tolist()
        buckets = (keys & ((1 << _BUCKET_BITS) - 1)).tolist()
        numbers = counts.tolist()
        places = list(self._ids)
        for own, (start, end) in enumerate(zip(firsts, [*firsts[1:], len(buckets)], strict=True)):
            yield (
                places[own],
                self._count[own],
                self._total[own],
                self._low[own],
                self._high[own],
                buckets[start:end],
                numbers[start:end],
            )


def _sums(values: Ints, starts: Ints, highs: list[int]) -> list[int]:
    """Exact sums of each group: an int64 holds them unless a value is a matter of days."""
    if max(highs) * len(values) < 1 << 62:
        return np.add.reduceat(values, starts).tolist()  # type: ignore[no-any-return]
    ends = [*starts.tolist()[1:], len(values)]
    return [sum(values[a:b].tolist()) for a, b in zip(starts.tolist(), ends, strict=True)]
