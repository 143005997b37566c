"""Every kind of load through a whole run: what was planned is what the shapes say, by second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from answering import answering
from run_helpers import judged, loadkit, report_json

from loadkit import load_run
from loadkit.scenario.codec import from_dict
from loadkit.scenario.schedule import Schedule, streams

pytestmark = pytest.mark.integration

SCENARIO = """
from locust import FastHttpUser, constant, task

from loadkit import Rate, Replay, Scenario, Sine, Spike, Stage, Steps, Users


class Shopper(FastHttpUser):
    @task
    def shop(self):
        self.client.get("/shop")


class Clerk(FastHttpUser):
    wait_time = constant(0)

    @task
    def work(self):
        self.client.get("/clerk")


class Visitor(FastHttpUser):
    @task
    def visit(self):
        self.client.get("/visit")


scenario = Scenario(
    [
        Stage(
            "mixed",
            [
                Rate(40, user="Shopper", arrivals="poisson"),
                Users(2, user="Clerk", pacing=0.5),
                Sine(20, 20, period=1.5),
            ],
            duration=3,
        ),
        Stage("spike", Spike(10, 60, begin=0.5, length=1, user="Shopper"), duration=2),
        Stage("steps", Steps(start=10, step=20, count=3, user="Visitor"), duration=1.5),
        Stage("played", Replay.from_file("arrivals.txt", user="Shopper"), duration=1.5),
    ],
    seed=11,
)
"""


@pytest.fixture
def server() -> Iterator[str]:
    with answering() as url:
        yield url


def test_what_is_planned_is_what_the_shapes_say(server: str, tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text(SCENARIO)
    (tmp_path / "arrivals.txt").write_text("# recorded\n0.1\n0.2\n0.2\n0.9\n7\n")
    done = loadkit("run", "shapes.py", "--host", server, cwd=tmp_path)
    bundle = judged(done, tmp_path)
    run = load_run(bundle)

    assert run.manifest.scenario is not None
    stages = from_dict(run.manifest.scenario).stages
    expected: Counter[tuple[str, int]] = Counter()
    for user in streams(stages):
        schedule = Schedule(stages, user=user, seed=11)
        for n, due in enumerate(schedule):
            expected[stages[schedule.stage_of(n)].name, due // 1_000_000_000] += 1
    planned = run.flow[run.flow["event"] == "planned"]
    found = planned.groupby(["stage", "second"])["count"].sum().to_dict()
    assert found == dict(expected)
    assert sum(v for (stage, _), v in expected.items() if stage == "played") == 4

    sent = run.flow[run.flow["event"] == "sent"]
    by_stage = sent.groupby(["stage", "operation"])["count"].sum().to_dict()
    shop = Schedule(stages, user="Shopper", seed=11).planned
    assert by_stage.pop(("mixed", "GET /clerk")) in range(2, 13)  # 2 users, every 0.5 s at most
    by_stage.pop(("spike", "GET /clerk"), None)  # the iteration that the end of the stage found
    assert by_stage == {
        ("mixed", "GET /shop"): shop[0],
        ("mixed", "GET /visit"): 60,
        ("spike", "GET /shop"): shop[1],
        ("steps", "GET /visit"): 45,
        ("played", "GET /shop"): 4,
    }

    report = report_json(bundle)
    assert [stage["load"] for stage in report["stages"]] == [
        "Shopper 40/s, Poisson + Clerk 2 users, pacing 0.5 s + sine 20 ± 20/s every 1.5 s",
        "Shopper spike 10 → 60/s at 0.5 s for 1 s",
        "Visitor 10 → 50/s in 3 steps of 0.5 s",
        "Shopper replay of 4 arrivals",
    ]
    books = report["accounting"]
    assert books["balanced"] is True
    assert books["planned"] == books["started"] + books["never_started"] == sum(expected.values())
