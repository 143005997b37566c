"""Overlapping chunks of raw samples → rows, each sample once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from loadkit.scrub import scrub

LONGEST_CHUNK_S = 60.0
_LONG = 8  # shorter ones are kinds (token="input"), not secrets

Row = dict[str, Any]


class SampleLog:
    """Numbers the series and remembers the newest sample of each.

    A series has at most one sample a millisecond and grows only at its end, so that (series,
    timestamp) is new exactly when it is later than the newest one. Give chunks in order of time.
    """

    def __init__(self, first: int = 0) -> None:
        """``first``: number of the first series, so that several logs share one bundle."""
        self._first = first
        self._known: dict[frozenset[tuple[str, str]], list[int]] = {}

    @property
    def series_count(self) -> int:
        """Series seen so far."""
        return len(self._known)

    def take(self, result: Iterable[Mapping[str, Any]]) -> tuple[list[Row], list[Row]]:
        """(new rows of ``series``, new rows of ``metrics``) of a query's matrix."""
        series_rows: list[Row] = []
        sample_rows: list[Row] = []
        for entry in result:
            labels: dict[str, str] = entry["metric"]
            key = frozenset(labels.items())
            state = self._known.get(key)
            if state is None:
                state = self._known[key] = [self._first + len(self._known), -(1 << 62)]
                series_rows.append(_series_row(state[0], labels))
            number, newest = state
            for stamp, value in entry["values"]:
                wall_ns = round(stamp * 1_000) * 1_000_000
                if wall_ns > newest:
                    newest = wall_ns
                    sample_rows.append(
                        {"series": number, "wall_ns": wall_ns, "value": float(value)}
                    )
            state[1] = newest
        return series_rows, sample_rows


def _series_row(number: int, labels: Mapping[str, str]) -> Row:
    rest = {key: _kept(key, labels[key]) for key in sorted(labels) if key != "__name__"}
    return {
        "series": number,
        "name": labels.get("__name__", ""),
        "labels": json.dumps(rest, ensure_ascii=False, separators=(",", ":")),
        "job": labels.get("job"),
        "instance": labels.get("instance"),
    }


@lru_cache(maxsize=8192)  # the same few values stand in thousands of series
def _kept(label: str, value: str) -> str:
    """A label's value without secrets: what looks like one, or is long and has such a name."""
    text = scrub(value)
    named = scrub(f"{label}={text}") if len(value) >= _LONG else ""
    return named.removeprefix(f"{label}=") if named else text


def chunks(
    since_s: float, until_s: float, overlap_s: float, longest_s: float = LONGEST_CHUNK_S
) -> Sequence[tuple[float, int]]:
    """(end as Unix time, length in ms) of the chunks that cover ``since_s`` to ``until_s``.

    Each reaches ``overlap_s`` further back than it must: a sample carries the time at which its
    scrape began and can be read only when that has ended.
    """
    ends = []
    start = since_s
    while start < until_s:
        end = min(until_s, start + longest_s)
        ends.append((end, max(1, round((end - start + overlap_s) * 1_000))))
        start = end
    return ends
