"""The service's own view of its requests: counters and histograms that it exposes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadkit.analyse.context import Floats
from loadkit.analyse.series import Metrics, Series, increase, rate

HISTOGRAMS = (
    "http_request_duration_seconds",
    "http_server_request_duration_seconds",
    "http_server_requests_seconds",
)
COUNTERS = ("http_requests_total", "http_server_requests_seconds_count")
STATUS_LABELS = ("status", "status_code", "code", "http_response_status_code")
PATH_LABELS = ("path", "route", "http_route", "handler", "uri")
WATCHERS = ("health", "ready", "live", "metrics")
"""Last parts of paths that those who watch ask for, not those who use."""


@dataclass(frozen=True, slots=True)
class ServerSide:
    """What was found: names of the metrics, and the series of user requests."""

    counter: str
    requests: list[Series]
    histogram: str
    buckets: list[Series]

    def traffic(self) -> tuple[Floats, Floats]:
        """Requests a second, at scrapes."""
        return total_rate(self.requests)

    def failures(self) -> list[Series]:
        """Series of answers with status 5xx."""
        return [series for series in self.requests if _status(series).startswith("5")]

    def error_ratio(self, start_s: float, end_s: float) -> float | None:
        """Share of 5xx answers in a stretch."""
        every = sum(increase(series, start_s, end_s) for series in self.requests)
        failed = sum(increase(series, start_s, end_s) for series in self.failures())
        return failed / every if every else None

    def quantile(self, q: float, start_s: float, end_s: float) -> float | None:
        """By the service's buckets, interpolated within one as PromQL does; seconds."""
        counts: dict[float, float] = {}
        for series in self.buckets:
            edge = _edge(series)
            counts[edge] = counts.get(edge, 0.0) + increase(series, start_s, end_s)
        return bucket_quantile(q, counts)


def find(metrics: Metrics) -> ServerSide:
    """Looks under the names that are in use."""
    counter = _first(metrics, COUNTERS)
    histogram = _first(metrics, HISTOGRAMS, "_bucket")
    return ServerSide(
        counter,
        [series for series in metrics.select(counter) if _of_users(series)],
        histogram,
        [series for series in metrics.select(histogram + "_bucket") if _of_users(series)],
    )


def _first(metrics: Metrics, names: tuple[str, ...], suffix: str = "") -> str:
    return next((name for name in names if metrics.select(name + suffix)), names[0])


def _of_users(series: Series) -> bool:
    path = next((series.labels[key] for key in PATH_LABELS if key in series.labels), "")
    return not path.rstrip("/").rsplit("/", 1)[-1].startswith(WATCHERS)


def _status(series: Series) -> str:
    return next((series.labels[key] for key in STATUS_LABELS if key in series.labels), "")


def _edge(series: Series) -> float:
    try:
        return float(series.labels.get("le", "+Inf").replace("+Inf", "inf"))
    except ValueError:
        return float("inf")


def total_rate(series: list[Series]) -> tuple[Floats, Floats]:
    """Rates of many counters of one scrape added up."""
    parts = [(x, y) for x, y in map(rate, series) if len(x)]
    if not parts:
        return np.empty(0), np.empty(0)
    x = max((x for x, _ in parts), key=len)
    total = np.zeros(len(x))
    for own_x, y in parts:
        total += y if len(own_x) == len(x) else np.interp(x, own_x, y, left=0.0)
    return x, total


def bucket_quantile(q: float, cumulative: dict[float, float]) -> float | None:
    """A quantile from cumulative counts by upper edge; the last finite edge when beyond it."""
    edges = sorted(cumulative)
    if not edges or not cumulative[edges[-1]]:
        return None
    wanted = q * cumulative[edges[-1]]
    below_edge, below = 0.0, 0.0
    for edge in edges:
        count = cumulative[edge]
        if count >= wanted:
            if edge == float("inf"):
                return below_edge
            part = (wanted - below) / (count - below) if count > below else 1.0
            return below_edge + (edge - below_edge) * part
        below_edge, below = edge, count
    return below_edge
