"""The service as a process: how it starts, refuses to, is overrun, keeps secrets, and ends."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
from reference_service import BEARER, COST, TOKEN, Running, call, running

pytestmark = pytest.mark.integration


def test_it_ends_quickly_and_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        assert list(tmp_path.glob("llm-cost-ops-*"))
        assert service.post().status == 201
        assert service.stop() < 10
        assert service.process.stdout is not None
        assert service.process.stdout.read() == ""
    assert not list(tmp_path.glob("llm-cost-ops-*"))
    assert (tmp_path / "service.err").read_text() == ""
    actions = [line["action"] for line in service.lines()]
    assert actions == ["service_started", "cost_recorded", "service_stopped"]
    for port in (service.api, service.metrics, service.faults):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port or 0), timeout=1)


def test_it_ends_quickly_with_slow_requests_and_open_connections(tmp_path: Path) -> None:
    with running(tmp_path) as service, ExitStack() as idle:
        service.fault("POST", "/faults", {"kind": "latency", "value": 30})
        for port in (*[service.api] * 3, service.metrics):
            idle.enter_context(socket.create_connection(("127.0.0.1", port)))

        statuses: list[int] = []
        thread = threading.Thread(target=lambda: statuses.append(service.post().status))
        thread.start()
        while service.value("http_requests_in_flight") < 1:
            time.sleep(0.02)
        assert service.value("active_connections") == 4
        assert service.stop() < 10  # not the 30 s
        thread.join()
        assert statuses == [503]


def test_what_was_answered_is_in_the_database(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    ids = set()
    with running(tmp_path, "--database", str(path)) as service:
        for number in range(1, 31):
            ids.add(service.post(input_tokens=number).json["id"])
        service.stop()
    with running(tmp_path, "--database", str(path)) as service:
        items = service.call("GET", "/api/v1/costs?limit=200").json["items"]
        assert {item["id"] for item in items} == ids
        assert service.call("GET", "/api/v1/usage/summary").json["calls"] == 30


def test_a_full_queue_is_503_and_all_is_well_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "busy.sqlite"
    statuses: list[int] = []
    with running(tmp_path, "--database", str(path), "--queue-size", "2") as service:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        threads = [
            threading.Thread(target=lambda: statuses.append(service.post().status))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
            time.sleep(0.1)
        assert service.value("store_queue_depth") == service.value("store_queue_capacity") == 2
        refused = service.post()
        assert refused.status == 503
        assert refused.headers["retry-after"] == "1"
        assert service.call("GET", "/api/v1/ready").status == 503
        assert service.call("GET", "/api/v1/health").status == 200
        holder.execute("ROLLBACK")
        holder.close()
        for thread in threads:
            thread.join()
        assert statuses == [201, 201, 201]
        assert service.post().status == 201
        assert service.call("GET", "/api/v1/ready").status == 200
        assert service.counted()[("POST", "/api/v1/costs", "503")] == 1
        assert service.call("GET", "/api/v1/usage/summary").json["calls"] == 4


def test_no_secret_gets_into_log_error_or_database(tmp_path: Path) -> None:
    path = tmp_path / "secrets.sqlite"
    keys = tmp_path / "keys.txt"
    keys.write_text("# ours\nplanted-own-key-9f3a  enterprise  acme\n")
    secrets = ["planted-own-key-9f3a", "planted-wrong-key", "planted-query-key", TOKEN,
               "demo-pro-key-1", "planted-body-secret"]  # fmt: skip
    options = ["--database", str(path), "--api-keys", str(keys)]
    with running(tmp_path, *options) as service:
        own = {"Authorization": f"Bearer {secrets[0]}"}
        answer = service.call("POST", "/api/v1/costs", COST, own)
        assert (answer.status, answer.json["user_id"]) == (201, "acme")
        plant(service, secrets)
        service.stop()
    assert len(service.lines()) > 8
    files = [service.log, tmp_path / "service.err", *tmp_path.glob("secrets.sqlite*")]
    for file in files:
        for secret in secrets:
            assert secret.encode() not in file.read_bytes(), (secret, file.name)


def plant(service: Running, secrets: list[str]) -> None:
    """Leave secrets wherever a request can hold one."""
    for header in ("X-API-Key", "Authorization", "Cookie", "User-Agent"):
        service.call("POST", "/api/v1/costs", COST, {header: f"Bearer {secrets[1]}"})
    service.call("GET", f"/api/v1/costs?api_key={secrets[2]}&limit=x")
    service.call("GET", f"/{secrets[2]}")
    service.call("POST", "/api/v1/costs", {**COST, "model": [secrets[5]], secrets[5]: 1})
    service.call("POST", "/api/v1/costs", COST, {**BEARER, "Idempotency-Key": "x" * 200})
    service.fault("POST", "/faults", {"kind": "error_rate", "value": 1, "duration": 0.2})
    service.post(project=secrets[5], model="nix")
    assert service.faults is not None
    call(service.faults, "GET", f"/faults?token={TOKEN}")
    with socket.create_connection(("127.0.0.1", service.api)) as sock:
        sock.sendall(f"GET / HTTP/1.1\r\nBad header {secrets[1]}\r\n\r\n".encode())
        assert b"400" in sock.recv(1000)


def test_the_log_is_one_object_a_line_with_the_promised_fields(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        service.post()
        service.call("GET", "/api/v1/costs", headers={})
        service.stop()
    for line in service.lines():
        assert {"timestamp", "level", "action", "message", "trace_id", "span_id"} <= set(line)
        assert line["timestamp"].endswith("Z") and len(line["timestamp"]) == 27
        assert abs(datetime.fromisoformat(line["timestamp"]).timestamp() - time.time()) < 60
    refused = next(line for line in service.lines() if line["action"] == "request_failed")
    assert (refused["level"], refused["error_type"], refused["status"]) == (
        "warning",
        "Unauthenticated",
        401,
    )


def test_on_standard_output_the_ready_line_comes_first(tmp_path: Path) -> None:
    with running(tmp_path, "--log-file", "-") as service:
        service.post()
        service.stop()
        assert service.process.stdout is not None
        rest = [json.loads(line) for line in service.process.stdout.read().splitlines()]
    actions = [line["action"] for line in rest]
    assert actions == ["service_started", "cost_recorded", "service_stopped"]


def test_it_listens_on_the_other_loopback_too(tmp_path: Path) -> None:
    with running(tmp_path, "--host", "::1") as service:
        for port in (service.api, service.metrics):
            with socket.create_connection(("::1", port), timeout=2) as sock:
                sock.sendall(b"GET /api/v1/health HTTP/1.0\r\n\r\n")
                assert sock.recv(100).startswith(b"HTTP/1.1 ")


def refuse(*options: str, token: str | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if "TOKEN" not in name}
    if token is not None:
        environment["LOADKIT_FAULT_TOKEN"] = token
    command = [sys.executable, "-m", "loadkit.reference", "--port", "0", "--metrics-port", "0"]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=20, env=environment
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_says_why_it_does_not_start(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = str(taken.getsockname()[1])
        assert f"cannot listen on 127.0.0.1:{port}" in refuse("--port", port)
        assert "give another --metrics-port" in refuse("--metrics-port", port)
        assert "give another --fault-port" in refuse("--fault-port", port, token=TOKEN)
    assert "LOADKIT_FAULT_TOKEN" in refuse("--fault-port", "0")
    other = tmp_path / "other.sqlite"
    other.write_text("this is no database, but it is long enough to be looked at" * 20)
    assert f"database {other}" in refuse("--database", str(other))
    keys = tmp_path / "keys.txt"
    keys.write_text("planted-own-key-9f3a gold acme\n")
    said = refuse("--api-keys", str(keys))
    assert "line 1: unknown tier 'gold'" in said and "planted" not in said
    assert "not a URL such as" in refuse("--otlp-endpoint", "127.0.0.1:4318")
    assert "70000 is no port" in refuse("--port", "70000")
