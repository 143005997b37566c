"""Messages as Alertmanager 0.25 was seen to send them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loadkit.collect import messages


def _slack(title: str, fallback: str = "", color: str = "") -> dict[str, Any]:
    attachment = {"title": title, "text": "t", "fallback": fallback, "color": color}
    return {"channel": "#alerts", "username": "Alertmanager", "attachments": [attachment]}


@pytest.mark.parametrize(
    ("body", "status", "alert"),
    [
        (
            _slack(
                "CRITICAL: HighErrorRate",
                "[FIRING:1] HighErrorRate critical (application) | http://x/#/alerts",
                "danger",
            ),
            "firing",
            "HighErrorRate",
        ),
        (
            _slack("LLM Cost Ops Alert", "[RESOLVED] SLOViolation-Availability  | http://", "good"),
            "resolved",
            "SLOViolation-Availability",
        ),
        (_slack("RESOLVED WARNING: SlowResponseTime"), "resolved", "SlowResponseTime"),
        (_slack("FIRING LLM Cost Ops Alert: DiskSpaceLow"), "firing", "DiskSpaceLow"),
        (_slack("LLM Cost Ops Alert"), None, None),
        (_slack("", "[FIRING:2]  (application)"), "firing", None),
    ],
)
def test_slack(body: dict[str, Any], status: str | None, alert: str | None) -> None:
    (row,) = messages.slack(body)
    assert (row["status"], row["alert"], row["labels"]) == (status, alert, None)


def test_pagerduty_keeps_no_key() -> None:
    labels = "Labels:\n - alertname = HighErrorRate\n - severity = critical\nAnnotations:\n - d = x"
    body = {
        "routing_key": "s3cret",
        "dedup_key": "d",
        "event_action": "trigger",
        "payload": {
            "summary": "[FIRING:1] HighErrorRate critical ",
            "custom_details": {"firing": labels, "resolved": "", "num_firing": "1"},
        },
    }
    (row,) = messages.pagerduty(body)
    assert row["status"] == "firing"
    assert row["alert"] == "HighErrorRate"
    assert json.loads(row["labels"]) == {"alertname": "HighErrorRate", "severity": "critical"}
    assert "s3cret" not in json.dumps(row)


def test_pagerduty_resolves_by_its_summary_where_details_are_own() -> None:
    body = {"event_action": "resolve", "payload": {"summary": "[RESOLVED] DatabaseDown x"}}
    (row,) = messages.pagerduty(body)
    assert (row["status"], row["alert"]) == ("resolved", "DatabaseDown")


def test_webhook_has_a_row_an_alert() -> None:
    alerts = [
        {"status": "firing", "labels": {"b": "2", "alertname": "A"}, "annotations": {}},
        {"status": "resolved", "labels": {"alertname": "B"}, "annotations": {"summary": "s"}},
    ]
    rows = messages.webhook({"version": "4", "status": "firing", "alerts": alerts})
    assert [(row["status"], row["alert"], row["title"]) for row in rows] == [
        ("firing", "A", ""),
        ("resolved", "B", "s"),
    ]
    assert rows[0]["labels"] == '{"alertname":"A","b":"2"}'
