"""`loadkit run` with workers, as a user sees it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import workers_harness as harness

pytestmark = pytest.mark.integration
SCENARIO = f"""{harness.USERS}
from loadkit.model import Rate, Scenario, Stage

scenario = Scenario(stages=[Stage("steady", Rate(90, max_users=9), 2)])
"""


def start(directory: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "loadkit", "run", "users.py", "--stack", "none", *words],
        cwd=directory,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def manifest(directory: Path, key: str, within_s: float = 30) -> dict[str, Any]:
    """The manifest once it has something under a key."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        for file in directory.glob("reports/*/manifest.json"):
            found: dict[str, Any] = json.loads(file.read_text())
            if found.get(key):
                return found
        time.sleep(0.05)
    raise AssertionError(f"no {key} within {within_s} s")


def test_workers_from_elsewhere_are_in_the_report_and_the_token_is_nowhere(tmp_path: Path) -> None:
    file = harness.write(tmp_path, SCENARIO)
    workers: list[subprocess.Popen[str]] = []
    with harness.serving() as server:
        options = ["--host", server.url, "--expect-workers", "2", "--bind", "127.0.0.1:0"]
        process = start(tmp_path, *options, LOADKIT_TOKEN=harness.TOKEN)
        assert process.stderr is not None
        said = ""
        while "waiting for 2 workers" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        port = int(re.findall(r"waiting for 2 workers on 127.0.0.1:(\d+)", said)[0])
        workers = [harness.start_worker(file, port, name=name) for name in ("north", "south")]
        out, rest = process.communicate(timeout=60)
        told = [worker.communicate(timeout=15)[0] for worker in workers]
        received = server.received()
    bundle = tmp_path / out.strip()
    found = json.loads((bundle / "manifest.json").read_text())
    assert found["state"] == "complete", rest
    assert {(w["name"], w["state"]) for w in found["workers"]} == {
        ("north", "ended"),
        ("south", "ended"),
    }
    command = [sys.executable, "-m", "loadkit", "report", str(bundle)]
    report = subprocess.run(
        [*command, "--format", "json", "--output", "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    names = [worker["name"] for worker in json.loads(report.stdout)["workers"]]
    assert sorted(names) == ["north", "south"]
    page = (bundle / "report.html").read_text()
    assert "The load by worker" in page
    assert "north" in page
    assert received == 180
    everything = f"{said}{rest}{out}{told}{report}"
    for path in bundle.rglob("*"):
        if path.is_file():
            everything += path.read_bytes().decode("latin-1")
    assert harness.TOKEN not in everything


def test_nothing_outlives_a_killed_loadkit(tmp_path: Path) -> None:
    harness.write(tmp_path, SCENARIO.replace("max_users=9), 2)", "max_users=9), 60)"))
    with harness.serving() as server:
        process = start(tmp_path, "--host", server.url, "--workers", "2")
        found = manifest(tmp_path, "t0_mono_ns")
        pids = [worker["pid"] for worker in found["workers"]]
        assert len(pids) == 2
        assert not any(harness.gone(pid) for pid in pids)
        process.kill()
        process.communicate()
        assert harness.all_gone(pids, 5)
