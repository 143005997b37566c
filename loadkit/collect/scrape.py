"""Reads expositions directly, without a Prometheus: the same tables as one would give.

Each scrape is stamped with the moment at which it began, by this machine's clock, as Prometheus
does; ``up``, ``scrape_duration_seconds`` and ``scrape_samples_scraped`` are written beside it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from loadkit.collect.access import Access
from loadkit.collect.exposition import (
    ACCEPT,
    MOST_BYTES,
    MOST_SAMPLES,
    Exposition,
    Sample,
    read_exposition,
)
from loadkit.collect.fetch import TIMEOUT_S, Fetcher, base_url
from loadkit.collect.periodic import Outage, Periodic
from loadkit.collect.prometheus_samples import Row, SampleLog
from loadkit.collect.sources import Given
from loadkit.errors import CollectError
from loadkit.model import Finding, Severity
from loadkit.model.roles import MetricInfo
from loadkit.ports import Notes, Sink
from loadkit.scrub import scrub

INTERVAL_S = 1.0
SLOW_SHARE = 0.1
"""More scrapes than this share that took longer than the interval are told."""

_APART = 1_000_000_000
"""Numbers between the first series of two scrapers: more than a run can have."""

_OWN_LABELS = ("job", "instance")


class ExpositionCollector:
    """A collector of ``series``, ``metrics`` and ``metric_info``, for one address.

    Args:
        url: of the exposition.
        sink: takes the rows.
        note: takes findings: ``metrics-lost``, ``metrics-slow``.
        access: headers and TLS.
        interval_s: how often it is read, in seconds.
        number: which of the run's expositions this is, from 0.
        job: the job's name; host and port unless given.
        most_samples: an exposition with more is refused.

    Raises:
        UsageError: the URL is none, or a certificate cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        sink: Sink,
        note: Notes,
        access: Access | None = None,
        interval_s: float = INTERVAL_S,
        number: int = 0,
        job: str | None = None,
        most_samples: int = MOST_SAMPLES,
    ) -> None:
        base_url(url, "--metrics")
        self.url = url
        self.instance = urlsplit(url).netloc.rpartition("@")[2]
        self.job = job or self.instance
        self.name = f"metrics {self.instance}"
        self._sink = sink
        self._note = note
        self._interval_s = interval_s
        self._most_samples = most_samples
        self._within_s = max(interval_s, float(TIMEOUT_S))
        self._fetcher = Fetcher(url, access, timeout_s=self._within_s)
        self._log = SampleLog((number + 1) * _APART)
        self._infos: set[MetricInfo] = set()
        self._outage = Outage(note, "metrics-lost", f"The exposition of {self.job}", "its samples")
        self._periodic = Periodic(self._step, interval_s, self._outage)
        self._took_s: list[float] = []
        self._started = False

    async def start(self) -> None:
        """See Collector.

        Raises:
            CollectError: nothing answers there, or something that is no exposition.
        """
        try:
            await self._step()
        except BaseException:
            await self._fetcher.close()
            raise
        self._started = True
        self._periodic.start()

    async def stop(self) -> None:
        """See Collector."""
        await self._periodic.stop()
        if self._started:
            self._started = False
            await self._periodic.once(final=True)
            self._warn_of_slowness()
        await self._fetcher.close()

    async def _step(self) -> None:
        began, stamp_s = time.monotonic(), time.time()
        try:
            text, kind = await self._fetcher.text(ACCEPT, MOST_BYTES, self._within_s)
            # In a thread: a large one takes as long to parse as a collector may hold up the loop.
            found = await asyncio.to_thread(
                read_exposition, text, kind, self.url, self._most_samples
            )
        except CollectError:
            self._write((), (Sample("up", {}, 0.0),), stamp_s)
            raise
        took_s = time.monotonic() - began
        self._took_s.append(took_s)
        self._write(found.infos, (*found.samples, *_about(found, took_s)), stamp_s)

    def _write(
        self, infos: Sequence[MetricInfo], samples: Sequence[Sample], stamp_s: float
    ) -> None:
        matrix: list[dict[str, Any]] = [
            {
                "metric": {"__name__": one.name, **self._labels(one.labels)},
                "values": [(stamp_s if one.stamp_s is None else one.stamp_s, one.value)],
            }
            for one in samples
        ]
        series, values = self._log.take(matrix)
        self._append("series", series)
        self._append("metrics", values)
        fresh = [info for info in infos if info not in self._infos]
        self._infos.update(fresh)
        self._append("metric_info", info_rows(fresh))

    def _labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        # What a service calls by the names that are the scraper's is kept under another.
        own = {f"exported_{k}" if k in _OWN_LABELS else k: v for k, v in labels.items() if v}
        return {**own, "job": self.job, "instance": self.instance}

    def _append(self, table: str, rows: Sequence[Row]) -> None:
        if rows:
            self._sink.append(table, rows)

    def _warn_of_slowness(self) -> None:
        slow = [took for took in self._took_s if took > self._interval_s]
        if len(slow) <= SLOW_SHARE * len(self._took_s):
            return
        self._note(
            Finding(
                "metrics-slow",
                Severity.WARNING,
                f"{len(slow)} of {len(self._took_s)} readings of {scrub(self.url)} took longer "
                f"than the {self._interval_s:g} s between two; its series have fewer points.",
                {"longest, s": f"{max(slow):.2f}", "interval, s": f"{self._interval_s:g}"},
            )
        )


def info_rows(infos: Sequence[MetricInfo]) -> list[Row]:
    """Rows of ``metric_info``."""
    return [
        {"name": i.name, "type": i.type, "help": i.help or None, "unit": i.unit or None}
        for i in infos
    ]


def _about(found: Exposition, took_s: float) -> tuple[Sample, ...]:
    return (
        Sample("up", {}, 1.0),
        Sample("scrape_duration_seconds", {}, took_s),
        Sample("scrape_samples_scraped", {}, float(len(found.samples))),
    )


async def fetch_exposition(url: str, access: Access | None = None) -> Exposition:
    """Reads one once.

    Raises:
        UsageError: the URL is none.
        CollectError: nothing answers there, or something that is no exposition.
    """
    base_url(url, "--metrics")
    fetcher = Fetcher(url, access)
    try:
        text, kind = await fetcher.text(ACCEPT, MOST_BYTES, float(TIMEOUT_S))
        return await asyncio.to_thread(read_exposition, text, kind, url)
    finally:
        await fetcher.close()


def from_given(given: Given, sink: Sink, note: Notes) -> list[ExpositionCollector]:
    """A collector for each address of ``[metrics] urls``."""
    if given.metrics is None:
        return []
    return [
        ExpositionCollector(
            url,
            sink=sink,
            note=note,
            access=given.access.get("metrics"),
            interval_s=given.metrics.interval,
            number=number,
        )
        for number, url in enumerate(dict.fromkeys(given.metrics.urls))
    ]
