"""What Alertmanager sends to Slack, PagerDuty and webhooks → rows of ``notifications``. Pure.

Keys (``routing_key``, ``service_key``, webhook tokens) are never taken over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from loadkit.collect.alerts import labels_text
from loadkit.scrub import scrub

Row = dict[str, Any]

FIRING, RESOLVED = "firing", "resolved"

# Alertmanager's own template for a message's fallback and summary:
#   [FIRING:1] HighErrorRate critical (application) | http://…
#   [RESOLVED] HighErrorRate critical (application)
_DEFAULT = re.compile(r"^\s*\[(FIRING|RESOLVED)(?::\d+)?\]\s*(.*)$", re.S)
# The guide's titles, and the corrected ones: CRITICAL: HighErrorRate, FIRING … Alert: HighErrorRate
_TITLE = re.compile(r"^\s*(?:(FIRING|RESOLVED)\b)?.*?:\s*([A-Za-z_][\w:-]*)\s*$", re.S)
_NAME = re.compile(r"[A-Za-z_][\w:-]*")
_LABEL = re.compile(r"^\s*-\s*(\w+)\s*=\s*(.*?)\s*$", re.M)
_COLORS = {"danger": FIRING, "good": RESOLVED}


def slack(body: Mapping[str, Any]) -> list[Row]:
    """A row an attachment.

    Slack's message has no field for the state or the alert: the state is its colour in
    Alertmanager's default (``danger``, ``good``), else the first word of the title or fallback;
    the name comes from the fallback's default template, else from the end of the title.
    """
    return [_slack_row(attachment) for attachment in body.get("attachments") or [body]]


def _slack_row(attachment: Mapping[str, Any]) -> Row:
    title, text, fallback = (
        str(attachment.get(key) or "") for key in ("title", "text", "fallback")
    )
    default = _DEFAULT.match(fallback) or _DEFAULT.match(title)
    named = _TITLE.match(title)
    status = _COLORS.get(str(attachment.get("color") or ""))
    if status is None and default is not None:
        status = default[1].lower()
    if status is None and named is not None and named[1]:
        status = named[1].lower()
    name = _default_name(default[2]) if default is not None else None
    if name is None and named is not None:
        name = named[2]
    return _row(status, name, None, title, text)


def pagerduty(body: Mapping[str, Any]) -> list[Row]:
    """One row of an event of version 2, or of version 1."""
    action = str(body.get("event_action") or body.get("event_type") or "")
    payload = body.get("payload") or {}
    details = payload.get("custom_details") or body.get("details") or {}
    summary = str(payload.get("summary") or body.get("description") or "")
    status = RESOLVED if action == "resolve" else FIRING if action == "trigger" else None
    listed = details.get(status) if isinstance(details, Mapping) and status else None
    labels = _listed_labels(str(listed or ""))
    default = _DEFAULT.match(summary)
    name = labels.get("alertname") or (_default_name(default[2]) if default else None)
    return [_row(status, name, labels or None, summary, str(listed or ""))]


def webhook(body: Mapping[str, Any]) -> list[Row]:
    """A row an alert of Alertmanager's webhook, version 4."""
    rows = []
    for alert in body["alerts"]:
        labels = {str(key): str(value) for key, value in (alert.get("labels") or {}).items()}
        notes = alert.get("annotations") or {}
        rows.append(
            _row(
                str(alert.get("status") or body.get("status") or "") or None,
                labels.get("alertname"),
                labels,
                str(notes.get("summary") or ""),
                str(notes.get("description") or ""),
            )
        )
    return rows


def _default_name(rest: str) -> str | None:
    found = _NAME.match(rest.strip())
    return found[0] if found else None


def _listed_labels(text: str) -> dict[str, str]:
    # PagerDuty's details list the labels of each alert, one a line; those of the first one.
    first = text.partition("Annotations:")[0]
    return dict(_LABEL.findall(first))


def _row(
    status: str | None, alert: str | None, labels: Mapping[str, str] | None, title: str, text: str
) -> Row:
    return {
        "status": status,
        "alert": alert,
        "labels": None if labels is None else labels_text(labels),
        "title": scrub(title),
        "text": scrub(text),
    }
