"""Starts loadkit as a user would, and the reference service as a system under test."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadkit import load_run
from loadkit.analyse import analyse
from loadkit.report.json import render as as_json

ROOT = Path(__file__).parents[3]
EXCLUDED = ("/api/v1/health", "/api/v1/ready", "/metrics", "/openapi.json")


@dataclass(frozen=True, slots=True)
class Service:
    """A running reference service."""

    url: str
    metrics: str
    pid: int

    def requests_total(self) -> float:
        """Sum of raw http_requests_total over everything but health paths."""
        with urllib.request.urlopen(self.metrics, timeout=5) as answer:
            text = answer.read().decode()
        total = 0.0
        for line in text.splitlines():
            found = re.match(r'http_requests_total\{.*path="([^"]+)".*\} (\S+)', line)
            if found and found[1] not in EXCLUDED:
                total += float(found[2])
        return total


@contextlib.contextmanager
def reference_service(directory: Path) -> Iterator[Service]:
    """The service on free ports, stopped at the end."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "loadkit.reference", "--port", "0", "--metrics-port", "0"),
            *("--database", str(directory / "service.db"), "--log-file", "/dev/null"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield Service(
            f"http://127.0.0.1:{ready['api']}",
            f"http://127.0.0.1:{ready['metrics']}/metrics",
            ready["pid"],
        )
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()  # type: ignore[union-attr]


def environment(**values: str) -> dict[str, str]:
    """The environment a user has, without colour."""
    return {**os.environ, "NO_COLOR": "1", "COLUMNS": "100", **values}


def loadkit(
    *arguments: str | Path, cwd: Path, timeout: float = 240, **values: str
) -> subprocess.CompletedProcess[str]:
    """Runs loadkit to its end."""
    return subprocess.run(
        [sys.executable, "-m", "loadkit", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=environment(**values),
    )


def start_loadkit(*arguments: str | Path, cwd: Path) -> subprocess.Popen[str]:
    """Starts loadkit in a process group of its own: a shell's background jobs ignore SIGINT."""
    return subprocess.Popen(
        [sys.executable, "-m", "loadkit", *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )


def bundle_of(done: subprocess.CompletedProcess[str], cwd: Path) -> Path:
    """The bundle, which is the only line of standard output."""
    assert done.stdout.count("\n") == 1, done.stdout + done.stderr
    return cwd / done.stdout.strip()


def judged(done: subprocess.CompletedProcess[str], cwd: Path, *fine: int) -> Path:
    """The bundle of a run that ended as :func:`check_status` says."""
    bundle = bundle_of(done, cwd)
    check_status(done.returncode, bundle, *fine, said=done.stderr)
    return bundle


def check_status(status: int, bundle: Path, *fine: int, said: str = "") -> bool:
    """A run ended with one of these statuses, 0 unless told; or else False is the answer.

    That is where the machine was too busy to make the load, and only there: the status is 5 then,
    and the report says why. What else a test asks of such a bundle must hold all the same.
    """
    if status in (fine or (0,)):
        return True
    assert status == 5, said
    assert report_json(bundle)["generator"]["verdict"] == "invalid", said
    return False


def report_json(bundle: Path) -> dict[str, Any]:
    """The report of a bundle as JSON."""
    report = json.loads(as_json(analyse(load_run(bundle))))
    assert isinstance(report, dict)
    return report


def members(run_id: str) -> list[int]:
    """Living processes of a run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                variables = (entry / "environ").read_bytes().split(b"\0")
                if f"LOADKIT_RUN_ID={run_id}".encode() in variables:
                    found.append(int(entry.name))
    return found
