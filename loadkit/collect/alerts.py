"""Polls the alerts that Prometheus holds pending or firing, once a second."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loadkit.collect.access import Access
from loadkit.collect.answers import not_json
from loadkit.collect.fetch import Fetcher, base_url
from loadkit.collect.periodic import Outage, Periodic
from loadkit.collect.prometheus_select import matchers
from loadkit.collect.sources import Given
from loadkit.ports import Notes, Sink

EVERY_S = 1.0
_FRACTION = re.compile(r"\.(\d+)")


class AlertsPoller:
    """A collector of ``alert_states``: a row an active alert and poll.

    Args:
        url: Prometheus' root.
        sink: takes the rows.
        note: takes the finding ``alerts-lost``.
        selector: further matchers; alerts whose labels do not meet them are passed over.
        access: headers and TLS.
        every_s: how often it asks, in seconds.

    Raises:
        UsageError: the URL is none.
    """

    name = "alerts"

    def __init__(
        self,
        url: str,
        *,
        sink: Sink,
        note: Notes,
        selector: str | None = None,
        access: Access | None = None,
        every_s: float = EVERY_S,
    ) -> None:
        self._sink = sink
        self._fetcher = Fetcher(base_url(url, "--prometheus"), access)
        self._matchers = matchers(selector)
        outage = Outage(
            note, "alerts-lost", "Prometheus' list of alerts", "alert states", tolerate=2
        )
        self._periodic = Periodic(self._step, every_s, outage)
        self._since: dict[tuple[str, str], float] = {}
        self._active: dict[tuple[str, str], str] = {}
        self._started = False

    @property
    def active(self) -> list[tuple[str, str, float]]:
        """(alert, ``pending`` or ``firing``, seconds in that state) by name, firing ones first."""
        now = time.monotonic()
        rows = {}
        for (alert, _), state in self._active.items():
            seconds = now - self._since[(alert, state)]
            rows[(state != "firing", alert)] = (alert, state, seconds)
        return [rows[key] for key in sorted(rows)]

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
        try:
            document = await self._fetcher.json("/api/v1/alerts")
        except Exception:
            self._active = {}  # better nothing than what is no longer known
            raise
        mono_ns = time.monotonic_ns()
        try:
            rows = [
                alert_row(alert, mono_ns)
                for alert in document["data"]["alerts"]
                if all(matcher.holds(alert["labels"]) for matcher in self._matchers)
            ]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise not_json(f"{self._fetcher.url}/api/v1/alerts") from error
        self._remember(rows)
        if rows:
            self._sink.append("alert_states", rows)

    def _remember(self, rows: list[dict[str, Any]]) -> None:
        now_wall, now = time.time_ns(), time.monotonic()
        states = {(row["alert"], row["state"]) for row in rows}
        since = {key: at for key, at in self._since.items() if key in states}
        for row in rows:
            key = (row["alert"], row["state"])
            # Prometheus tells when an alert became active, which is when it became pending; when
            # it began to fire is seen here only.
            began = row["active_wall_ns"] if row["state"] == "pending" else None
            at = now if began is None else now - max(0, now_wall - began) / 1e9
            since.setdefault(key, at)
        self._since = since
        self._active = {(row["alert"], row["labels"]): row["state"] for row in rows}


def alert_row(alert: Mapping[str, Any], mono_ns: int) -> dict[str, Any]:
    """A row of ``alert_states`` from an alert as Prometheus' API has it.

    Raises:
        LookupError, ValueError: it is none.
    """
    labels = {str(key): str(value) for key, value in alert["labels"].items()}
    value = float(alert.get("value") or "nan")
    return {
        "mono_ns": mono_ns,
        "alert": labels["alertname"],
        "labels": labels_text(labels),
        "state": str(alert["state"]),
        "active_wall_ns": wall_ns(str(alert["activeAt"])) if alert.get("activeAt") else None,
        "value": None if math.isnan(value) else value,
    }


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels as JSON with sorted keys, the form of all tables."""
    return json.dumps(dict(sorted(labels.items())), ensure_ascii=False, separators=(",", ":"))


def wall_ns(stamp: str) -> int:
    """Unix nanoseconds of an RFC 3339 time, whose fraction may have nine digits.

    Raises:
        ValueError: it is none, or lies outside of what Python's calendar holds.
    """
    found = _FRACTION.search(stamp)
    fraction = found[1][:9].ljust(9, "0") if found else "0"
    whole = datetime.fromisoformat(_FRACTION.sub("", stamp, count=1))
    return round(whole.timestamp()) * 1_000_000_000 + int(fraction)


def from_given(given: Given, sink: Sink, note: Notes) -> list[AlertsPoller]:
    """The collector of a run; none without a Prometheus."""
    if given.prometheus is None:
        return []
    return [
        AlertsPoller(
            given.prometheus,
            sink=sink,
            note=note,
            selector=given.prometheus_selector,
            access=given.access.get("prometheus"),
        )
    ]
