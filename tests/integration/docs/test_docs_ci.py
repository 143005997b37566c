"""The CI examples are what those servers read, and do in a shell what they say."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from run_helpers import ROOT, check_status

pytestmark = pytest.mark.integration

CI = ROOT / "deploy" / "ci"
PORT = "8000"

SERVICE = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args):
        pass

class Server(ThreadingHTTPServer):
    def server_bind(self):  # without the look-up of the machine's name
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]

Server(("127.0.0.1", PORT), Answer).serve_forever()
"""

SCENARIO = """
from locust import task

from loadkit import HttpUser, Rate, Scenario, Stage

scenario = Scenario([Stage("steady", load=Rate(20), duration=3)], slos=["p95 < LIMIT"])


class Visitor(HttpUser):
    host = "http://127.0.0.1:PORT"

    @task
    def front_page(self):
        self.client.get("/")
"""


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        ("github-actions.yml", "vendor.github-workflows"),
        ("gitlab-ci.yml", "vendor.gitlab-ci"),
    ],
)
def test_they_are_valid(file: str, schema: str) -> None:
    checker = str(Path(sys.executable).parent / "check-jsonschema")
    command = [checker, "--builtin-schema", schema, str(CI / file)]
    if schema == "vendor.gitlab-ci":
        command[1:1] = ["--data-transform", "gitlab-ci"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _github() -> tuple[list[str], list[str]]:
    """Commands until the load, and those after it whatever came of it."""
    job = yaml.safe_load((CI / "github-actions.yml").read_text(encoding="utf-8"))["jobs"]["load"]
    steps = [step for step in job["steps"] if "run" in step]
    return (
        [step["run"] for step in steps if "if" not in step],
        [step["run"] for step in steps if "if" in step],
    )


def _gitlab() -> tuple[list[str], list[str]]:
    job: dict[str, Any] = yaml.safe_load((CI / "gitlab-ci.yml").read_text(encoding="utf-8"))[
        "load test"
    ]
    # Both scripts are one shell there, so that what the first started is there in the second.
    return ["\n".join([*job["before_script"], *job["script"]])], ["\n".join(job["after_script"])]


@pytest.fixture
def folder(tmp_path: Path, unused_port: int) -> Iterator[Path]:
    """A project with a service, a scenario and a pip that has nothing to do."""
    (tmp_path / "service.py").write_text(SERVICE.replace("PORT", str(unused_port)))
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in {"pip": '[ "$*" = "install loadkit-tools" ]'}.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    (tools / "python").symlink_to(sys.executable)
    yield tmp_path


@pytest.fixture
def unused_port() -> int:
    """A free port of loopback."""
    from loadkit.stack.freeports import free_port

    return free_port()


def _shell(folder: Path, script: str, port: int) -> subprocess.CompletedProcess[str]:
    """As the servers run it: bash that stops at the first error."""
    here = f"{folder / 'tools'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}"
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script.replace(PORT, str(port))],
        cwd=folder,
        env={
            **os.environ,
            "PATH": here + os.environ["PATH"],
            "GITHUB_STEP_SUMMARY": str(folder / "step.md"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        start_new_session=True,
    )


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("limit", ["1 s", "1 us"])
@pytest.mark.parametrize("server", ["github", "gitlab"])
def test_they_do_what_they_say(folder: Path, unused_port: int, server: str, limit: str) -> None:
    scenario = SCENARIO.replace("PORT", str(unused_port)).replace("LIMIT", limit)
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "first.py").write_text(scenario)
    before, after = {"github": _github, "gitlab": _gitlab}[server]()
    # One shell: the service is a job of it, which this test ends.
    script = "\n".join([*before[:-1], "echo $! > service.pid", before[-1]])
    if server == "gitlab":
        script = before[0].replace("service.log 2>&1 &", "service.log 2>&1 & echo $! > service.pid")
    try:
        load = _shell(folder, script, unused_port)
        reports = [_shell(folder, command, unused_port) for command in after]
    finally:
        pid = (folder / "service.pid").read_text().strip()
        os.kill(int(pid), signal.SIGTERM)
    missed = limit == "1 us"
    (manifest,) = folder.glob("reports/*/manifest.json")
    judged = check_status(load.returncode, manifest.parent, 3 if missed else 0, said=load.stderr)
    assert [done.returncode for done in reports] == [0] * len(reports), reports[0].stderr
    root = ElementTree.parse(folder / "junit.xml").getroot()
    failures = int(root.get("failures") or "0")
    summary = folder / ("step.md" if server == "github" else "load-test.md")
    mark = summary.read_text().split()[1]
    assert (failures, mark) == ((2, "❌") if missed else (0, "✅")) or not judged
    assert failures or judged
