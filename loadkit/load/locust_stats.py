"""Locust's own statistics, kept true for requests that fire no event: all of a second at once.

A file's hooks may read ``environment.stats``. Every request that ended is counted there, with its
service time as Locust rounds it; lengths of bodies are not known.
"""

from __future__ import annotations

import time
from typing import Any

import locust.stats
import numpy as np
import numpy.typing as npt

from loadkit.load.cells import Ints, starts_of
from loadkit.load.fold import CANCELLED
from loadkit.load.recorder import Recorder

Floats = npt.NDArray[np.float64]

_NS_IN_MS = 1e6
_MOST = 100_000  # requests that are kept for the next second
_theirs = locust.stats.bucket_response_time


class LocustStats:
    """Takes the recorder's batches into an environment's ``RequestStats``."""

    def __init__(self, environment: Any, recorder: Recorder) -> None:
        self._environment = environment
        self._recorder = recorder
        self._parts: list[tuple[Ints, Ints]] = []
        self._size = 0
        recorder.on_fold(self._take)
        recorder.on_error(self._failed)
        recorder.on_drain(self.flush)
        for event in (environment.events.test_stop, environment.events.quitting):
            event._handlers.insert(0, self._catch_up)  # before the file's own

    def _catch_up(self, **_: Any) -> None:
        self._recorder.fold()
        self.flush()

    def _take(self, codes: Ints, outcomes: Ints, service: Ints) -> None:
        keep = ~self._recorder.told_codes()[codes] & (outcomes != CANCELLED)
        if keep.any():
            self._parts.append((codes[keep], service[keep]))
            self._size += len(codes)
        if self._size > _MOST:
            self.flush()

    def _failed(self, code: int, kind: str, text: str) -> None:
        if self._recorder.told_codes()[code]:
            return
        method, name = self._recorder.parts(code)
        self._environment.stats.log_error(method, name, text or kind)

    def flush(self) -> None:
        """Hands over what has gathered."""
        if not self._parts:
            return
        codes = np.concatenate([part[0] for part in self._parts])
        times = np.concatenate([part[1] for part in self._parts]) / _NS_IN_MS
        self._parts, self._size = [], 0
        order = np.argsort(codes, kind="stable")
        codes, times = codes[order], times[order]
        stats = self._environment.stats
        starts = starts_of(codes)
        entries = [stats.get(name, method) for method, name in map(self._parts_of, codes[starts])]
        rounded = _rounded(times)
        _add_all(entries, times, starts, rounded)
        _add_all([stats.total], times, np.zeros(1, np.int64), rounded)

    def _parts_of(self, code: int) -> tuple[str, str]:
        return self._recorder.parts(code)


def _add_all(entries: list[Any], times: Floats, starts: Ints, rounded: Ints) -> None:
    """Adds times (ms), cut at ``starts``, to an entry each; ``rounded`` as Locust keeps them."""
    counts = np.diff(starts, append=len(times))
    columns = (
        counts,
        np.add.reduceat(times, starts),
        np.minimum.reduceat(times, starts),
        np.maximum.reduceat(times, starts),
    )
    now = time.time()
    for entry, *numbers in zip(entries, *(column.tolist() for column in columns), strict=True):
        _add(entry, now, *numbers)
    owners = np.repeat(np.arange(len(entries)), counts)
    keys, numbers = np.unique((owners << 40) | rounded, return_counts=True)
    for key, number in zip(keys.tolist(), numbers.tolist(), strict=True):
        entries[key >> 40].response_times[key & ((1 << 40) - 1)] += number


def _add(entry: Any, now: float, count: int, total: float, low: float, high: float) -> None:
    last = entry.last_request_timestamp
    if entry.use_response_times_cache and last and int(now) > int(last):
        entry._cache_response_times(int(now) - 1)
    entry.num_requests += count
    entry.num_reqs_per_sec[int(now)] += count
    entry.last_request_timestamp = now
    entry.total_response_time += total
    shortest = entry.min_response_time
    entry.min_response_time = low if shortest is None else min(shortest, low)
    entry.max_response_time = max(entry.max_response_time, high)


def _rounded(times: Floats) -> Ints:
    """Times (ms) as Locust rounds them."""
    if locust.stats.bucket_response_time is not _theirs:  # a file may put its own there
        return np.array([int(locust.stats.bucket_response_time(t)) for t in times.tolist()])
    # Whole milliseconds below 100, then two digits, and whole seconds in the end.
    digits = 10.0 ** np.searchsorted([100, 1_000, 10_000], times, side="right")
    return (np.round(times / digits) * digits).astype(np.int64)
