"""A smoke iteration against a real server: what is sent, got and said, for every client."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from load_harness import Server, serving

pytestmark = pytest.mark.integration
Frame = dict[str, Any]

CLIENTS = {
    "HttpUser": "from locust import HttpUser as Base",
    "FastHttpUser": "from locust import FastHttpUser as Base",
    "loadkit.HttpUser": "from loadkit import HttpUser as Base",
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


class Planned:
    """What ``loadkit plan --json`` said."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.status = done.returncode
        self.errors = done.stderr
        self.document: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}

    @property
    def smoke(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document["smoke"]
        return found

    def of(self, kind: str) -> list[Frame]:
        return [frame for frame in self.smoke["frames"] if frame["type"] == kind]

    @property
    def steps(self) -> list[str]:
        return [frame["task"] for frame in self.of("task")]

    def exchange(self, method: str, name: str) -> Frame:
        (found,) = [
            frame
            for frame in self.of("exchange")
            if (frame["method"], frame["name"]) == (method, name)
        ]
        return found


def run(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "users.py").write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "loadkit", "plan", "users.py", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "90"},
    )


def plan(folder: Path, text: str, server: Server, *options: str) -> Planned:
    return Planned(run(folder, text, "--host", server.url, "--json", *options))


def headers(pairs: list[list[str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in pairs}


# Two classes in one file, because most of the time of a run goes into starting it.
SHOP = """
from locust import task
{base}

class Shopper(Base):
    def on_start(self):
        self.client.post("/login", json={{"user": "ann", "password": "hunter2"}})

    @task(3)
    def look(self):
        self.client.get("/ok?page=2&token=s3cr3t", name="look",
                        headers={{"Authorization": "Bearer abcdefghijklmn", "X-Shop": "shoes"}})
        self.client.get("/redirect?to=/ok", name="moved")

    @task
    def buy(self):
        with self.client.post("/fail", data={{"item": "7"}}, catch_response=True) as response:
            if response.status_code == 503:
                response.success()
"""
TROUBLE = """

class Unlucky(Base):
    @task
    def failing(self):
        self.client.get("/fail", name="failing")

    @task
    def judged(self):
        with self.client.get("/ok", name="stock", catch_response=True) as response:
            response.failure("sold out")

    @task
    def raising(self):
        with self.client.get("/ok", name="lost", catch_response=True):
            raise KeyError("left")

    @task
    def nobody(self):
        self.client.get("http://127.0.0.1:1/")
"""


@pytest.fixture(scope="module", params=CLIENTS)
def tried(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Planned, Server, dict[str, int]]:
    """Both classes on one client: what was said, where it went, and what the server received."""
    with serving() as running:
        text = (SHOP + TROUBLE).format(base=CLIENTS[request.param])
        found = plan(tmp_path_factory.mktemp("smoke"), text, running)
        return found, running, running.stats()["received"]


Tried = tuple[Planned, Server, dict[str, int]]


def test_every_request_and_answer_is_told(tried: Tried) -> None:
    found, server, received = tried
    assert [frame["user"] for frame in found.of("user")] == ["Shopper", "Unlucky"], found.errors
    assert (found.smoke["tasks"], found.smoke["requests"]) == (7, 8)
    assert found.steps[:3] == ["on_start", "look", "buy"]
    assert not any(failure.startswith("Shopper") for failure in found.smoke["failures"])

    login = found.exchange("POST", "/login")
    assert login["url"] == f"{server.url}/login"
    assert "hunter2" not in json.dumps(found.document)
    assert login["request_body"]["text"].replace(" ", "") == '{"user":"ann","password":[removed]}'
    assert headers(login["request_headers"])["content-type"] == "application/json"
    assert headers(login["request_headers"])["host"] == server.url.removeprefix("http://")
    assert login["status"] == 200
    assert headers(login["response_headers"])["content-length"] == "14"
    assert login["response_body"] == {
        "text": '{"fine": true}',
        "bytes": 14,
        "cut": False,
        "what": None,
    }
    assert 0 < login["seconds"] < 5
    assert login["error"] is None

    look = found.exchange("GET", "look")
    assert look["url"] == f"{server.url}/ok?page=2&token=[removed]"
    assert headers(look["request_headers"])["authorization"] == "[removed]"
    assert headers(look["request_headers"])["x-shop"] == "shoes"
    assert look["request_body"] is None

    moved = found.exchange("GET", "moved")
    assert moved["status"] == 200
    assert moved["hops"] == [{"status": 302, "url": f"{server.url}/redirect?to=/ok"}]

    buy = found.exchange("POST", "/fail")
    assert (buy["status"], buy["error"]) == (503, None)
    assert buy["request_body"]["text"] == "item=7"
    assert received == {"/login": 1, "/ok": 4, "/redirect": 1, "/fail": 2}


def test_what_fails_is_said_and_the_next_task_comes(tried: Tried) -> None:
    found, _, _ = tried
    assert found.status == 3, found.errors
    assert found.steps[3:] == ["failing", "judged", "raising", "nobody"]
    assert "503" in found.exchange("GET", "failing")["error"]
    assert "sold out" in found.exchange("GET", "stock")["error"]
    lost = found.exchange("GET", "lost")
    assert lost["status"] == 200
    assert lost["error"].startswith("no verdict")
    assert lost["response_body"]["text"] == '{"fine": true}'
    nobody = found.of("exchange")[-1]
    assert nobody["status"] is None
    assert "refused" in nobody["error"]
    raised = [frame for frame in found.of("done") if frame["error"]]
    where = line(SHOP + TROUBLE, 'KeyError("left")')
    assert [(frame["task"], frame["error"]) for frame in raised] == [
        ("raising", f"KeyError: 'left' (users.py:{where})")
    ]
    failures = found.smoke["failures"]
    assert len(failures) == 5
    assert failures[0].startswith("Unlucky · failing · GET failing: ")
    assert failures[3] == f"Unlucky · raising: KeyError: 'left' (users.py:{where})"


def line(source: str, part: str) -> int:
    """Number of the line of a file that holds a text."""
    return next(n for n, text in enumerate(source.splitlines(), start=1) if part in text)


FOREIGN = """
from locust import (FastHttpUser, HttpUser, SequentialTaskSet, TaskSet, User, between, events,
                    tag, task)

@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--shop", default="none")

@events.test_start.add_listener
def begin(environment, **_):
    environment.shop = environment.parsed_options.shop

class Visitor(HttpUser):
    wait_time = between(50, 60)

    @task
    class Browse(TaskSet):
        def on_start(self):
            self.client.get("/ok", name="enter")

        @task(4)
        def look(self):
            self.client.get(f"/ok", name=self.user.environment.shop)
            self.wait()

        @task
        def leave(self):
            self.interrupt()

    @task
    class Order(SequentialTaskSet):
        @task
        def put(self):
            self.client.put("/ok", data=b"\\x00\\xff", name="put")

        @task
        def pay(self):
            card = {"note": "x" * 1970, "password": "hunter2-hunter2-hunter2"}
            self.client.post("/ok", json=card, name="pay")

    @tag("slow")
    @task
    def never(self):
        self.client.get("/ok", name="never")

class Broken(FastHttpUser):
    def on_start(self):
        raise RuntimeError("no account")

    @task
    def not_reached(self):
        self.client.get("/ok", name="not reached")

class Database(User):
    @task
    def query(self):
        self.environment.events.request.fire(
            request_type="SQL", name="select", response_time=12.5, response_length=3,
            exception=None, context={})
"""


def test_a_foreign_file_is_tried_with_all_that_hangs_on_it(tmp_path: Path, server: Server) -> None:
    found = plan(tmp_path, FOREIGN, server, "--shop", "shoes", "--exclude-tags", "slow")
    assert found.status == 3
    assert found.steps == [
        "Browse / on_start",
        "Browse / look",
        "Browse / leave",
        "Order / put",
        "Order / pay",
        "on_start",
        "query",
    ]
    names = [frame["name"] for frame in found.of("exchange")]
    assert names == ["enter", "shoes", "put", "pay", "select"]
    assert found.smoke["failures"] == [
        f"Broken · on_start: RuntimeError: no account (users.py:{line(FOREIGN, 'no account')})"
    ]
    put = found.exchange("PUT", "put")
    assert put["request_body"] == {"text": None, "bytes": 2, "cut": False, "what": "no text"}
    pay = found.exchange("POST", "pay")["request_body"]
    # It would be cut in the middle of the password.
    assert (len(pay["text"]), pay["bytes"], pay["cut"]) == (2000, 2021, True)
    assert "hunter2" not in json.dumps(found.document)
    query = found.exchange("SQL", "select")
    assert (query["url"], query["status"], query["seconds"]) == (None, None, 0.0125)
    assert found.document["arrivals"] is None
    weights = {cls["name"]: cls["tasks"] for cls in found.document["user_classes"]}
    assert weights["Visitor"][0]["tasks"][0] == {"name": "look", "weight": 4, "tasks": []}


ENDLESS = """
from locust import FastHttpUser, task

class Loop(FastHttpUser):
    @task
    def forever(self):
        while True:
            try:
                self.client.get("/ok")
            except Exception:
                pass

    @task
    def after(self):
        self.client.get("/ok", name="after")

    @task
    def away(self):
        self.client.get("http://192.0.2.7/", name="away")
"""


def test_a_task_that_never_ends_is_stopped_and_nobody_is_hit(
    tmp_path: Path, server: Server
) -> None:
    found = plan(tmp_path, ENDLESS, server)
    assert found.status == 3
    endless, away = found.smoke["failures"]
    assert endless == "Loop · forever: more than 100 requests in one task: given up"
    assert "192.0.2.7 is not on this machine" in away
    assert found.exchange("GET", "after")["status"] == 200
    assert server.stats()["received"] == {"/ok": 101}


DYING = """
import os
from locust import HttpUser, task

class Dying(HttpUser):
    @task
    def last(self):
        os._exit(7)
"""


def test_a_process_that_ends_is_a_failure(tmp_path: Path, server: Server) -> None:
    found = plan(tmp_path, DYING, server)
    assert found.status == 3
    assert found.smoke["failures"] == ["Dying · last: the process ended with status 7"]


def test_on_a_screen(tmp_path: Path, server: Server) -> None:
    done = run(tmp_path, SHOP.format(base=CLIENTS["HttpUser"]), "--host", server.url)
    assert done.returncode == 0, done.stderr
    assert max(len(text) for text in done.stdout.splitlines()) <= 90
    assert "\x1b" not in done.stdout
    for text in (
        "closed model: 1 user",
        "  ▸ on_start\n    → POST http",
        "      counted as look\n",
        "    ← 302 redirected\n",
        "      Authorization: [removed]\n",
        '      {"fine": true}\n',
        "\nsmoke passed: 3 steps, 4 requests\n",
    ):
        assert text in done.stdout


SERVICE = """
from locust import FastHttpUser, task
from loadkit import Rate, Scenario, Stage

class Cost(FastHttpUser):
    @task
    def prices(self):
        self.client.get("/api/v1/pricing", headers={"X-API-Key": "demo-pro-key-1"})

scenario = Scenario([Stage("a", load=Rate(10), duration=5)], stack="embedded")
"""


def test_the_embedded_stack_brings_its_service(tmp_path: Path) -> None:
    found = Planned(run(tmp_path, SERVICE, "--json"))
    assert found.status == 0, found.errors
    prices = found.exchange("GET", "/api/v1/pricing")
    assert prices["status"] == 200
    assert '"currency"' in prices["response_body"]["text"]
    assert found.document["arrivals"] == 50
    assert sorted(path.name for path in tmp_path.iterdir()) in (
        ["users.py"],
        ["__pycache__", "users.py"],
    )


SLOW = """
import time
from locust import FastHttpUser, task
from loadkit import Rate, Scenario, Stage

class Slow(FastHttpUser):
    @task
    def wait(self):
        time.sleep(25)

scenario = Scenario([Stage("a", load=Rate(10), duration=5)], stack="embedded")
"""


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "users.py").write_text(SLOW, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "loadkit", "plan", "users.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # so that it does not ignore the signal, as jobs of a shell do
    )
    try:
        assert process.stdout is not None
        assert any("▸ wait" in text for text in process.stdout)
        started = psutil.Process(process.pid).children(recursive=True)
        assert len(started) >= 3  # guard, service, load
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        _, alive = psutil.wait_procs(started, timeout=5)
        assert alive == []
    finally:
        process.kill()
        process.communicate()
