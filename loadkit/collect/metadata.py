"""What Prometheus knows of the metrics that are read: their types, descriptions and units.

A server that has no such API, or stopped answering, costs nothing but the descriptions: types are
then told by the names of series.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

from loadkit.collect.prometheus_api import PrometheusApi
from loadkit.collect.prometheus_samples import Row
from loadkit.errors import CollectError
from loadkit.ports import Sink
from loadkit.scrub import scrub

EVERY_S = 60.0
_ENDINGS = ("", "_total", "_bucket", "_count", "_sum")


class Metadata:
    """Writes a row of ``metric_info`` for each metric of which a series was read."""

    def __init__(self, sink: Sink, every_s: float = EVERY_S) -> None:
        self._sink = sink
        self._every_s = every_s
        self._names: set[str] = set()
        self._fresh = False
        self._written: set[str] = set()
        self._asked_at: float | None = None

    def seen(self, series: Iterable[Row]) -> None:
        """Notes the names of new series."""
        for row in series:
            if row["name"] not in self._names:
                self._names.add(row["name"])
                self._fresh = True

    async def step(self, api: PrometheusApi) -> None:
        """Asks where there are new names, at most once in ``every_s`` seconds."""
        now = time.monotonic()
        recent = self._asked_at is not None and now - self._asked_at < self._every_s
        if not self._fresh or recent:
            return
        try:
            found = await asyncio.to_thread(api.metadata)
        except CollectError:
            self._asked_at = now  # it may have no such API: no need to ask at every step
            return
        rows = [row for row in info_rows(found, self._names) if row["name"] not in self._written]
        self._written.update(row["name"] for row in rows)
        if rows:  # else it has only begun to scrape: asked again at the next step
            self._asked_at, self._fresh = now, False
            self._sink.append("metric_info", rows)


def info_rows(metadata: Mapping[str, Any], names: Iterable[str]) -> list[Row]:
    """Rows of the metrics of which a series has been seen. What is no metadata is passed over."""
    known = set(names)
    rows: list[Row] = []
    for name in sorted(metadata):
        said = metadata[name]
        if not isinstance(said, list) or not said or not isinstance(said[0], dict):
            continue
        if not any(name + ending in known for ending in _ENDINGS):
            continue
        kind, text, unit = (str(said[0].get(key) or "") for key in ("type", "help", "unit"))
        rows.append(
            {
                "name": name,
                "type": kind or "unknown",
                "help": scrub(text, 500) or None,
                "unit": unit or None,
            }
        )
    return rows
