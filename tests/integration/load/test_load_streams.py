"""Several loads at once, pacing, workers' shares, and what an iteration is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import load_harness as harness
import pytest

pytestmark = pytest.mark.integration

NS = 1_000_000_000

MIXED = """
from locust import FastHttpUser, constant, task
from loadkit import HttpUser, Rate, Scenario, Stage, Users
scenario = Scenario([
    Stage("a", [Rate(40, user="Shopper"), Users(2, user="Clerk"), Rate(20)], 1),
    Stage("b", [Users(3, user="Clerk", pacing=0.2), Rate(30, arrivals="poisson")], 1.5),
    Stage("c", [Rate(10, to=50, user="Guest"), Rate(20)], 1),
], seed=5)

class Shopper(HttpUser):
    @task
    def buy(self):
        self.client.get("/buy")
class Clerk(HttpUser):
    wait_time = constant(0.1)
    @task
    def look(self):
        self.client.get("/look")
class Guest(FastHttpUser):
    weight = 3
    @task
    def browse(self):
        self.client.get("/browse")
class Other(HttpUser):
    @task
    def other(self):
        self.client.get("/other")
"""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> harness.Run:
    with harness.serving() as server:
        directory = tmp_path_factory.mktemp("streams")
        result = harness.run(directory, MIXED, host=server.url, samples=True)
        assert sum(server.stats()["received"].values()) == result.flow()["sent"]
    return result


def test_each_load_is_served_by_its_own_users(mixed: harness.Run) -> None:
    assert mixed.end["reason"] == "finished"
    sent: Counter[tuple[str, str]] = Counter()
    for row in mixed.rows("flow"):
        if row["event"] == "ok":
            sent[row["stage"], row["operation"].split("/")[1]] += row["count"]
    assert sent["a", "buy"] == 40
    # What no load names, by weight: Guest three times as often as Other.
    assert (sent["a", "browse"], sent["a", "other"]) == (15, 5)
    # Two clerks who think for 0.1 s.
    assert 14 <= sent["a", "look"] <= 20
    # Three, paced at 0.2 s, for 1.5 s.
    assert 21 <= sent["b", "look"] <= 24
    planned = mixed.flow(stage="b")["planned"]
    assert sent["b", "buy"] + sent["b", "browse"] + sent["b", "other"] == planned
    assert planned != 45  # by chance, though near it
    assert 25 <= planned <= 70
    assert sent["c", "browse"] == 30
    assert sent["c", "buy"] + sent["c", "look"] + sent["c", "other"] == 20
    flow = mixed.flow()
    assert flow["planned"] == flow["started"]
    assert flow["late"] == 0


def test_pacing_holds_each_user_back(mixed: harness.Run) -> None:
    due = sorted(
        row["mono_ns"]
        for row in mixed.rows("samples")
        if (row["stage"], row["operation"]) == ("b", "GET /look")
    )
    t0 = mixed.of("begin")[0]["t0_ns"]
    waves = Counter(round((at - t0 - NS) / (0.2 * NS)) for at in due)
    assert all(count == 3 for count in waves.values()), waves


def _due(run: harness.Run) -> Counter[tuple[str, int]]:
    t0 = run.of("begin")[0]["t0_ns"]
    return Counter(
        (row["operation"], row["mono_ns"] - t0)
        for row in run.rows("samples")
        if row["operation"] != "GET /look"
    )


def test_the_arrivals_of_workers_are_those_of_one_process(
    mixed: harness.Run, tmp_path: Path
) -> None:
    """The same due times, each for a user of the same class, each in one worker."""
    parts = []
    with harness.serving() as server:
        for worker in range(3):
            directory = tmp_path / str(worker)
            directory.mkdir()
            parts.append(
                harness.run(
                    directory, MIXED, host=server.url, samples=True, worker=worker, workers=3
                )
            )
    union: Counter[tuple[str, int]] = Counter()
    for part in parts:
        union += _due(part)
    assert union == _due(mixed)
    assert max(union.values()) <= 2  # two streams may have one instant in common


def test_the_loads_limits_are_their_own(tmp_path: Path) -> None:
    """A stream whose users are all busy does not hold up another."""
    text = """
from loadkit import HttpUser, Rate, Scenario, Stage
from locust import task
scenario = Scenario([Stage("s", [
    Rate(30, max_users=2, user="Slow"), Rate(50, user="Quick")], 1)])
class Slow(HttpUser):
    @task
    def t(self):
        self.client.get("/slow/0.3")
class Quick(HttpUser):
    @task
    def t(self):
        self.client.get("/quick")
"""
    with harness.serving() as server:
        result = harness.run(tmp_path, text, host=server.url, drain=0.2)
    assert result.flow()["late"] == 28
    assert result.flow(operation="GET /quick")["ok"] == 50
    assert 6 <= result.flow(operation="GET /slow/0.3")["sent"] <= 10
    quick = result.histogram("response", operation="GET /quick")
    assert quick.max_ns is not None
    assert quick.max_ns < 0.2 * NS


def test_iterations_run_from_their_arrival_to_their_end(tmp_path: Path) -> None:
    text = """
import time
from locust import constant, task
from loadkit import HttpUser, Rate, Scenario, Stage, Users
scenario = Scenario([Stage("closed", Users(2), 1), Stage("open", Rate(20, max_users=1), 1)])
class U(HttpUser):
    wait_time = constant(0.05)
    @task
    def checkout(self):
        self.client.get("/slow/0.04")
        time.sleep(0.02)
        self.client.get("/slow/0.04")
"""
    with harness.serving() as server:
        result = harness.run(tmp_path, text, host=server.url, drain=5.0)
    iteration = result.histogram("iteration", stage="open", operation="checkout")
    service = result.histogram("iteration_service", stage="open", operation="checkout")
    assert iteration.count == service.count == 20
    assert service.min_ns is not None and service.max_ns is not None
    # One user for 20 a second at 0.1 s each: the last one waits about a second.
    assert iteration.max_ns is not None
    assert 0.1 * NS <= service.min_ns < service.max_ns < iteration.max_ns
    assert iteration.max_ns > 0.9 * NS
    closed = result.histogram("iteration", stage="closed")
    assert 2 <= closed.count <= 14
    assert closed.sum_ns == result.histogram("iteration_service", stage="closed").sum_ns


def test_a_closed_load_that_shrinks_and_grows(tmp_path: Path) -> None:
    text = """
from locust import constant, task
from loadkit import HttpUser, Scenario, Stage, Users
scenario = Scenario([
    Stage("one", Users(8), 1), Stage("two", Users(2), 1), Stage("three", Users(2, to=6), 1),
])
class A(HttpUser):
    wait_time = constant(0.05)
    weight = 3
    @task
    def t(self):
        self.client.get("/a", name=f"a {id(self)}")
class B(HttpUser):
    wait_time = constant(30)
    @task
    def t(self):
        self.client.get("/b", name=f"b {id(self)}")
"""
    with harness.serving() as server:
        result = harness.run(tmp_path, text, host=server.url)
    seen: dict[str, Counter[str]] = {stage: Counter() for stage in ("one", "two", "three")}
    users: dict[str, set[str]] = {"a": set(), "b": set()}
    for row in result.rows("flow"):
        if row["event"] == "sent":
            kind, number = row["operation"].split()[1:]
            seen[row["stage"]][kind] += row["count"]
            users[kind].add(number)
    # The stage goes by when it was due, and all eight begin in the first.
    assert (len(users["a"]), len(users["b"])) == (6, 2)
    assert 90 <= seen["one"]["a"] <= 125
    # Both are of class A: 40, and a last one of each of those who are told to stop.
    assert 30 <= seen["two"]["a"] <= 50
    assert 45 <= seen["three"]["a"] <= 85
    live = [tick["live"] for tick in result.of("tick")]
    assert {frame["users"] for frame in live if frame["stage"] == "two"} <= {2, 8}


def _error_file(body: str) -> str:
    return f"""
from locust import events, task
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopUser
from loadkit import HttpUser, Rate, Scenario, Stage, Users
scenario = Scenario([Stage("open", Rate(10), 1), Stage("closed", Users(1), 0.5)])
@events.user_error.add_listener
def _(user_instance, exception, **kwargs):
    print("user_error", type(exception).__name__, flush=True)
class U(HttpUser):
    count = 0
    def on_start(self):
        print("on_start", flush=True)
    def on_stop(self):
        print("on_stop", flush=True)
    wait_time = lambda self: 0.1
    @task
    def t(self):
        U.count += 1
        self.client.get("/ok")
{body}
"""


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ("        raise ValueError('odd')", True),
        ("        raise RescheduleTaskImmediately()", False),
        ("        self._taskset_instance.schedule_task(lambda user: user.client.get('/x'))", False),
    ],
)
def test_what_a_task_raises_ends_its_iteration(tmp_path: Path, body: str, errors: bool) -> None:
    with harness.serving() as server:
        result = harness.run(tmp_path, _error_file(body), host=server.url)
        received = server.stats()["received"]
    assert result.flow()["planned"] == result.flow()["started"] == 10
    assert result.histogram("iteration", stage="open").count == 10
    assert result.flow(stage="closed")["ok"] >= 3
    assert ("user_error ValueError" in result.errors) is errors
    assert ("odd" in result.errors) is errors
    assert result.errors.count("on_start") == result.errors.count("on_stop") >= 1
    if "schedule_task" in body:  # every other arrival finds a task in the queue
        assert received["/x"] > 4


def test_a_user_that_stops_is_replaced_in_the_open_model(tmp_path: Path) -> None:
    text = _error_file("        raise StopUser()").replace("Rate(10)", "Rate(10, max_users=2)")
    with harness.serving() as server:
        result = harness.run(tmp_path, text, host=server.url)
    assert result.flow(stage="open")["ok"] == result.flow()["planned"] == 10
    # In the closed stage the one user stops, as under Locust.
    assert result.flow(stage="closed")["ok"] == 1


def test_locusts_statistics_know_of_every_request(tmp_path: Path) -> None:
    text = """
from locust import FastHttpUser, constant, events, task
from loadkit import HttpUser, Scenario, Stage, Users
scenario = Scenario([Stage("s", Users(4), 1.2)])
@events.quitting.add_listener
def _(environment, **kwargs):
    stats = environment.stats
    for entry in [stats.total, *stats.entries.values()]:
        print("STATS", entry.method, entry.name, entry.num_requests, entry.num_failures,
              round(entry.min_response_time), sum(entry.response_times.values()),
              sum(entry.num_reqs_per_sec.values()), flush=True)
    print("ERRORS", sorted((e.name, e.occurrences) for e in stats.errors.values()), flush=True)
class Ours(HttpUser):
    wait_time = constant(0.01)
    @task
    def t(self):
        self.client.get("/slow/0.02")
    @task
    def f(self):
        self.client.get("/fail")
class Theirs(FastHttpUser):
    wait_time = constant(0.05)
    @task
    def t(self):
        self.client.get("/ok")
"""
    with harness.serving() as server:
        result = harness.run(tmp_path, text, host=server.url)
    lines = [line.split() for line in result.errors.splitlines() if line.startswith("STATS")]
    found: dict[str, Any] = {line[-6]: [int(word) for word in line[-5:]] for line in lines}
    for name in ("/slow/0.02", "/fail", "/ok"):
        flow = result.flow(operation=f"GET {name}")
        requests, failures, shortest, times, by_second = found[name]
        assert requests == times == by_second == flow["ok"] + flow["failed"] > 5
        assert failures == flow["failed"]
        assert shortest >= (20 if "slow" in name else 0)
    assert found["Aggregated"][0] == result.flow()["sent"] - result.flow()["cancelled"]
    assert found["Aggregated"][1] == result.flow()["failed"]
    assert f"('/fail', {result.flow()['failed']})" in result.errors


def test_users_whose_requests_fail_at_once_do_not_keep_the_loop_busy(tmp_path: Path) -> None:
    """Nothing is ever waited for: the stage, its end and the ticks still come in time."""
    text = """
from locust import task
from loadkit import HttpUser, Scenario, Stage, Users
scenario = Scenario([Stage("s", Users(2), 1.5)])
class U(HttpUser):
    @task
    def t(self):
        self.client.get("/")
"""
    result = harness.run(tmp_path, text, host="http://10.1.2.3", drain=1.0)
    begun = result.of("begin")[0]["t0_ns"]
    assert result.end["reason"] == "finished"
    assert (result.end["mono_ns"] - begun) / NS < 4
    assert len(result.of("tick")) >= 2
    flow = result.flow()
    assert flow["sent"] == flow["failed"] + flow["cancelled"] > 100
    assert {row["kind"] for row in result.rows("errors")} == {"TargetNotAllowed"}
