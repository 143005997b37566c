"""The embedded stack with its real servers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from loadkit.alerts.prepare import PreparedRules, prepare_rules
from loadkit.alerts.receivers import prepare_alertmanager
from loadkit.errors import StackError
from loadkit.stack import binaries, detached
from loadkit.stack.cache import cache_directory
from loadkit.stack.components import Died, Started
from loadkit.stack.config_files import config_file
from loadkit.stack.embedded import EmbeddedStack, StackRequest
from loadkit.stack.guard import Guard
from loadkit.stack.interpreter import python_path
from loadkit.stack.process import RUN_ID
from loadkit.stack.server import Place
from loadkit.stack.servers import NodeExporter
from loadkit.stack.sink import LoopbackServer

pytestmark = pytest.mark.integration

OWN = """
groups:
- name: own
  rules:
  - alert: Always
    expr: vector(1)
    for: 15s
    labels: {severity: critical}
    annotations: {description: it is always so}
"""


class Mailbox:
    """A receiver for Alertmanager that keeps what it gets."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Any]] = []
        messages = self.messages

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                messages.append((self.path, json.loads(body)))
                self.send_response(202)
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return None

        self.server = LoopbackServer(Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


class Running:
    """A stack, and a loop that runs while a test waits for something."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run_id = f"test-{uuid.uuid4()}"
        self.mailbox = Mailbox()
        self.started: list[Started] = []
        self._runner = asyncio.Runner()
        own = folder / "own.yml"
        own.write_text(OWN)
        rules = corrected("corrected"), corrected(str(own))
        self.stack = EmbeddedStack(
            StackRequest(
                run_id=self.run_id,
                directory=folder / "stack",
                rule_files=[*rules[0].files, *rules[1].files],
                alertmanager_text=alertmanager(self.mailbox.url),
                on_started=self.started.append,
            )
        )
        self._runner.run(self._up())

    async def _up(self) -> None:
        await self.stack.__aenter__()
        await self.stack.wait_for_targets()

    def until(self, check: Callable[[], bool], seconds: float = 15) -> None:
        async def wait() -> None:
            end = time.monotonic() + seconds
            while not await asyncio.to_thread(check):
                assert time.monotonic() < end
                await asyncio.sleep(0.05)

        self._runner.run(wait())

    def close(self) -> None:
        self._runner.run(self.stack.__aexit__(None, None, None))
        self._runner.close()
        self.mailbox.close()


def corrected(source: str) -> PreparedRules:
    promtool = binaries.ensure(lambda _: None)["promtool"].path
    return prepare_rules(source, promtool_path=promtool, jobs=EmbeddedStack.jobs)


def alertmanager(url: str) -> str:
    text = config_file("corrected", "alertmanager.yml").read_text(encoding="utf-8")
    return prepare_alertmanager(text, notify_url=url).text


def ask(url: str) -> Any:
    answer = httpx.get(url, trust_env=False, timeout=5)
    answer.raise_for_status()
    return answer.json()


def members(run_id: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN_ID) == run_id:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    it = Running(tmp_path_factory.mktemp("embedded"))
    yield it
    it.close()
    assert members(it.run_id) == []


def test_parts_start_in_order_of_their_needs(running: Running) -> None:
    names = [started.name for started in running.started]
    assert names[-1] == "prometheus"
    assert set(names) == {"service", "node_exporter", "alertmanager", "prometheus"}
    assert all(0 < started.seconds < 20 for started in running.started)
    assert set(running.stack.versions) == set(running.stack.pids) == set(names)
    assert all(version[0].isdigit() for version in running.stack.versions.values())


def test_the_jobs_are_the_guides_with_short_intervals(running: Running) -> None:
    targets = ask(f"{running.stack.prometheus_url}/api/v1/targets")["data"]["activeTargets"]
    found = {
        t["labels"]["job"]: (t["labels"]["instance"], t["scrapeInterval"], t["scrapeTimeout"])
        for t in targets
    }
    assert found == {
        "prometheus": ("localhost:9090", "1s", "1s"),
        "llm-cost-ops": ("app:9090", "667ms", "667ms"),
        "node": ("node-exporter:9100", "1s", "1s"),
    }
    flags = ask(f"{running.stack.prometheus_url}/api/v1/status/flags")["data"]
    assert flags["query.lookback-delta"] == "20s"


def test_rules_are_loaded_with_everything_divided(running: Running) -> None:
    groups = ask(f"{running.stack.prometheus_url}/api/v1/rules")["data"]["groups"]
    assert {group["name"]: group["interval"] for group in groups} == {
        "llm-cost-ops-alerts": 2,
        "slo": 2,
        "slo-alerts": 2,
        "own": 1,
    }
    rules = {rule["name"]: rule for group in groups for rule in group["rules"]}
    assert "DatabaseDown" not in rules
    assert rules["HighErrorRate"]["duration"] == 20
    assert rules["HighCPUUsage"]["duration"] == 40
    assert rules["SLOViolation-Availability"]["duration"] == 240
    assert "[20s]" in rules["slo:latency:ratio"]["query"]
    assert all(rule["health"] != "err" for rule in rules.values())


def test_alertmanager_has_the_routes_with_short_waits(running: Running) -> None:
    text = ask(f"{running.stack.alertmanager_url}/api/v2/status")["config"]["original"]
    for line in ("group_wait: 667ms", "group_interval: 667ms", "repeat_interval: 48m"):
        assert line in text


def test_an_alert_is_delivered_to_loadkit_by_the_files_routes(running: Running) -> None:
    paths = {"/notify/critical/slack", "/notify/critical/pagerduty"}
    running.until(lambda: paths <= {path for path, _ in running.mailbox.messages})
    messages = dict(running.mailbox.messages)
    slack = messages["/notify/critical/slack"]
    assert slack["channel"] == "#alerts-critical"
    assert slack["attachments"][0]["title"] == "FIRING CRITICAL: Always"
    assert "it is always so" in slack["attachments"][0]["text"]
    pager = messages["/notify/critical/pagerduty"]
    assert (pager["routing_key"], pager["event_action"]) == ("loadkit", "trigger")
    assert {path.split("/")[1] for path, _ in running.mailbox.messages} == {"notify"}


def test_everything_listens_on_loopback_only(running: Running) -> None:
    for name, pid in running.stack.pids.items():
        connections = psutil.Process(pid).net_connections(kind="inet")
        open_to = {c.laddr.ip for c in connections if c.laddr and not c.raddr}
        assert open_to == {"127.0.0.1"}, name
        assert {c.raddr.ip for c in connections if c.raddr} <= {"127.0.0.1"}, name


def test_the_service_answers_and_its_files_are_there(running: Running) -> None:
    stack = running.stack
    health = httpx.get(f"{stack.service_url}/api/v1/health", trust_env=False)
    assert health.status_code == 200
    assert "http_requests_total" in httpx.get(stack.metrics_url, trust_env=False).text
    assert stack.fault_url.startswith("http://127.0.0.1:")
    assert len(stack.fault_token) >= 32
    for path in stack.log_files.values():
        assert path.is_relative_to(running.folder)
    for path in (running.folder / "stack").rglob("*"):
        if path.is_file() and path.stat().st_size < 1 << 20:
            assert stack.fault_token.encode() not in path.read_bytes(), path


def test_a_death_is_noticed_the_rest_lives_on_and_what_is_left_is_the_data(tmp_path: Path) -> None:
    run_id = f"test-{uuid.uuid4()}"
    deaths: list[Died] = []
    request = StackRequest(
        run_id, tmp_path, (), alertmanager("http://127.0.0.1:9"), on_death=deaths.append
    )

    async def run() -> None:
        async with EmbeddedStack(request) as stack:
            assert (tmp_path / "service" / "service.db").exists()
            before = time.monotonic_ns()
            os.kill(stack.pids["prometheus"], signal.SIGKILL)
            while not deaths:
                assert time.monotonic_ns() < before + 2e9
                await asyncio.sleep(0.01)
            (death,) = deaths
            assert (death.name, death.title, death.status) == ("prometheus", "Prometheus", -9)
            assert before < death.monotonic_ns < before + 1e9
            assert "Server is ready" in death.last_words
            async with httpx.AsyncClient(trust_env=False) as client:
                health = await client.get(f"{stack.service_url}/api/v1/health")
            assert health.status_code == 200
            assert len(members(run_id)) == 3
            raise KeyError("boom")

    with pytest.raises(KeyError):
        asyncio.run(run())
    assert len(deaths) == 1  # the orderly end of the others is none
    assert members(run_id) == []
    assert (tmp_path / "prometheus" / "data" / "wal").is_dir()
    assert not list((tmp_path / "service").glob("service.db*"))


def test_a_part_that_does_not_start_is_named_and_takes_the_others_along(tmp_path: Path) -> None:
    run_id = f"test-{uuid.uuid4()}"
    request = StackRequest(
        run_id,
        tmp_path,
        (),
        alertmanager("http://127.0.0.1:9"),
        service_arguments=["--no-such-option"],
    )

    async def run() -> None:
        async with EmbeddedStack(request):
            raise AssertionError("must not get here")

    with pytest.raises(StackError, match="cost service ended with exit status 2") as error:
        asyncio.run(run())
    assert "unrecognized arguments: --no-such-option" in str(error.value)
    assert members(run_id) == []


@pytest.mark.parametrize("delay_s", [0.02, 0.1, 0.25, 0.4, 0.8])
def test_a_start_that_is_cancelled_leaves_nothing(tmp_path: Path, delay_s: float) -> None:
    run_id = f"test-{uuid.uuid4()}"
    text = alertmanager("http://127.0.0.1:9")

    async def start() -> None:
        async with Guard(run_id), EmbeddedStack(StackRequest(run_id, tmp_path, (), text)):
            await asyncio.sleep(600)

    async def run() -> None:
        task = asyncio.create_task(start())
        await asyncio.sleep(delay_s)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)

    asyncio.run(run())
    assert members(run_id) == []


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    binary = binaries.ensure(lambda _: None, ["node_exporter"])["node_exporter"]
    mailbox = Mailbox()  # answers on the health page as well: it must not pass for the exporter
    taken = mailbox.server.server_port

    class Unlucky(NodeExporter):
        tries: Sequence[int] = ()

        def choose_port(self) -> int:
            self.tries = [*self.tries, taken if not self.tries else super().choose_port()]
            return self.tries[-1]

    async def run() -> tuple[int, Sequence[int]]:
        exporter = Unlucky(Place("test", tmp_path), binary)
        await exporter.start()
        try:
            return exporter.port, exporter.tries
        finally:
            await exporter.stop()

    try:
        port, tries = asyncio.run(run())
    finally:
        mailbox.close()
    assert tries[0] == taken
    assert tries[1:] == [port]


def test_a_port_that_stays_taken_is_said(tmp_path: Path) -> None:
    binary = binaries.ensure(lambda _: None, ["node_exporter"])["node_exporter"]
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        class Doomed(NodeExporter):
            def choose_port(self) -> int:
                return int(other.getsockname()[1])

        with pytest.raises(StackError, match="address already in use"):
            asyncio.run(Doomed(Place("test", tmp_path), binary).start())


SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from loadkit.stack.embedded import EmbeddedStack, StackRequest
from loadkit.stack.guard import Guard

async def main(run_id, folder, text):
    async with Guard(run_id), EmbeddedStack(StackRequest(run_id, Path(folder), (), text)):
        print("up", flush=True)
        await asyncio.sleep(600)

asyncio.run(main(*sys.argv[1:]))
"""


def test_no_server_outlives_a_supervisor_killed_with_minus_nine(tmp_path: Path) -> None:
    run_id = f"test-{uuid.uuid4()}"
    supervisor = subprocess.Popen(
        [
            sys.executable,
            "-c",
            SUPERVISOR,
            run_id,
            str(tmp_path),
            alertmanager("http://127.0.0.1:9"),
        ],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": python_path()},
        start_new_session=True,
    )
    assert supervisor.stdout is not None
    assert supervisor.stdout.readline() == b"up\n"
    assert len(members(run_id)) == 4
    supervisor.kill()
    killed = time.monotonic()
    supervisor.wait()
    supervisor.stdout.close()
    while members(run_id):
        assert time.monotonic() < killed + 15
        time.sleep(0.05)
    # Ended by SIGTERM, so that the samples are there to be read.
    assert (tmp_path / "prometheus" / "data" / "wal").is_dir()


def test_a_detached_stack_lives_until_it_is_taken_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries.ensure(lambda _: None)
    servers = cache_directory() / "servers"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if servers.is_dir():  # the programs, without downloading them once more
        (cache_directory() / "servers").symlink_to(servers)
    assert detached.status().state is None
    state = asyncio.run(detached.up(corrected("guide").files, alertmanager))
    try:
        status = detached.status()
        assert status.state == state
        assert status.running == dict.fromkeys(
            ["service", "node_exporter", "alertmanager", "prometheus", "sink"], True
        )
        assert (tmp_path / "loadkit" / "stack.json").stat().st_mode & 0o777 == 0o600
        assert ask(f"{state.urls['prometheus']}/api/v1/query?query=up")["status"] == "success"
        with pytest.raises(Exception, match="a stack is running already"):
            asyncio.run(detached.up((), alertmanager))
        os.kill(state.parts["node_exporter"].pid, signal.SIGKILL)
        end = time.monotonic() + 5
        while detached.status().running["node_exporter"] and time.monotonic() < end:
            time.sleep(0.02)
        assert detached.status().running["node_exporter"] is False
    finally:
        before = asyncio.run(detached.down())
    assert before.running["prometheus"] is True
    assert members(state.run_id) == []
    assert detached.status().state is None
    assert list((tmp_path / "loadkit" / "stacks").iterdir()) == []


def test_somebody_elses_process_with_a_noted_id_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        note = {
            "run_id": "stack-x",
            "directory": str(tmp_path),
            "urls": {},
            "fault_token": "",
            "notifications": "",
            "parts": {"sink": {"pid": stranger.pid, "start_ticks": 1}},
            "versions": {},
            "format": 1,
        }
        (cache_directory() / "stack.json").write_text(json.dumps(note))
        assert detached.status().running == {"sink": False}
        asyncio.run(detached.down())
        assert stranger.poll() is None
        assert tmp_path.exists()
        (cache_directory() / "stack.json").write_text(json.dumps({**note, "format": 2}))
        with pytest.raises(StackError, match="newer loadkit"):
            detached.status()
        (cache_directory() / "stack.json").write_text("{")
        with pytest.raises(StackError, match="cannot be read"):
            detached.status()
    finally:
        stranger.kill()
        stranger.wait()
