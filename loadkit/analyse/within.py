"""Inside the service: gauges of work that waits, counters of what was lost."""

from __future__ import annotations

from collections.abc import Iterator

from loadkit.analyse.roles_saturation import joined
from loadkit.analyse.roles_words import FLYING, FREE, LIMITS, NOT_PAIRED, WAITING
from loadkit.analyse.series import Metrics, Series
from loadkit.analyse.subject import Subject

MACHINE = ("node_load1",)
MOST = 12
"""More counters of losses than this: only those that grew are told."""

_LOSSES = ("_dropped_total", "_errors_total", "_failed_total", "_errs_total", "_failures_total")


def waiting(metrics: Metrics, subject: Subject) -> Iterator[Series]:
    """Queues, pools, the event loop's lag, requests in flight, and the machine's load average."""
    for name in metrics.names:
        if name in MACHINE:
            yield from metrics.select(name)[:1]
        elif _waits(name):
            yield from [s for s in metrics.select(name) if subject.near(s)][:1]


def _waits(name: str) -> bool:
    words = joined(name.lower().split("_"))
    said = set(words)
    if name.endswith(("_total", "_count", "_sum", "_bucket", "_info", "_created")):
        return False
    if name.startswith(NOT_PAIRED) or said & FREE or (said & set(LIMITS) and "lag" not in said):
        return False
    flying = said & FLYING or name.endswith("_active_requests")
    return bool(flying or said & WAITING or name.endswith(("_queue_length", "_queue_size")))


def losses(metrics: Metrics, subject: Subject) -> dict[str, list[Series]]:
    """Counters of what was lost or went wrong inside the service, by name."""
    found = {
        name: own
        for name in metrics.names
        if name.endswith(_LOSSES) or ("_dropped_" in name and name.endswith("_total"))
        if (own := [s for s in metrics.select(name) if subject.near(s)])
    }
    if len(found) <= MOST:
        return found
    grew = {
        name: own for name, own in found.items() if any(s.v[-1] > s.v[0] for s in own if len(s.v))
    }
    return dict(list(grew.items())[:MOST])
