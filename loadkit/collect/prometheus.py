"""Reads raw samples from Prometheus while the load runs, a few seconds at a time.

One that dies loses the last few seconds; one that comes back is asked for what was missed.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from loadkit.collect import prometheus_select as select
from loadkit.collect import subject
from loadkit.collect.access import Access
from loadkit.collect.fetch import base_url
from loadkit.collect.metadata import Metadata
from loadkit.collect.periodic import Outage, Periodic
from loadkit.collect.prometheus_api import PrometheusApi
from loadkit.collect.prometheus_samples import Row, SampleLog, chunks
from loadkit.collect.sources import Given
from loadkit.errors import CollectError
from loadkit.model import Finding, Severity
from loadkit.ports import Notes, Sink
from loadkit.scrub import scrub

STEP_S = 5.0
MOST_SERIES = 20_000
_SKEW_S = 1.0
_RULES_EVERY_S = 60.0
_DEFAULT_INTERVAL_S = 15.0
_LIVE_FOR_S = 0.9

Deliver = Callable[[list[Row], list[Row]], None]

LIVE: Mapping[str, str] = {
    # shares in use, 0 to 1, named for people
    "service CPU": 'max(rate(process_cpu_seconds_total{JOBS,job!="prometheus"}[WINDOW]))',
    "connection pool": "max(database_pool_in_use{JOBS} / (database_pool_size{JOBS} > 0))",
    "store queue": "max(store_queue_depth{JOBS} / (store_queue_capacity{JOBS} > 0))",
    "store writer": "max(rate(store_writer_busy_seconds_total{JOBS}[WINDOW]))",
    "host CPU": '1 - avg(rate(node_cpu_seconds_total{JOBS,mode="idle"}[WINDOW]))',
}
GAUGES: Mapping[str, str] = {
    # in their own units
    "event loop lag, s": "max(event_loop_lag_max_seconds{JOBS})",
    "requests in flight": "sum(http_requests_in_flight{JOBS})",
}


class PrometheusCollector:
    """A collector of ``series`` and ``metrics``.

    Args:
        url: Prometheus' root.
        sink: takes the rows.
        note: takes findings: ``prometheus-lost``, ``clock-skew``.
        job_selectors: names or regular expressions of the jobs to read; all by default.
        alert_names: the alerts whose states are read; all by default.
        selector: further matchers of all that is read, such as ``{namespace="shop"}``.
        access: headers and TLS.
        target: where load goes to: all that its instance exposes is read.
        step_s: how often it is read, in seconds.
        most_series: more than these in the chosen jobs are refused rather than read.

    Raises:
        UsageError: the URL is none.
    """

    name = "prometheus"

    def __init__(
        self,
        url: str,
        *,
        sink: Sink,
        note: Notes,
        job_selectors: Sequence[str] | None = None,
        alert_names: Iterable[str] | None = None,
        selector: str | None = None,
        access: Access | None = None,
        target: str | None = None,
        step_s: float = STEP_S,
        most_series: int = MOST_SERIES,
    ) -> None:
        self.url = base_url(url, "--prometheus")
        self._sink = sink
        self._note = note
        self._jobs = tuple(job_selectors) if job_selectors else None
        self._alerts = tuple(alert_names) if alert_names else None
        self._most_series = most_series
        self._api = PrometheusApi(self.url, access)
        self._live_api = PrometheusApi(self.url, access, timeout_s=2)
        self._log = SampleLog()
        self._outage = Outage(note, "prometheus-lost", "Prometheus", "its samples")
        self._periodic = Periodic(self._step, step_s, self._outage)
        self._selector = selector
        self._job_selectors = (
            *select.job_selectors(self._jobs, selector),
            *subject.selectors(target, self._jobs, selector),
        )
        self._metadata = Metadata(sink)
        self._rule_selectors: tuple[str, ...] = select.rule_selectors((), self._alerts, selector)
        self._rules_read_at = -math.inf
        self._ahead_of_mono_s = 0.0
        self._interval_s = _DEFAULT_INTERVAL_S
        self._overlap_s = _DEFAULT_INTERVAL_S
        self._read_until = 0.0
        self._live: dict[str, float] = {}
        self._live_at = -math.inf
        self._started = False

    async def start(self) -> None:
        """See Collector.

        Raises:
            CollectError: no Prometheus answers there, or its chosen jobs have too many series.
        """
        await asyncio.to_thread(self._open)
        self._started = True
        self._periodic.start()

    async def stop(self) -> None:
        """See Collector."""
        await self._periodic.stop()
        if self._started:
            self._started = False
            await self._periodic.once(final=True)
        self._api.close()
        self._live_api.close()

    def _open(self) -> None:
        self._warn_of_skew(self._set_clock())
        intervals = self._api.scrape_intervals()
        if intervals:
            self._interval_s = max(min(intervals.values()), 0.1)
            # A scrape may take as long as its interval before its sample can be read.
            self._overlap_s = min(60.0, max(intervals.values()) + 1.0)
        self._refuse_too_many()
        self._read_rules()
        self._read_until = self._server_time() - self._interval_s

    def _set_clock(self) -> float:
        # Held against the monotonic clock: a step of ours would leave a hole in the samples.
        offset_s = self._api.clock_offset()
        self._ahead_of_mono_s = time.time() + offset_s - time.monotonic()
        return offset_s

    def _server_time(self) -> float:
        return time.monotonic() + self._ahead_of_mono_s

    def _warn_of_skew(self, offset_s: float) -> None:
        if abs(offset_s) < _SKEW_S:
            return
        self._note(
            Finding(
                "clock-skew",
                Severity.WARNING,
                f"Prometheus' clock is {offset_s:+.1f} s off this machine's; its samples "
                "appear shifted by that much.",
                {"source": scrub(self.url), "offset, s": f"{offset_s:.3f}"},
            )
        )

    def _refuse_too_many(self) -> None:
        counted = self._api.query(f"count({self._job_selectors[0]})")
        count = int(float(counted[0]["value"][1])) if counted else 0
        if count > self._most_series:
            raise CollectError(
                f"its jobs have {count} series, more than {self._most_series}",
                where=scrub(self.url),
                remedy="Choose those under test: --prometheus-job NAME, or [prometheus] selector.",
            )

    def _read_rules(self) -> None:
        names = self._api.rule_names()
        self._rule_selectors = select.rule_selectors(names, self._alerts, self._selector)
        self._rules_read_at = time.monotonic()

    async def _step(self) -> None:
        # In a thread because requests blocks, and so that decoding does not hold up the loop.
        # What was read before an error is kept: the rows of each chunk are handed over at once.
        loop = asyncio.get_running_loop()

        def deliver(series: list[Row], samples: list[Row]) -> None:
            loop.call_soon_threadsafe(self._deliver, series, samples)

        await asyncio.to_thread(self._read, deliver)
        await self._metadata.step(self._api)

    def _read(self, deliver: Deliver) -> None:
        if time.monotonic() - self._rules_read_at > _RULES_EVERY_S:
            self._read_rules()
            self._set_clock()
        for end, length_ms in chunks(self._read_until, self._server_time(), self._overlap_s):
            results = [
                self._api.query(f"{selector}[{length_ms}ms]", end)
                for selector in (*self._job_selectors, *self._rule_selectors)
            ]
            # Only a chunk that was read whole is taken: a half one is read again next time.
            for result in results:
                deliver(*self._log.take(result))
            self._read_until = end

    def _deliver(self, series: list[Row], samples: list[Row]) -> None:
        if series:
            self._metadata.seen(series)
            self._sink.append("series", series)
        if samples:
            self._sink.append("metrics", samples)

    async def latest(self) -> dict[str, float]:
        """Resource → share in use, for people to watch: ``LIVE``. What is not known lacks.

        Empty while Prometheus does not answer. Asks at most once in 0.9 s.
        """
        now = time.monotonic()
        if now - self._live_at >= _LIVE_FOR_S:
            self._live_at = now
            try:
                result = await asyncio.to_thread(self._live_api.query, self._live_query())
            except CollectError:
                result = []
            self._live = {
                entry["metric"]["live"]: value
                for entry in result
                if math.isfinite(value := float(entry["value"][1]))
            }
        return {name: value for name, value in self._live.items() if name in LIVE}

    @property
    def gauges(self) -> dict[str, float]:
        """The values of ``GAUGES``, as of the last :meth:`latest`."""
        return {name: value for name, value in self._live.items() if name in GAUGES}

    def _live_query(self) -> str:
        # One request for all of them.
        window = f"{round(max(4 * self._interval_s, 2.0) * 1_000)}ms"
        jobs = select.job_matcher(self._jobs, self._selector)
        return " or ".join(
            f"label_replace({_filled(text, jobs, window)}, {select.quoted('live')}, "
            f'{select.quoted(name)}, "", "")'
            for name, text in {**LIVE, **GAUGES}.items()
        )


def _filled(text: str, jobs: str, window: str) -> str:
    return text.replace("JOBS", jobs).replace("WINDOW", window)


def from_given(given: Given, sink: Sink, note: Notes) -> list[PrometheusCollector]:
    """The collector of a run; none without a Prometheus."""
    if given.prometheus is None:
        return []
    return [
        PrometheusCollector(
            given.prometheus,
            sink=sink,
            note=note,
            job_selectors=given.prometheus_jobs or None,
            selector=given.prometheus_selector,
            access=given.access.get("prometheus"),
            target=given.target,
        )
    ]
