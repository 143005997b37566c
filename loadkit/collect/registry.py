"""All collectors that read while the load runs: one file each, and one line here.

What receives (notifications, spans) must be up before the stack that sends to it, and what
profiles works by stages; those are made where they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loadkit.collect import alertmanager, alerts, host, logs, prometheus, scrape
from loadkit.collect.sources import Given
from loadkit.ports import Collector, Notes, Sink

Factory = Callable[[Given, Sink, Notes], Sequence[Collector]]

COLLECTORS: tuple[Factory, ...] = (
    prometheus.from_given,
    scrape.from_given,
    alerts.from_given,
    alertmanager.from_given,
    logs.from_given,
    host.from_given,
)


def collectors(given: Given, sink: Sink, note: Notes) -> list[Collector]:
    """The collectors for what is given, in the order in which to start them.

    Raises:
        UsageError: an address or a header of the environment is not one.
    """
    return [collector for factory in COLLECTORS for collector in factory(given, sink, note)]
