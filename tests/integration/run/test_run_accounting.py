"""What loadkit says it sent is what the service says it got."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from run_helpers import judged, loadkit, reference_service, report_json

from loadkit import load_run

pytestmark = pytest.mark.integration

USERS = """
from itertools import count

from locust import {client} as Client, constant, task

from loadkit import Rate, Scenario, Stage

NUMBERS = count()


class Visitor(Client):
    wait_time = constant(0)

    @task(4)
    def record(self):
        self.client.post(
            "/api/v1/costs",
            json={{"provider": "openai", "model": "gpt-4o", "input_tokens": 9, "output_tokens": 5}},
            headers={{"Authorization": "Bearer demo-pro-key-1"}},
        )

    @task(2)
    def not_allowed(self):
        with self.client.get("/api/v1/costs", catch_response=True) as answer:
            if answer.status_code == 401:
                answer.success()

    @task(1)
    def forbidden(self):
        self.client.get("/api/v1/usage/summary", headers={{"Authorization": "Bearer no"}})

    @task(1)
    def raises(self):
        with self.client.get("/api/v1/pricing", catch_response=True):
            if next(NUMBERS) % 2:
                raise RuntimeError("the scenario's own mistake")


scenario = Scenario(
    [
        Stage("warm-up", load=Rate(20), duration=2),
        Stage("steady", load=Rate(60), duration=5),
    ],
)
"""


@pytest.mark.parametrize("client", ["HttpUser", "FastHttpUser"])
def test_completed_is_what_the_server_counted(client: str, tmp_path: Path) -> None:
    (tmp_path / "users.py").write_text(USERS.format(client=client))
    with reference_service(tmp_path) as service:
        before = service.requests_total()
        done = loadkit("run", "users.py", "--host", service.url, "--samples", cwd=tmp_path)
        counted = service.requests_total() - before
    bundle = judged(done, tmp_path)
    books = report_json(bundle)["accounting"]
    assert books["planned"] == 340
    assert books["completed"] == counted
    assert books["sent"] == books["ok"] + books["failed"] + books["raised"] == counted
    assert (books["cancelled"], books["in_flight"]) == (0, 0)
    assert books["failed"] > 0
    assert books["raised"] > 0

    run = load_run(bundle)
    assert len(run.samples) == counted
    for stage in ("warm-up", "steady"):
        values = np.sort(run.samples[run.samples["stage"] == stage]["response_ns"].to_numpy())
        histogram = run.histogram(stage=stage)
        assert histogram.count == len(values)
        for q in (0.5, 0.9, 0.95, 0.99, 0.999):
            truth = values[int(np.ceil(round(q * len(values), 9))) - 1]
            found = histogram.quantile(q)
            assert found is not None
            assert abs(found - truth) <= 0.001 * truth
