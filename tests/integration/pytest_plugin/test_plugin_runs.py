"""Tests of a user's own that run a load: a passing and a failing objective, as JUnit shows them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.integration

TESTS = """
import pytest

pytestmark = pytest.mark.loadkit(url="http://127.0.0.1:PORT/", rate=20, duration="2s")

def test_quick(loadkit):
    run = loadkit.run(slo=["p95 < 5 s", "errors < 1 %"])
    run.check()
    assert 0 < run.response("p50") <= run.response("max") < 5
    assert sum(stage.count for stage in run.analysis.stages) == 40

@pytest.mark.loadkit(rate=10)
def test_too_slow(loadkit):
    run = loadkit.run(slo="p95 < 1 us")
    assert sum(stage.count for stage in run.analysis.stages) == 20
    run.check()

def test_wrong_usage(loadkit):
    loadkit.run(slo="p95 is good")
"""


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def server_bind(self) -> None:  # without the look-up of the machine's name
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]


@pytest.fixture
def port() -> Iterator[int]:
    """A service that answers at once."""
    server = _Server(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_objectives_are_test_results(tmp_path: Path, port: int) -> None:
    (tmp_path / "test_load.py").write_text(TESTS.replace("PORT", str(port)))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider"),
            *("--strict-markers", "--junitxml=out.xml", "--loadkit-reports=kept", "-q"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()[0]
    assert [suite.get(key) for key in ("tests", "failures", "errors")] == ["3", "2", "0"]
    quick, slow, wrong = suite.findall("testcase")
    assert quick.find("failure") is None
    told = {p.get("name"): p.get("value") or "" for p in slow.findall(".//property")}
    assert told["loadkit_exit_status"] == "3"
    assert Path(tmp_path, told["loadkit_report"]).is_file()
    failure = slow.find("failure")
    assert failure is not None
    assert "p95 < 1 us in " in (failure.text or "")
    assert ": failed, p95 " in (failure.text or "")
    failure = wrong.find("failure")
    assert failure is not None
    assert "p95 is good" in (failure.text or "")
    assert "Traceback" not in (failure.text or "")
    assert len(list((tmp_path / "kept").iterdir())) >= 2
