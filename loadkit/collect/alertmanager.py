"""Follows an Alertmanager that is already there, whose notifications go to somebody else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from loadkit.collect.access import Access
from loadkit.collect.alerts import labels_text, wall_ns
from loadkit.collect.answers import not_json
from loadkit.collect.fetch import Fetcher, base_url
from loadkit.collect.periodic import Outage, Periodic
from loadkit.collect.sources import Given
from loadkit.ports import Notes, Sink
from loadkit.scrub import scrub

EVERY_S = 1.0
INTEGRATION = "alertmanager"
_ALERTS = "/api/v2/alerts"


class AlertmanagerPoller:
    """A collector of ``notifications`` with the integration ``alertmanager``.

    A row says that Alertmanager held an alert for a receiver from then on (``firing``), or no
    longer (``resolved``); whether it was delivered there is not to be seen from here. Alerts that
    are silenced or inhibited go to nobody and make no row.

    Args:
        url: Alertmanager's root.
        sink: takes the rows.
        note: takes the finding ``alertmanager-lost``.
        access: headers and TLS.
        states: also write ``alert_states``; for when no Prometheus is read.
        every_s: how often it asks, in seconds.

    Raises:
        UsageError: the URL is none.
    """

    name = "alertmanager"

    def __init__(
        self,
        url: str,
        *,
        sink: Sink,
        note: Notes,
        access: Access | None = None,
        states: bool = False,
        every_s: float = EVERY_S,
    ) -> None:
        self._sink = sink
        self._states = states
        self._fetcher = Fetcher(base_url(url, "--alertmanager"), access)
        outage = Outage(note, "alertmanager-lost", "Alertmanager", "its alerts", tolerate=2)
        self._periodic = Periodic(self._step, every_s, outage)
        self._held: dict[tuple[str, str], dict[str, Any]] = {}
        self._started = False

    async def start(self) -> None:
        """See Collector."""
        await self._step()
        self._started = True
        self._periodic.start()

    async def stop(self) -> None:
        """See Collector."""
        await self._periodic.stop()
        if self._started:
            self._started = False
            await self._periodic.once(final=True)
        await self._fetcher.close()

    async def _step(self) -> None:
        document = await self._fetcher.json(_ALERTS)
        mono_ns = time.monotonic_ns()
        try:
            active = [alert for alert in document if alert["status"]["state"] == "active"]
            held = {
                (labels_text(alert["labels"]), str(receiver["name"])): alert
                for alert in active
                for receiver in alert["receivers"]
            }
            states = [_state_row(alert, mono_ns) for alert in active]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise not_json(f"{self._fetcher.url}{_ALERTS}") from error
        rows = [_row(key, held[key], "firing", mono_ns) for key in held.keys() - self._held.keys()]
        rows += [
            _row(key, self._held[key], "resolved", mono_ns)
            for key in self._held.keys() - held.keys()
        ]
        self._held = held
        if rows:
            self._sink.append("notifications", sorted(rows, key=lambda row: str(row["labels"])))
        if states and self._states:
            self._sink.append("alert_states", states)


def _row(
    key: tuple[str, str], alert: Mapping[str, Any], status: str, mono_ns: int
) -> dict[str, Any]:
    labels, receiver = key
    notes = alert.get("annotations") or {}
    return {
        "mono_ns": mono_ns,
        "receiver": receiver,
        "integration": INTEGRATION,
        "status": status,
        "alert": str(alert["labels"].get("alertname", "")),
        "labels": labels,
        "title": scrub(str(notes.get("summary", ""))),
        "text": scrub(str(notes.get("description", ""))),
    }


def _state_row(alert: Mapping[str, Any], mono_ns: int) -> dict[str, Any]:
    return {
        "mono_ns": mono_ns,
        "alert": str(alert["labels"].get("alertname", "")),
        "labels": labels_text(alert["labels"]),
        "state": "firing",
        "active_wall_ns": wall_ns(str(alert["startsAt"])),
        "value": None,
    }


def from_given(given: Given, sink: Sink, note: Notes) -> list[AlertmanagerPoller]:
    """The collector of a run; none unless somebody else's Alertmanager was named."""
    if given.alertmanager is None:
        return []
    return [
        AlertmanagerPoller(
            given.alertmanager,
            sink=sink,
            note=note,
            access=given.access.get("alertmanager"),
            states=given.prometheus is None,
        )
    ]
