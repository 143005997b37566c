"""Targets that were not named, signals, a parent that dies, files that are wrong."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import load_harness as harness
import psutil
import pytest

pytestmark = pytest.mark.integration

ONE = """
from locust import FastHttpUser, HttpUser, task
from loadkit import Rate, Scenario, Stage
scenario = Scenario([Stage("s", Rate(RATE), DURATION)])
class Fast(FastHttpUser):
    @task
    def t(self):
        self.client.get("PATH")
class Plain(HttpUser):
    @task
    def t(self):
        self.client.get("PATH")
"""


def _text(path: str, *, rate: float = 20, duration: float = 1) -> str:
    return ONE.replace("PATH", path).replace("RATE", f"{rate}").replace("DURATION", f"{duration}")


def _foreign_address() -> str | None:
    """An address of this host that is not loopback: another's as far as loadkit knows."""
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family == socket.AF_INET and not address.address.startswith("127."):
                return address.address
    return None


@pytest.mark.parametrize("way", ["direct", "redirect"])
def test_a_target_that_was_not_named_gets_no_packet(tmp_path: Path, way: str) -> None:
    address = _foreign_address() or "192.0.2.1"
    with socket.socket() as listener, harness.serving() as server:
        listener.bind((address if _foreign_address() else "127.0.0.1", 0))
        listener.listen(16)
        listener.settimeout(0)
        elsewhere = f"http://{address}:{listener.getsockname()[1]}"
        path = f"/redirect?to={elsewhere}/x" if way == "redirect" else "/x"
        host = server.url if way == "redirect" else elsewhere
        result = harness.run(tmp_path, _text(path), host=host)
        with pytest.raises(BlockingIOError):
            listener.accept()
    flow = result.flow()
    assert flow["failed"] == flow["sent"] == 20
    assert flow["completed"] == 0
    assert {row["kind"] for row in result.rows("errors")} == {"TargetNotAllowed"}
    assert all(address in row["message"] for row in result.rows("errors"))
    assert [f["slug"] for f in result.of("finding")] == ["target-refused"]
    assert "Unhandled" not in result.errors


def test_a_name_that_was_not_named_is_not_even_looked_up(tmp_path: Path) -> None:
    result = harness.run(tmp_path, _text("/x"), host="http://loadkit.invalid:80")
    assert {row["kind"] for row in result.rows("errors")} == {"TargetNotAllowed"}


def test_an_allowed_target_is_reached(tmp_path: Path) -> None:
    address = _foreign_address()
    if address is None:
        pytest.skip("this host has no address but loopback")
    with harness.serving(address) as server:
        result = harness.run(tmp_path, _text("/ok"), host=server.url, allowed_hosts=[address])
    assert result.flow()["ok"] == 20


def test_a_refused_connection_is_an_error_by_its_name(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{unused.getsockname()[1]}"
        result = harness.run(tmp_path, _text("/x"), host=host)
    assert result.flow()["failed"] == 20
    assert {row["kind"] for row in result.rows("errors")} == {"ConnectionRefusedError"}


def test_sigterm_is_an_orderly_end(tmp_path: Path) -> None:
    def stop(frame: harness.Frame, process: subprocess.Popen[bytes]) -> None:
        if frame["type"] == "begin":
            threading.Timer(1.0, process.send_signal, [signal.SIGTERM]).start()

    text = _text("/wait/30", rate=20, duration=60)
    with harness.serving() as server:
        began = time.monotonic()
        result = harness.run(tmp_path, text, host=server.url, on_frame=stop)
        assert time.monotonic() - began < 25
        received = server.stats()["received"]["/wait/30"]
    flow = result.flow()
    assert result.end["reason"] == "interrupted"
    assert flow["planned"] == flow["started"] == flow["sent"] == flow["cancelled"] == received
    assert 18 <= flow["planned"] <= 24
    assert result.end["in_flight"] == 0
    assert result.status == 0


def test_without_duration_it_runs_until_sigterm(tmp_path: Path) -> None:
    def stop(frame: harness.Frame, process: subprocess.Popen[bytes]) -> None:
        if frame["type"] == "begin":
            threading.Timer(0.8, process.send_signal, [signal.SIGTERM]).start()

    text = "from locust import HttpUser, constant, task\nclass U(HttpUser):\n"
    text += "    wait_time = constant(0.05)\n    @task\n    def t(self): self.client.get('/ok')\n"
    with harness.serving() as server:
        result = harness.run(
            tmp_path, text, host=server.url, scenario=None, users=2, spawn_rate=2, on_frame=stop
        )
        received = server.stats()["received"]["/ok"]
    assert result.end["reason"] == "interrupted"
    assert result.flow()["ok"] == result.flow()["sent"] == received > 5


HOT = """
from locust import User, task
class U(User):
    @task
    def t(self):
        while True:
            sum(range(1000))
"""


def test_it_dies_with_its_reader_even_when_the_file_never_yields(tmp_path: Path) -> None:
    file = tmp_path / "hot.py"
    file.write_text(HOT)
    process, frames = harness.start({"file": str(file), "duration": 60}, tmp_path)
    with process:
        os.read(frames, 100)
        time.sleep(0.5)
        os.close(frames)
        assert process.wait(5) == 1


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    file = tmp_path / "hot.py"
    file.write_text(HOT)
    launcher = (
        sys.executable,
        "-c",
        "import subprocess as s, sys; s.Popen(sys.argv[1:], close_fds=False); sys.stdin.read()",
    )
    process, frames = harness.start({"file": str(file), "duration": 60}, tmp_path, launcher)
    with process:
        os.read(frames, 100)
        time.sleep(0.5)
        process.kill()
    deadline = time.monotonic() + 5
    while os.read(frames, 65_536):  # the end of the pipe is the end of the child
        assert time.monotonic() < deadline
    os.close(frames)


def test_users_without_a_host_are_said(tmp_path: Path) -> None:
    result = harness.run(tmp_path, _text("/ok"))
    assert result.end["reason"] == "error"
    assert "host" in result.end["message"]


TWO = """
from loadkit import Rate, Scenario, Stage
first = Scenario([Stage("a", Rate(1), 1)])
alias = first
second = Scenario([Stage("b", Rate(1), 1)])
"""


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("def x(:\n", "syntax error", 1),
        ("\nimport no_such_module_here\n", "No module named 'no_such_module_here'", 2),
        ("x = 1\n", "declares no users", None),
        ("from locust import HttpUser\nclass Empty(HttpUser): pass\n", "Empty has no tasks", None),
        ("a = 1\n\nb = a / 0\n", "ZeroDivisionError: division by zero", 3),
        (
            "from loadkit import Rate, Stage\ns = [\n    Stage('peak', Rate(-5), 1),\n]",
            "rate must be positive, got -5",
            3,
        ),
        (
            TWO,
            "more than one Scenario: 'first' and 'second'",
            None,
        ),
        ("import sys\nsys.exit(3)\n", "the file ended the process (3)", None),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, text: str, what: str, line: int | None) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(text)
    answer = harness.describe(file)
    assert answer["ok"] is False
    error = answer["error"]
    assert what in error["what"]
    assert error["where"] == (f"{file}:{line}" if line else str(file))


def test_an_argument_nobody_knows(tmp_path: Path) -> None:
    file = tmp_path / "fine.py"
    file.write_text(_text("/ok"))
    answer = harness.describe(file, "--no-such-thing")
    assert "--no-such-thing" in answer["error"]["what"]
    assert harness.describe(tmp_path / "missing.py")["error"]["what"] == "there is no such file"
    found = harness.describe(file)
    assert found["scenario"]["name"] == "fine"
    assert [user["name"] for user in found["users"]] == ["Fast", "Plain"]
