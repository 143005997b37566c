"""The rate cap holds back users who decide by themselves when to send."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from steering_tools import Service, bundle_of, loadkit, report_json, service

from loadkit import load_run

pytestmark = pytest.mark.integration

FOREIGN = """
from locust import FastHttpUser, HttpUser, constant, task

class Slow(HttpUser):
    wait_time = constant(0)

    @task
    def visit(self):
        self.client.get("/slow")

class Fast(FastHttpUser):
    wait_time = constant(0)

    @task
    def visit(self):
        self.client.get("/fast")
"""


@pytest.fixture(scope="module")
def shop() -> Iterator[Service]:
    with service() as found:
        yield found


def test_users_of_a_plain_locustfile_are_held_back(shop: Service, tmp_path: Path) -> None:
    shop.seen.clear()
    (tmp_path / "users.py").write_text(FOREIGN)
    done = loadkit(
        *("run", "users.py", "--host", shop.url, "--users", "8", "--spawn-rate", "8"),
        *("--duration", "5", "--max-rate", "20"),
        cwd=tmp_path,
    )
    bundle = bundle_of(done, tmp_path)
    run = load_run(bundle)
    sent = run.flow[run.flow.event == "sent"]
    # The first one needs no turn; then twenty a second. Without a cap these users send hundreds a
    # second; fewer than the cap only where the machine was busy.
    assert sent.groupby("second")["count"].sum().max() <= 21
    assert 10 <= sent["count"].sum() == len(shop.seen) <= 102
    assert set(sent.operation) == {"GET /slow", "GET /fast"}
    assert run.flow[run.flow.event == "held"]["count"].sum() > 5
    assert run.manifest.max_rate == 20
    finding = next(f for f in report_json(bundle)["findings"] if f["slug"] == "rate-capped")
    assert "no more than 20/s may be" in finding["summary"]


def test_in_all_workers_together_arrivals_are_not_held_back_by_those_who_wait(
    shop: Service, tmp_path: Path
) -> None:
    (tmp_path / "mixed.py").write_text(f"""
from locust import task
from loadkit import HttpUser, Rate, Scenario, Stage, Users

scenario = Scenario(
    [Stage("both", load=[Rate(10, user="Buyer"), Users(5, user="Clerk")], duration=4)]
)

class Buyer(HttpUser):
    host = "{shop.url}"

    @task
    def buy(self):
        self.client.get("/buy")

class Clerk(HttpUser):
    host = "{shop.url}"

    @task
    def look(self):
        self.client.get("/look")
""")
    done = loadkit("run", "mixed.py", "--max-rate", "30", "--workers", "2", cwd=tmp_path)
    run = load_run(bundle_of(done, tmp_path))
    sent = run.flow[(run.flow.event == "sent") & (run.flow.second < 4)]
    by = sent.groupby("operation")["count"].sum()
    assert by["GET /buy"] == 40
    assert by["GET /look"] >= 5
    # An arrival takes the next turn and does not wait for it: a few may be ahead at the end.
    assert by.sum() <= 4 * 30 + 10
    assert not len(run.flow[run.flow.event == "late"])
