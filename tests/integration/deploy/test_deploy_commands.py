"""The commands of the compose file, run as processes of this machine: they find each other."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[3]
SERVICES: dict[str, Any] = yaml.safe_load(
    (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
)["services"]
SHORTER = ("--set", "warm-up.duration=1", "--set", "steady.duration=3")
ARRIVALS = 50 + 300


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def command(service: str, changes: dict[str, str], *more: str) -> list[str]:
    """The command of a service with names and ports of this machine in the place of its own."""
    words = [str(word) for word in SERVICES[service]["command"]]
    if words[0] == "loadkit":
        words[:1] = ["python", "-m", "loadkit"]
    assert words[0] == "python"
    for old, new in changes.items():
        words = [word.replace(old, new) for word in words]
    return [sys.executable, *words[1:], *more]


@contextmanager
def running(words: list[str], folder: Path, token: str | None) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("LOADKIT_TOKEN", None)
    if token is not None:
        environment["LOADKIT_TOKEN"] = token
    with subprocess.Popen(
        words,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()


def test_master_workers_and_target_meet(tmp_path: Path) -> None:
    for name in ("scenario.py", "loadkit.toml"):
        shutil.copy(ROOT / "deploy" / name, tmp_path)
    data, token = str(free_port()), "a-token-of-this-test"
    here = {"0.0.0.0": "127.0.0.1", "5580": data}
    with ExitStack() as stack:
        target = stack.enter_context(
            running(
                command("cost-service", {"0.0.0.0": "127.0.0.1", "8080": "0", "9090": "0"}),
                tmp_path,
                None,
            )
        )
        assert target.stdout is not None
        api = json.loads(target.stdout.readline())["api"]
        changes = {
            **here,
            "cost-service:8080": f"127.0.0.1:{api}",
            "/work/reports": str(tmp_path / "reports"),
            "${LOADKIT_WORKERS:-2}": "2",
        }
        master = stack.enter_context(
            running(command("load-master", changes, *SHORTER), tmp_path, token)
        )
        there = {"load-master": "127.0.0.1", "5580": data}
        workers = [
            stack.enter_context(running(command("load-worker", there), tmp_path, token))
            for _ in range(2)
        ]
        out, told = master.communicate(timeout=90)
        assert master.returncode in (0, 3, 5), told  # a busy machine may miss an objective
        for worker in workers:
            _, said = worker.communicate(timeout=20)
            assert worker.returncode == 0, said
    report = subprocess.run(
        [
            *(sys.executable, "-m", "loadkit", "report", out.strip()),
            *("--format", "json", "--output", "-"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    books = json.loads(report.stdout)["accounting"]
    assert (books["planned"], books["started"], books["sent"]) == (ARRIVALS,) * 3
    assert books["balanced"] is True
    assert token not in report.stdout + told
