"""Locust's own statistics, kept true for requests that fire no event: whole batches at a time.

A file's hooks may read ``environment.stats``. Every request that ended is counted there, with its
service time as Locust rounds it; lengths of bodies are not known.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import locust.stats
import numpy as np

from loadkit.load.cells import Ints
from loadkit.load.fold import CANCELLED
from loadkit.load.recorder import Recorder

_NS_IN_MS = 1e6
_theirs = locust.stats.bucket_response_time


class LocustStats:
    """Takes the recorder's batches into an environment's ``RequestStats``."""

    def __init__(self, environment: Any, recorder: Recorder) -> None:
        self._environment = environment
        self._recorder = recorder
        for event in (environment.events.test_stop, environment.events.quitting):
            event._handlers.insert(0, lambda **_: recorder.fold())  # before the file's own
        recorder.on_fold(self._take)
        recorder.on_error(self._failed)

    def _take(self, codes: Ints, outcomes: Ints, service: Ints) -> None:
        told, stats = self._recorder.told, self._environment.stats
        for code in np.unique(codes).tolist():
            if told(code):
                continue
            chosen = service[(codes == code) & (outcomes != CANCELLED)]
            if len(chosen):
                method, name = self._recorder.parts(code)
                for entry in (stats.total, stats.get(name, method)):
                    _add(entry, chosen / _NS_IN_MS)

    def _failed(self, code: int, kind: str, text: str) -> None:
        if not self._recorder.told(code):
            method, name = self._recorder.parts(code)
            self._environment.stats.log_error(method, name, text or kind)


def _add(entry: Any, times_ms: Any) -> None:
    now = time.time()
    if (
        entry.use_response_times_cache
        and entry.last_request_timestamp
        and int(now) > int(entry.last_request_timestamp)
    ):
        entry._cache_response_times(int(now) - 1)
    count = len(times_ms)
    entry.num_requests += count
    entry.num_reqs_per_sec[int(now)] += count
    entry.last_request_timestamp = now
    low, high = float(times_ms.min()), float(times_ms.max())
    entry.total_response_time += float(times_ms.sum())
    entry.min_response_time = (
        low if entry.min_response_time is None else min(entry.min_response_time, low)
    )
    entry.max_response_time = max(entry.max_response_time, high)
    for value, number in zip(*_rounded(times_ms), strict=True):
        entry.response_times[value] += number


def _rounded(times_ms: Any) -> tuple[list[int], list[int]]:
    """Distinct times as Locust rounds them, and how many of each there are."""
    if locust.stats.bucket_response_time is not _theirs:  # a file may put its own there
        counts = Counter(map(locust.stats.bucket_response_time, times_ms.tolist()))
        return list(counts), list(counts.values())
    # Whole milliseconds below 100, then two digits, and whole seconds in the end.
    digits = 10.0 ** np.searchsorted([100, 1_000, 10_000], times_ms, side="right")
    found, numbers = np.unique((np.round(times_ms / digits) * digits), return_counts=True)
    return found.astype(np.int64).tolist(), numbers.tolist()
