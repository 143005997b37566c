"""In a run every request of loadkit.HttpUser is in the books, as the server saw it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import load_harness as load
import pytest
from client_harness import Step, odd, plain

pytestmark = pytest.mark.integration

SCENARIO = """
import gevent
from locust import events, task
from loadkit import HttpUser, Rate, Scenario, Stage, Users
scenario = Scenario([Stage("open", Rate(60, max_users=100), 2), Stage("closed", Users(3), 1)])

class Visitor(HttpUser):
    host = "{url}"
    wait_time = lambda self: 0.02

    @task(8)
    def ok(self):
        self.client.get("/ok?id=1", name="/ok")
    @task(3)
    def fail(self):
        self.client.post("/fail", json={{"a": 1}})
    @task(3)
    def raised(self):
        with self.client.get("/raised", catch_response=True):
            raise ValueError("of the block")
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
    @task(2)
    def redirected(self):
        self.client.get("/redirect")
    @task(2)
    def broken(self):
        self.client.get("/broken")
    @task(2)
    def last(self):
        self.client.get("/last")
    @task(2)
    def elsewhere(self):
        self.client.get("http://192.0.2.1/x", name="/elsewhere")
    @task(2)
    def away(self):
        self.client.get("/away")
    @task(2)
    def own(self):
        own = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
        self.client.get("/own", headers={{"traceparent": own}})
    @task(2)
    def slow(self):
        self.client.get("/slow")
"""

LISTENER = """
heard = []
@events.request.add_listener
def hear(request_type, name, response_time, exception, response, context, **_):
    assert response_time > 0 or exception
    heard.append(name)
@events.quitting.add_listener
def tell(environment, **_):
    import json
    stats = {name: entry.num_requests for (name, _), entry in environment.stats.entries.items()}
    with open(__file__ + ".heard", "w") as out:
        json.dump([heard, stats], out)
"""


class Site:
    """The server's own books."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.traces: dict[str, str] = {}
        self._lock = threading.Lock()

    def __call__(self, request: bytes, connection: int, turn: int) -> list[Step]:
        head = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        path = head[0].split(" ")[1].partition("?")[0]
        (trace,) = (line.split(": ")[1] for line in head if line.lower().startswith("traceparent"))
        with self._lock:
            self.seen[path] += 1
            self.traces[trace.split("-")[1]] = path
        if path == "/last" and turn > 0:
            return ["close"]  # so that it has to be asked for again
        answers: dict[str, list[Step]] = {
            "/fail": [plain(b"no", "503 Busy")],
            "/redirect": [plain(b"", "302 Found", "Location: /there")],
            "/away": [plain(b"", "302 Found", "Location: http://192.0.2.1/")],
            "/broken": [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "close"],
            "/slow": [0.05, plain()],
        }
        return answers.get(path, [plain()])


Found = tuple[load.Run, Site, Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """One run for all, its server's books, and what a listener of the file heard."""
    site, folder = Site(), tmp_path_factory.mktemp("run")
    with odd(site) as server:
        found = load.run(folder, SCENARIO.format(url=server.url) + LISTENER, seed=7)
    assert found.end["reason"] == "finished", (found.end, found.errors)
    return found, site, json.loads((folder / "locustfile.py.heard").read_text())


def test_every_request_is_accounted_for(run: Found) -> None:
    found, site, _ = run
    assert found.end["in_flight"] == 0 and found.end["known"]
    by_operation = {row["operation"] for row in found.rows("flow") if row["operation"]}
    for operation in by_operation:
        flow = found.flow(operation=operation)
        ended = sum(flow[outcome] for outcome in ("ok", "failed", "raised", "cancelled"))
        assert flow["sent"] == ended > 0, operation

    def sent(path: str, method: str = "GET") -> int:
        return found.flow(operation=f"{method} {path}")["sent"]

    for path in ("/ok", "/raised", "/judged", "/forgotten", "/inner", "/own", "/slow", "/redirect"):
        assert sent(path) == site.seen[path] > 0, path
    assert site.seen["/there"] == site.seen["/redirect"]  # part of the same request
    assert site.seen["/fail"] == sent("/forgiven") + sent("/fail", "POST")
    assert found.flow(operation="POST /fail")["failed"] == sent("/fail", "POST")
    assert found.flow(operation="GET /forgiven")["ok"] == sent("/forgiven")
    assert found.flow(operation="GET /raised")["raised"] == sent("/raised")
    assert found.flow(operation="GET /judged")["failed"] == sent("/judged")
    assert found.flow(operation="GET /forgotten")["raised"] == sent("/forgotten")
    assert found.flow(operation="GET /broken")["completed"] == 0
    elsewhere = found.flow(operation="GET /elsewhere")
    assert elsewhere["sent"] == elsewhere["failed"] > 0 and elsewhere["completed"] == 0

    kinds = {row["operation"]: row["kind"] for row in found.rows("errors")}
    assert kinds["POST /fail"] == "HTTP 503"
    assert kinds["GET /raised"] == "ValueError"
    assert kinds["GET /judged"] == "CatchResponseError"
    assert kinds["GET /forgotten"] == "NoVerdict"
    assert kinds["GET /elsewhere"] == "TargetNotAllowed"
    assert kinds["GET /away"] == "TargetNotAllowed"
    assert found.flow(operation="GET /away")["completed"] == 0
    assert kinds["GET /broken"] == "ConnectionClosed"


def test_a_retry_is_said_and_counted_once(run: Found) -> None:
    found, site, _ = run
    flow = found.flow(operation="GET /last")
    assert flow["sent"] == flow["ok"]
    retried = site.seen["/last"] - flow["sent"]
    notes = {note["slug"]: note for note in found.of("finding")}
    assert retried > 0
    assert notes["connection-retried"]["evidence"] == {"requests": str(retried)}
    assert notes["connection-retried"]["severity"] == "info"


def test_times_and_traces(run: Found) -> None:
    found, site, _ = run
    service = found.histogram("service", operation="GET /slow")
    assert service.count == site.seen["/slow"]
    assert service.min_ns is not None and service.min_ns >= 50_000_000
    named = [row for row in found.rows("exemplars") if row["trace_id"]]
    assert len(named) > 20
    for row in named:
        path = row["operation"].split(" ")[1]
        if row["trace_id"] in site.traces and path not in ("/forgiven", "/redirect", "/away"):
            assert site.traces[row["trace_id"]] == path
    refused = ("GET /elsewhere", "GET /away")
    elsewhere = {row["trace_id"] for row in named if row["operation"] in refused}
    assert {row["trace_id"] for row in named} - elsewhere <= set(site.traces)
    own = {row["trace_id"] for row in named if row["operation"] == "GET /own"}
    assert own == {"ab" * 16}


def test_the_sampling_ratio_is_kept(tmp_path: Path) -> None:
    flags: list[str] = []

    def script(request: bytes, connection: int, turn: int) -> list[Step]:
        flags.append(request.partition(b"traceparent: ")[2].split(b"\r\n")[0].decode()[-2:])
        return [plain()]

    text = SCENARIO.partition("    @task(3)")[0]
    with odd(script) as server:
        load.run(tmp_path, text.format(url=server.url), trace_ratio=0.5)
        assert 0.25 < flags.count("01") / len(flags) < 0.75


def test_listeners_of_the_file_hear_each_request_once(run: Found) -> None:
    _, site, (heard, stats) = run
    counts = Counter(heard)
    assert counts["/ok"] == site.seen["/ok"] == stats["/ok"]
    assert counts["/judged"] == site.seen["/judged"] == stats["/judged"]
    assert counts["/raised"] == 0  # as with Locust's own clients
