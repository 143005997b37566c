"""Locustfiles that know nothing of loadkit run unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import load_harness as harness
import pytest

from loadkit.model import Rate, Scenario, Stage
from loadkit.scenario.codec import to_dict

pytestmark = pytest.mark.integration


def _run(directory: Path, text: str, **plan: Any) -> tuple[harness.Run, dict[str, Any]]:
    with harness.serving() as server:
        plan.setdefault("drain", 2.0)
        result = harness.run(directory, text, host=server.url, scenario=None, **plan)
        stats = server.stats()
    flow = result.flow()
    assert result.end["in_flight"] == 0
    assert flow["sent"] == sum(flow[o] for o in ("ok", "failed", "raised", "cancelled"))
    assert flow["sent"] == sum(stats["received"].values())
    assert flow["completed"] == sum(stats["answered"].values())
    assert {row["stage"] for row in result.rows("flow")} == {"run"}
    return result, stats


def test_custom_arguments_tags_and_hooks(tmp_path: Path) -> None:
    text = """
from locust import HttpUser, constant, events, tag, task
print("a print of the file")
seen = []

@events.init_command_line_parser.add_listener
def _(parser):
    parser.add_argument("--cart", type=int, default=1, help="items")

@events.test_start.add_listener
def _(environment, **kwargs):
    print("test_start", environment.parsed_options.cart, environment.parsed_options.run_time)

@events.request.add_listener
def _(context, name, **kwargs):
    seen.append((context, name))

@events.quitting.add_listener
def _(environment, **kwargs):
    print("quitting", seen[0], environment.stats.total.num_requests)

class U(HttpUser):
    wait_time = constant(0.05)
    def context(self):
        return {"mine": 1}
    @tag("yes")
    @task
    def a(self):
        self.client.get(f"/ok/{self.environment.parsed_options.cart}")
    @tag("no")
    @task
    def b(self):
        self.client.get("/not-wanted")
"""
    file = tmp_path / "described.py"
    file.write_text(text)
    answer = harness.describe(file, "--cart", "7", "--tags", "yes")
    assert answer["ok"]
    assert (answer["options"], answer["scenario"], answer["shape"]) == (["--cart"], None, False)
    result, stats = _run(
        tmp_path,
        text,
        users=3,
        spawn_rate=3,
        duration=1.0,
        locust_args=["--cart", "7", "--tags", "yes"],
    )
    assert list(stats["received"]) == ["/ok/7"]
    assert stats["received"]["/ok/7"] > 20
    assert result.end["reason"] == "finished"
    total = result.flow()["completed"]
    assert "a print of the file" in result.errors
    assert "test_start 7 1.0" in result.errors
    assert f"quitting ({{'mine': 1}}, '/ok/7') {total}" in result.errors
    assert "Aggregated" not in result.errors  # Locust's own statistics


SHAPE = """
from locust import FastHttpUser, LoadTestShape, constant, task
class U(FastHttpUser):
    wait_time = constant(0.05)
    @task
    def a(self):
        self.client.get("/slow/0.02")
class Shape(LoadTestShape):
    def tick(self):
        if self.get_run_time() > LAST:
            return None
        return (2, 10) if self.get_run_time() < 3 else (5, 10)
"""


def test_a_shape_ends_the_run(tmp_path: Path) -> None:
    result, _ = _run(tmp_path, SHAPE.replace("LAST", "5"))
    assert result.end["reason"] == "finished"
    users = [tick["live"]["users"] for tick in result.of("tick")]
    # Ticks come once a second, each step lasts several: neither falls between two of them.
    assert max(users) == 5
    assert 2 in users
    t0 = result.of("begin")[0]["t0_ns"]
    assert 5 < (result.end["mono_ns"] - t0) / 1e9 < 10


def test_a_duration_ends_a_shape_and_requests_in_flight_are_waited_for(tmp_path: Path) -> None:
    text = SHAPE.replace("LAST", "60").replace("/slow/0.02", "/slow/0.7")
    result, _ = _run(tmp_path, text, duration=1.0)
    flow = result.flow()
    assert flow["cancelled"] == 0
    assert flow["ok"] == flow["sent"] >= 4
    t0 = result.of("begin")[0]["t0_ns"]
    assert 1.2 < (result.end["mono_ns"] - t0) / 1e9 < 2.5


def test_a_raising_catch_response(tmp_path: Path) -> None:
    """Locust itself would count half of these."""
    text = """
from locust import HttpUser, constant, task
class U(HttpUser):
    wait_time = constant(0.01)
    n = 0
    @task
    def a(self):
        with self.client.get("/ok", catch_response=True):
            U.n += 1
            if U.n % 2:
                raise RuntimeError("odd")
"""
    result, _ = _run(tmp_path, text, users=2, spawn_rate=2, duration=0.6)
    flow = result.flow()
    assert flow["raised"] > 5
    assert abs(flow["raised"] - flow["ok"]) <= 1
    assert {row["kind"] for row in result.rows("errors")} == {"RuntimeError"}


def test_ten_thousand_urls(tmp_path: Path) -> None:
    text = """
from itertools import count
from locust import FastHttpUser, task
numbers = count()
class U(FastHttpUser):
    @task
    def a(self):
        n = next(numbers)
        if n >= 10_000:
            self.environment.runner.quit()
            return
        self.client.get(f"/item/{n}")
"""
    result, stats = _run(tmp_path, text, users=4, spawn_rate=4, duration=60)
    assert len(stats["received"]) == 10_000
    operations = {row["operation"] for row in result.rows("flow")}
    assert len(operations) == 501
    assert result.flow(operation="other")["ok"] == 9_500
    (finding,) = result.of("finding")
    assert (finding["slug"], finding["severity"]) == ("too-many-operations", "warning")


NESTED = """
from locust import FastHttpUser, SequentialTaskSet, TaskSet, constant, task
class Buy(SequentialTaskSet):
    @task
    def one(self):
        self.client.get("/one")
    @task
    def two(self):
        self.client.get("/two")
        self.interrupt()
class Browse(TaskSet):
    wait_time = constant(0.01)
    tasks = {Buy: 1}
    @task
    def look(self):
        self.client.get("/look")
        if self.user.looks % 3 == 2:
            self.user.looks += 1
            self.interrupt(reschedule=False)
        self.user.looks += 1
class U(FastHttpUser):
    looks = 0
    wait_time = constant(0.01)
    tasks = [Browse, Buy]
"""


def test_nested_and_sequential_task_sets(tmp_path: Path) -> None:
    result, stats = _run(tmp_path, NESTED, users=3, spawn_rate=3, duration=1.0)
    received = stats["received"]
    assert received["/look"] > 5
    assert received["/one"] > 5
    assert abs(received["/one"] - received["/two"]) <= 3
    assert result.flow()["ok"] == result.flow()["sent"]


def test_nested_task_sets_in_the_open_model(tmp_path: Path) -> None:
    """Each arrival is a pass through a set, until it interrupts itself."""
    text = (
        NESTED
        + """
from loadkit import Rate, Scenario, Stage
scenario = Scenario([Stage("s", Rate(40, max_users=40), 1)])
"""
    )
    with harness.serving() as server:
        result = harness.run(tmp_path, text, host=server.url, drain=2.0)
        received = server.stats()["received"]
    flow = result.flow()
    assert flow["planned"] == flow["started"] == 40
    assert flow["late"] == flow["cancelled"] == 0
    assert received["/one"] == received["/two"] > 0
    assert result.histogram("iteration").count == 40
    operations = {r["operation"] for r in result.rows("intervals") if r["measure"] == "iteration"}
    assert operations == {"Browse", "Buy"}


ENDLESS = """
from locust import FastHttpUser, SequentialTaskSet, constant, task
class Endless(SequentialTaskSet):
    wait_time = constant(0.01)
    @task
    def first(self):
        self.client.get("/first")
    @task
    def second(self):
        self.client.get("/second")
class V(FastHttpUser):
    tasks = [Endless]
"""


def test_a_task_set_that_never_returns_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "endless.py"
    file.write_text(
        ENDLESS
        + """
from loadkit import Rate, Scenario, Stage
scenario = Scenario([Stage("s", Rate(4), 1)])
"""
    )
    answer = harness.describe(file)
    assert answer["ok"] is False
    assert answer["error"] == {
        "what": "task set Endless never returns to its user",
        "where": f"{file}:3",
        "remedy": "Call self.interrupt() in one of its tasks when an iteration is over.",
    }


RETURNING = """
import functools
from locust import SequentialTaskSet, TaskSet, User, task
from locust.exception import RescheduleTask
from loadkit import Rate, Scenario, Stage
scenario = Scenario([Stage("s", Rate(4), 1)])

def leave(taskset):
    taskset.interrupt()

def careful(function):
    @functools.wraps(function)
    def called(*args):
        return function(*args)
    return called

def hidden(function):
    def called(self):
        function(self)
        raise RescheduleTask()
    return called

class ByHelper(TaskSet):
    @task
    def t(self):
        leave(self)
class Wrapped(TaskSet):
    @task
    @careful
    def t(self):
        self.interrupt(reschedule=False)
class Decorated(TaskSet):
    @task
    @hidden
    def t(self):
        pass
class Base(TaskSet):
    def over(self):
        self.interrupt()
class Inherits(Base):
    @task
    def t(self):
        self.over()
class ByUser(SequentialTaskSet):
    @task
    def t(self):
        self.user.done(self)
class Outer(TaskSet):
    @task
    class Inner(TaskSet):
        @task
        def t(self):
            PLACE
    @task
    def t(self):
        self.interrupt()
class U(User):
    tasks = [ByHelper, Wrapped, Decorated, Inherits, ByUser, Outer]
    def done(self, taskset):
        taskset.interrupt()
"""


def test_ways_in_which_a_task_set_returns(tmp_path: Path) -> None:
    file = tmp_path / "returning.py"
    file.write_text(RETURNING.replace("PLACE", "[self.interrupt() for _ in range(1)]"))
    answer = harness.describe(file)
    assert answer["ok"], answer
    tree = answer["users"][0]["tree"]
    assert [entry["name"] for entry in tree][-1] == "Outer"
    assert [entry["name"] for entry in tree[-1]["tasks"]] == ["Inner", "t"]
    file.write_text(RETURNING.replace("PLACE", "pass"))
    answer = harness.describe(file)
    assert answer["error"]["what"] == "task set Outer.Inner never returns to its user"


def test_without_a_scenario_it_may_go_on_for_ever(tmp_path: Path) -> None:
    result, stats = _run(tmp_path, ENDLESS, users=2, spawn_rate=2, duration=0.6)
    received = stats["received"]
    assert received["/first"] > 5
    assert abs(received["/first"] - received["/second"]) <= 2
    assert result.end["reason"] == "finished"


def test_stages_given_from_outside_refuse_it_too(tmp_path: Path) -> None:
    scenario = to_dict(Scenario([Stage("s", Rate(4), 1)], name="s"))
    result = harness.run(tmp_path, ENDLESS, scenario=scenario, host="http://127.0.0.1:9")
    assert result.end["reason"] == "error"
    assert "task set Endless never returns to its user" in result.end["message"]


def test_a_client_nobody_knows_is_said(tmp_path: Path) -> None:
    text = """
import time
from locust import User, constant, task
class U(User):
    wait_time = constant(0.05)
    @task
    def a(self):
        time.sleep(0.02)
        self.environment.events.request.fire(
            request_type="grpc", name="call", response_time=20.0, response_length=0, exception=None
        )
"""
    result = harness.run(tmp_path, text, scenario=None, users=2, spawn_rate=2, duration=0.6)
    flow = result.flow()
    assert flow["ok"] == flow["completed"] > 5
    assert flow["sent"] == 0
    assert result.end["known"] is False
    assert [finding["slug"] for finding in result.of("finding")] == ["sent-unknown"]
    assert result.histogram("service", operation="grpc call").max_ns == 20_000_000
    file = tmp_path / "locustfile.py"
    assert harness.describe(file)["users"][0]["known"] is False
