"""Runs the load child as the supervisor does, and reads its frames."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadkit.bundle.histogram import Histogram
from loadkit.load.frames import read_frames

HERE = Path(__file__).parent
Frame = dict[str, Any]


@dataclass
class Server:
    """A running load_server."""

    process: subprocess.Popen[str]
    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/_stats", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[Server]:
    """A server for the length of a block."""
    command = [sys.executable, str(HERE / "load_server.py"), host]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(process, host, int(process.stdout.readline()))
        finally:
            process.kill()


@dataclass
class Run:
    """What a load child said."""

    frames: list[Frame] = field(default_factory=list)
    errors: str = ""
    status: int | None = None

    def of(self, kind: str) -> list[Frame]:
        return [frame for frame in self.frames if frame["type"] == kind]

    @property
    def end(self) -> Frame:
        (end,) = self.of("end")
        return end

    def rows(self, table: str) -> list[Frame]:
        return [row for tick in self.of("tick") for row in tick["rows"].get(table, [])]

    def flow(self, *, stage: str | None = None, operation: str | None = None) -> Counter[str]:
        counts: Counter[str] = Counter()
        for row in self.rows("flow"):
            if stage in (None, row["stage"]) and operation in (None, row["operation"]):
                counts[row["event"]] += row["count"]
        return counts

    def histogram(self, measure: str, *, stage: str | None = None, **wanted: str) -> Histogram:
        found = Histogram()
        for row in self.rows("intervals"):
            if row["measure"] != measure or stage not in (None, row["stage"]):
                continue
            if row["outcome"] == "cancelled" or any(row[k] != v for k, v in wanted.items()):
                continue
            found.merge_row(
                row["count"],
                row["sum_ns"],
                row["min_ns"],
                row["max_ns"],
                zip(row["buckets"], row["counts"], strict=True),
            )
        return found


def describe(file: Path, *args: str) -> dict[str, Any]:
    """What ``describe`` answers."""
    out, into = os.pipe()
    command = [sys.executable, "-m", "loadkit.load", "describe", str(file), "--out-fd", str(into)]
    process = subprocess.run(
        [*command, "--", *args], pass_fds=[into], capture_output=True, text=True, timeout=30
    )
    os.close(into)
    with os.fdopen(out) as answer:
        assert process.returncode == 0, process.stderr
        assert process.stdout == ""
        found: dict[str, Any] = json.load(answer)
    return found


def start(
    plan: dict[str, Any], directory: Path, launcher: tuple[str, ...] = ()
) -> tuple[subprocess.Popen[bytes], int]:
    """Starts a child with a plan; gives the process and the pipe of its frames."""
    plan_out, plan_in = os.pipe()
    frames_out, frames_in = os.pipe()
    command = [sys.executable, "-m", "loadkit.load", "run"]
    command += ["--plan-fd", str(plan_out), "--frames-fd", str(frames_in)]
    with (directory / "stderr.txt").open("wb") as errors:
        process = subprocess.Popen(
            [*launcher, *command],
            stdin=subprocess.PIPE if launcher else None,
            pass_fds=[plan_out, frames_in],
            stdout=errors,
            stderr=errors,
        )
    os.close(plan_out)
    os.close(frames_in)
    with os.fdopen(plan_in, "w") as out:
        json.dump(plan, out)
    return process, frames_out


def run(
    directory: Path,
    text: str,
    *,
    on_frame: Callable[[Frame, subprocess.Popen[bytes]], None] | None = None,
    **plan: Any,
) -> Run:
    """Runs a file to its end. Its scenario is used unless the plan says otherwise."""
    file = directory / "locustfile.py"
    file.write_text(text)
    if "scenario" not in plan:
        answer = describe(file)
        assert answer["ok"], answer
        plan["scenario"] = answer["scenario"]
    result = Run()
    process, frames = start({"file": str(file), "allowed_hosts": [], **plan}, directory)
    with process:
        with os.fdopen(frames, "rb", buffering=0) as stream:
            for frame in read_frames(stream):
                result.frames.append(frame)
                if on_frame is not None:
                    on_frame(frame, process)
        result.status = process.wait(20)
    result.errors = (directory / "stderr.txt").read_text()
    return result
