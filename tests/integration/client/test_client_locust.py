"""What a Locust user would write for FastHttpUser holds for loadkit.HttpUser."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_harness import HERE, Step, odd, plain

pytestmark = pytest.mark.integration

_FAST = b"This is an ultra fast response"
_CASES = [
    node.name
    for node in ast.parse((HERE / "client_cases.py").read_text()).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("case_")
]


def echo(request: bytes) -> bytes:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {n.lower(): v for n, v in (line.split(": ", 1) for line in lines)}
    told = {"method": method, "target": target, "headers": headers, "body": body.decode()}
    return plain(json.dumps(told).encode(), "200 OK", "Content-Type: application/json")


def site(request: bytes, connection: int, turn: int) -> list[Step]:
    method, target, _ = request.partition(b"\r\n")[0].decode().split(" ")
    path = target.partition("?")[0]
    if method == "HEAD":
        return [b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n"]
    if path == "/echo":
        return [echo(request)]
    if path == "/slow":
        return [0.4, plain(b"slow")]
    if path == "/stream":
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        return [head, b"6\r\none\r\nt\r\n", 0.15, b"3\r\nwo\n\r\n", b"5\r\nthree\r\n0\r\n\r\n"]
    answers = {
        "/fail": plain(b"no", "500 Internal Server Error"),
        "/redirect": plain(b"", "302 Found", "Location: /ultra_fast"),
        "/set_cookie": plain(b"", "200 OK", "Set-Cookie: session=abc; Path=/"),
        "/latin1": plain(
            "för".encode("latin-1"), "200 OK", "Content-Type: text/x; charset=ISO-8859-1"
        ),
        "/utf8": plain("för".encode(), "200 OK", "Content-Type: text/plain"),
    }
    return [answers.get(path, plain(_FAST))]


@pytest.fixture(scope="module")
def results() -> Iterator[dict[str, str | None]]:
    with odd(site) as server:
        command = [sys.executable, str(HERE / "client_cases.py"), server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("case", _CASES)
def test_as_locust_users_write_it(results: dict[str, str | None], case: str) -> None:
    assert results[case] is None, results[case]


def test_plain_locust_runs_it(tmp_path: Path) -> None:
    """``locust -f`` alone: its statistics count every request, but for those that it cuts off."""
    file = tmp_path / "locustfile.py"
    file.write_text(
        "from locust import constant, task\n"
        "from loadkit import HttpUser\n"
        "class Visitor(HttpUser):\n"
        "    wait_time = constant(0.01)\n"
        "    @task\n"
        "    def look(self):\n"
        "        self.client.get('/ultra_fast')\n"
        "        self.client.get('/fail', name='broken')\n"
    )
    with odd(site) as server:
        command = [sys.executable, "-m", "locust", "-f", str(file), "--headless", "-u", "3"]
        command += ["-r", "3", "-t", "2", "--stop-timeout", "5", "--host", server.url, "--json"]
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert time.monotonic() - began < 30
        rows = {row["name"]: row for row in json.loads(done.stdout)}
        asked = [request.split(b" ")[1] for request in server.requests]
    counted = rows["/ultra_fast"]["num_requests"], rows["broken"]["num_requests"]
    assert min(counted) > 5
    assert 0 <= asked.count(b"/ultra_fast") - counted[0] <= 3
    assert 0 <= asked.count(b"/fail") - counted[1] <= 3
    assert rows["/ultra_fast"]["num_failures"] == 0
    assert rows["broken"]["num_failures"] == counted[1]
    assert server.connections == 3
    assert done.returncode == 1, done.stderr  # as always with Locust when a request failed


def test_the_package_alone_imports_no_locust() -> None:
    code = "import sys, loadkit; print('locust' in sys.modules, 'gevent' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False False\n", done.stderr
