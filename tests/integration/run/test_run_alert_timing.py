"""A fault of known size raises the alert when arithmetic says so.

HighErrorRate, everything divided by 15: window W = 20 s, ``for`` = 20 s, threshold θ = 5%. With a
share e = 8% of evenly spread errors from the onset on, at a steady rate before and after it, the
ratio over the window passes θ after W·θ/e = 12.5 s. An evaluation (2 s) and a scrape (0.667 s) may
come in between.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from run_helpers import judged, loadkit, report_json

pytestmark = pytest.mark.integration

SLACK = 2 + 0.667
PENDING_AFTER = 20 * 0.05 / 0.08

SCENARIO = """
from locust import FastHttpUser, task

from loadkit import Fault, Rate, Scenario, Stage


class Visitor(FastHttpUser):
    @task
    def record(self):
        self.client.post(
            "/api/v1/costs",
            json={"provider": "openai", "model": "gpt-4o", "input_tokens": 9, "output_tokens": 5},
            headers={"Authorization": "Bearer demo-pro-key-1"},
        )


scenario = Scenario(
    [
        Stage("warm-up", load=Rate(80), duration=20),
        Stage("peak", load=Rate(80), duration=40),
        Stage("recovery", load=Rate(80), duration=18),
    ],
    faults=[Fault("error_rate", 0.08, "peak")],
    expect=["HighErrorRate"],
    forbid=["SlowResponseTime"],
    stack="embedded",
)
"""


def test_high_error_rate_fires_is_delivered_and_resolves_in_time(tmp_path: Path) -> None:
    (tmp_path / "faulty.py").write_text(SCENARIO)
    done = loadkit("run", "faulty.py", cwd=tmp_path)
    report = report_json(judged(done, tmp_path))
    assert done.returncode == report["exit_status"]
    (fault,) = report["faults"]
    (alert,) = [row for row in report["alerts"] if row["name"] == "HighErrorRate"]
    assert alert["verdict"] == "passed"
    assert alert["receiver"] == "critical"
    assert alert["pending_at"] - fault["start_s"] == pytest.approx(PENDING_AFTER, abs=SLACK)
    assert alert["firing_at"] - alert["pending_at"] == pytest.approx(20, abs=SLACK)
    assert 0 <= alert["notified_at"] - alert["firing_at"] <= 2 + SLACK
    assert 7.5 - SLACK <= alert["resolved_at"] - fault["end_s"] <= 14 + SLACK
    assert fault["end_s"] - fault["start_s"] == pytest.approx(40, abs=0.5)
    (other,) = [row for row in report["alerts"] if row["name"] == "SlowResponseTime"]
    assert (other["verdict"], other["firing_at"]) == ("passed", None)
    withheld = [row for row in report["alerts"] if row["name"] == "DatabaseDown"]
    assert [row["verdict"] for row in withheld] == ["inconclusive"]
