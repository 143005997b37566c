"""Runs a master as the supervisor does, workers as a user does, and a server that counts."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadkit.load.frames import read_frames
from loadkit.model import Scenario
from loadkit.scenario import codec

HERE = Path(__file__).parent
TOKEN = "the token of these tests, long enough"
Frame = dict[str, Any]
USERS = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def visit(self):
        self.client.get("/visit")
"""


@dataclass
class Server:
    """A running workers_server."""

    process: subprocess.Popen[str]
    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def received(self) -> int:
        with urllib.request.urlopen(f"{self.url}/_stats", timeout=10) as answer:
            return int(sum(json.load(answer).values()))


@contextlib.contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[Server]:
    """A server for the length of a block."""
    command = [sys.executable, str(HERE / "workers_server.py"), host]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(process, host, int(process.stdout.readline()))
        finally:
            process.kill()


@dataclass
class Run:
    """What a master said, and when (seconds of this process' clock)."""

    frames: list[Frame] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    errors: str = ""
    status: int | None = None

    def of(self, kind: str) -> list[Frame]:
        return [frame for frame in self.frames if frame["type"] == kind]

    @property
    def end(self) -> Frame:
        (end,) = self.of("end")
        return end

    @property
    def t0_ns(self) -> int:
        (begin,) = self.of("begin")
        return int(begin["t0_ns"])

    @property
    def crew(self) -> list[Frame]:
        """The workers as last told."""
        found: list[Frame] = self.of("workers")[-1]["workers"]
        return found

    def rows(self, table: str) -> list[Frame]:
        return [row for tick in self.of("tick") for row in tick["rows"].get(table, [])]

    def flow(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for row in self.rows("flow"):
            counts[row["event"]] += row["count"]
        return counts

    def dues(self, *stages: str) -> list[int]:
        """When each request of some stages was due, ns since the start, ascending (by samples)."""
        rows = [row for row in self.rows("samples") if row["stage"] in stages]
        return sorted(row["mono_ns"] - self.t0_ns for row in rows)


class Master:
    """``python -m loadkit.load run`` with a master in its plan."""

    def __init__(self, file: Path, scenario: Scenario | None, **plan: Any) -> None:
        self.run = Run()
        self._log = file.parent / "master.txt"
        plan_out, plan_in = os.pipe()
        self._frames, frames_in = os.pipe()
        command = [sys.executable, "-m", "loadkit.load", "run"]
        command += ["--plan-fd", str(plan_out), "--frames-fd", str(frames_in)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, pass_fds=[plan_out, frames_in], stdout=log, stderr=log
            )
        os.close(plan_out)
        os.close(frames_in)
        whole = {"file": str(file), "scenario": None, "allowed_hosts": [], **plan}
        if scenario is not None:
            whole["scenario"] = codec.to_dict(scenario)
        with os.fdopen(plan_in, "w") as out:
            json.dump(whole, out)

    def follow(self, on_frame: Callable[[Frame], None] = lambda frame: None) -> Run:
        """Reads its frames to the end, and waits for the process."""
        with os.fdopen(self._frames, "rb", buffering=0) as stream:
            for frame in read_frames(stream):
                self.run.frames.append(frame)
                self.run.at.append(time.monotonic())
                on_frame(frame)
        self.run.status = self.process.wait(20)
        self.run.errors = self._log.read_text()
        return self.run


def write(directory: Path, text: str = USERS) -> Path:
    """A scenario file."""
    file = directory / "users.py"
    file.write_text(text)
    return file


def local(
    directory: Path,
    scenario: Scenario | None,
    workers: int,
    on_frame: Callable[[Frame, Master], None] = lambda frame, master: None,
    **plan: Any,
) -> Run:
    """A whole run with workers of this machine."""
    text = plan.pop("text", USERS)
    master = Master(
        write(directory, text), scenario, master={"workers": workers, "local": True}, **plan
    )
    return master.follow(lambda frame: on_frame(frame, master))


def start_worker(
    file: Path, port: int, *, token: str = TOKEN, name: str = "", launcher: Sequence[str] = (),
    host: str = "127.0.0.1", wait: str = "20s",
) -> subprocess.Popen[str]:  # fmt: skip
    """``python -m loadkit.load worker``."""
    command = [*launcher, sys.executable, "-m", "loadkit.load", "worker", str(file)]
    command += ["--connect", f"{host}:{port}", "--wait", wait]
    return subprocess.Popen(
        [*command, *(["--name", name] if name else [])],
        env={**os.environ, "LOADKIT_TOKEN": token},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def all_gone(pids: Sequence[int], within_s: float) -> bool:
    """Whether all have ended within a time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if all(gone(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False
