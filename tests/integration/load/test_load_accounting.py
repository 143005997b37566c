"""Every request accounted for, against the books of the server."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import load_harness as harness
import pytest

pytestmark = pytest.mark.integration

MIXED = """
from locust import FastHttpUser, HttpUser, User, task
from loadkit import Rate, Scenario, Stage, Users
scenario = Scenario([
    Stage("warm-up", Rate(20), 1),
    Stage("ramp", Rate(20, to=80), 1),
    Stage("peak", Rate(80, max_users=300), 2),
    Stage("closed", Users(3), 1),
    Stage("last", Rate(40), 0.5),
])

class Bodies(User):
    abstract = True
    @task(8)
    def ok(self):
        self.client.get("/ok?id=1&token=abcdef", name=None)
    @task(3)
    def fail(self):
        self.client.get("/fail")
    @task(3)
    def raised(self):
        with self.client.get("/raised", catch_response=True):
            raise ValueError("of the block, password=hunter2")
    @task(3)
    def judged(self):
        with self.client.get("/judged", catch_response=True) as answer:
            answer.failure("not good enough")
    @task(2)
    def forgotten(self):
        self.client.get("/forgotten", catch_response=True)
    @task(2)
    def forgiven(self):
        with self.client.get("/fail", name="/forgiven", catch_response=True) as answer:
            self.client.get("/inner")
            answer.success()
    @task(3)
    def slow(self):
        self.client.post("/slow/0.03", json={"a": 1})
    @task(1)
    def stuck(self):
        self.client.get("/wait/60")

class Fast(Bodies, FastHttpUser):
    weight = 3
class Plain(Bodies, HttpUser):
    weight = 1
"""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[harness.Run, dict[str, Any]]]:
    with harness.serving() as server:
        directory = tmp_path_factory.mktemp("mixed")
        result = harness.run(directory, MIXED, host=server.url, drain=1.0, samples=True, seed=3)
        yield result, server.stats()


Mixed = tuple[harness.Run, dict[str, Any]]


def test_the_books_balance(mixed: Mixed) -> None:
    result, stats = mixed
    flow = result.flow()
    assert result.end["reason"] == "finished"
    assert result.end["in_flight"] == 0
    outcomes = {name: flow[name] for name in ("ok", "failed", "raised", "cancelled")}
    assert all(outcomes.values()), outcomes
    assert flow["sent"] == sum(outcomes.values()) == sum(stats["received"].values())
    assert flow["completed"] == sum(stats["answered"].values())
    assert flow["planned"] == flow["started"] == 20 + 50 + 160 + 20
    assert result.status == 0


def test_each_operation_balances_with_the_server(mixed: Mixed) -> None:
    result, stats = mixed
    names = {
        "GET /fail": "failed",
        "GET /raised": "raised",
        "GET /judged": "failed",
        "GET /forgotten": "raised",
        "GET /forgiven": "ok",
        "GET /inner": "ok",
        "POST /slow/0.03": "ok",
        "GET /wait/60": "cancelled",
    }
    for operation, outcome in names.items():
        flow = result.flow(operation=operation)
        assert flow["sent"] == flow[outcome] > 0, operation
        if outcome != "cancelled":
            assert flow["completed"] == flow["sent"]
    received = stats["received"]
    assert result.flow(operation="GET /forgotten")["sent"] == received["/forgotten"]
    assert result.flow(operation="GET /inner")["sent"] == received["/inner"]
    assert (
        result.flow(operation="GET /fail")["sent"] + result.flow(operation="GET /forgiven")["sent"]
        == received["/fail"]
    )
    assert result.flow(operation="GET /wait/60")["completed"] == 0


def test_errors_by_kind_without_secrets(mixed: Mixed) -> None:
    result, _ = mixed
    kinds: Counter[str] = Counter()
    for row in result.rows("errors"):
        kinds[row["kind"]] += row["count"]
    assert kinds["HTTP 503"] == result.flow(operation="GET /fail")["failed"]
    assert kinds["ValueError"] == result.flow(operation="GET /raised")["raised"]
    assert kinds["CatchResponseError"] == result.flow(operation="GET /judged")["failed"]
    assert kinds["NoVerdict"] == result.flow(operation="GET /forgotten")["raised"]
    assert sum(kinds.values()) == result.flow()["failed"] + result.flow()["raised"]
    everything = repr(result.frames)
    assert "not good enough" in everything
    assert "hunter2" not in everything
    assert "abcdef" not in everything
    assert result.flow(operation="GET /ok?id=1&token=[removed]")["ok"] > 0


def test_a_closed_stage_has_no_arrivals(mixed: Mixed) -> None:
    result, _ = mixed
    assert result.flow(stage="closed")["planned"] == 0
    assert result.flow(stage="closed")["sent"] > 3


def test_percentiles_of_the_raw_log_and_of_the_histograms_agree(mixed: Mixed) -> None:
    result, _ = mixed
    values: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    samples = result.rows("samples")
    assert len(samples) == result.flow()["sent"]
    for row in samples:
        if row["outcome"] != "cancelled":
            values[row["stage"], "service"].append(row["service_ns"])
            values[row["stage"], "response"].append(row["response_ns"])
    for (stage, measure), raw in values.items():
        raw.sort()
        histogram = result.histogram(measure, stage=stage)
        assert histogram.count == len(raw)
        assert (histogram.sum_ns, histogram.max_ns) == (sum(raw), raw[-1])
        for q in (0.5, 0.9, 0.95, 0.99, 0.999):
            exact = raw[max(1, math.ceil(round(q * len(raw), 9))) - 1]
            assert histogram.quantile(q) == pytest.approx(exact, rel=1e-3)


def test_known_delays_are_never_undercut(mixed: Mixed) -> None:
    result, _ = mixed
    found = result.histogram("service", operation="POST /slow/0.03")
    assert found.min_ns is not None
    assert found.min_ns >= 30_000_000 * 0.99  # the server's timer may wake up to a tick early
    assert (found.quantile(0.5) or 0) < 45_000_000


def test_exemplars_carry_the_trace_ids_that_were_sent(mixed: Mixed) -> None:
    result, stats = mixed
    exemplars = result.rows("exemplars")
    assert all(len(row["trace_id"]) == 32 for row in exemplars)
    per_tick = max(
        Counter(
            (r["stage"], r["second"], r["operation"]) for r in tick["rows"].get("exemplars", [])
        ).most_common(1)[0][1]
        for tick in result.of("tick")
        if tick["rows"].get("exemplars")
    )
    assert per_tick <= 4
    assert all(trace.split("-")[3] == "01" for trace in stats["traces"])
    sent = {trace.split("-")[1] for trace in stats["traces"]}
    assert len(sent) == len(stats["traces"]) == 50


def test_generator_rows(mixed: Mixed) -> None:
    result, _ = mixed
    rows = result.rows("generator")
    assert len(rows) >= 6
    assert all(0 <= row["cpu_ratio"] < 1.5 and row["loop_lag_ns"] >= 0 for row in rows)
    assert all(row["rss_bytes"] > 20_000_000 and row["open_files"] > 3 for row in rows)
    assert all(row["open_files"] < row["max_files"] for row in rows)
    assert all(row["run_delay_ns"] is None or row["run_delay_ns"] >= 0 for row in rows)
    stages = [(frame["name"], frame["mono_ns"]) for frame in result.of("stage")]
    t0 = result.of("begin")[0]["t0_ns"]
    assert [(name, (at - t0) / 1e9) for name, at in stages] == [
        ("warm-up", 0.0),
        ("ramp", 1.0),
        ("peak", 2.0),
        ("closed", 4.0),
        ("last", 5.0),
    ]


def test_arrivals_wait_for_a_small_pool_and_are_counted_late(tmp_path: Path) -> None:
    text = """
from locust import FastHttpUser, task
from loadkit import Rate, Scenario, Stage
scenario = Scenario([Stage("s", Rate(50, max_users=2), 2)])
class U(FastHttpUser):
    @task
    def t(self):
        self.client.get("/slow/0.2")
"""
    with harness.serving() as server:
        result = harness.run(tmp_path, text, host=server.url, drain=1.0)
        stats = server.stats()
    flow = result.flow()
    assert flow["planned"] == 100
    # Two users at 5 a second each, for 2 s and 1 s more while the last ones are let finish.
    assert 26 <= flow["started"] <= 32
    assert flow["started"] + flow["never_started"] == 100
    assert flow["late"] == 98
    assert flow["sent"] == flow["started"] == stats["received"]["/slow/0.2"]
    assert result.of("tick")[1]["live"]["waiting"] > 10
    lateness = result.histogram("lateness")
    assert lateness.count == flow["started"]
    assert lateness.max_ns is not None and lateness.max_ns > 2e9
    response = result.histogram("response")
    assert response.max_ns is not None and response.max_ns >= 2.2e9
    service = result.histogram("service")
    assert service.max_ns is not None and service.max_ns < 0.4e9


def test_the_next_request_is_due_when_the_one_before_is_done(tmp_path: Path) -> None:
    """Think time within an iteration is nobody's latency; its own delay in the queue is."""
    text = """
import time
from locust import FastHttpUser, task
from loadkit import Rate, Scenario, Stage
scenario = Scenario([Stage("s", Rate(10), 1)])
class U(FastHttpUser):
    def on_start(self):
        self.client.get("/login")
    @task
    def t(self):
        self.client.get("/slow/0.05")
        self.client.get("/second")
        time.sleep(0.2)
        self.client.get("/third")
"""
    with harness.serving() as server:
        result = harness.run(tmp_path, text, host=server.url)
    assert result.flow()["planned"] == 10
    assert result.flow(operation="GET /third")["ok"] == 10
    # Users start when they are first needed: about as many as run at once.
    assert 1 <= result.flow(operation="GET /login")["ok"] <= 5
    for operation in ("GET /second", "GET /third"):
        assert (result.histogram("response", operation=operation).quantile(0.5) or 0) < 40e6
