"""Disturbs a load generator on purpose, and asks whether loadkit says so.

    python benchmarks/verdicts.py [--runs 20] [--rate 300] [--kinds blocked,burning] [--json]

Runs take turns: one that is left alone, one whose event loop is blocked for 200 ms once in the
measured stage, one with a process beside it that burns the CPU it runs on. Generator and server
have a core each, so nothing else may be at work on the machine. Exit status 1 when a disturbed run
is called valid or a healthy one is not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loadkit.analyse import analyse
from loadkit.bundle.manifest import Manifest
from loadkit.bundle.reader import load_run
from loadkit.bundle.writer import compact, create
from loadkit.load.frames import read_frames
from loadkit.model import Rate, Scenario, Stage
from loadkit.scenario.codec import to_dict

KINDS = ("healthy", "blocked", "burning")
WARM_UP_S, MEASURED_S = 1.0, 5.0
BLOCK_S = 0.2

_SERVER = """
import asyncio, sys

async def serve(reader, writer):
    try:
        while await reader.readuntil(b"\\r\\n\\r\\n"):
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""

_FILE = """
import time
from locust import task
from loadkit import HttpUser

blocked = False

class Sender(HttpUser):
    @task
    def send(self):
        global blocked
        if BLOCK_AT and not blocked and time.monotonic() - START > BLOCK_AT:
            blocked = True
            until = time.monotonic() + BLOCK_S
            while time.monotonic() < until:
                pass
        self.client.get("/")
START = time.monotonic()
"""

_BURN = "while True: pass"


def main() -> int:
    """The exit status."""
    given = _arguments()
    cores = sorted(os.sched_getaffinity(0))
    server_core, own_core = cores[0], cores[-1]
    tally: dict[str, list[dict[str, Any]]] = {kind: [] for kind in given.kinds}
    with _process([sys.executable, "-c", _SERVER], server_core, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        host = f"http://127.0.0.1:{int(server.stdout.readline())}"
        for _ in range(given.runs):
            for kind in given.kinds:
                found = _run(kind, host, given.rate, own_core)
                tally[kind].append(found)
                if not given.json:
                    print(
                        f"{kind:8} {found['verdict']:9} {'; '.join(found['reasons'])}", flush=True
                    )
    wrong = sum(
        (found["verdict"] == "valid") != (kind == "healthy")
        for kind, runs in tally.items()
        for found in runs
    )
    if given.json:
        print(json.dumps({"wrong": wrong, "runs": tally}, indent=1))
    else:
        for kind, runs in tally.items():
            called = sum(found["verdict"] != "valid" for found in runs)
            print(f"{kind}: degraded or invalid in {called} of {len(runs)}")
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="of each kind (default 20)")
    parser.add_argument("--rate", type=float, default=300.0, help="arrivals a second")
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=list(KINDS))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if unknown := set(given.kinds) - set(KINDS):
        parser.error(f"--kinds: {', '.join(sorted(unknown))}? There are {', '.join(KINDS)}.")
    return given


@contextmanager
def _process(command: list[str], core: int, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process on a core of its own, for the length of a block."""
    pin: Callable[[], None] = lambda: os.sched_setaffinity(0, {core})  # noqa: E731
    with subprocess.Popen(command, preexec_fn=pin, **more) as process:
        try:
            yield process
        finally:
            process.kill()


def _run(kind: str, host: str, rate: float, core: int) -> dict[str, Any]:
    """The verdict on one run, with its reasons."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        scenario = Scenario(
            [Stage("warm-up", Rate(rate), WARM_UP_S), Stage("steady", Rate(rate), MEASURED_S)],
            name="verdicts",
        )
        frames = _frames(kind, scenario, host, core, directory)
        bundle = _bundle(scenario, frames, directory / "bundle")
        generator = analyse(load_run(bundle)).generator
        return {"verdict": generator.verdict, "reasons": list(generator.reasons)}


def _frames(
    kind: str, scenario: Scenario, host: str, core: int, directory: Path
) -> list[dict[str, Any]]:
    file = directory / "sender.py"
    # Anywhere in the measured stage, at the turn of a second too; the file is loaded well before.
    block_at = WARM_UP_S + 0.7 + random.random() * (MEASURED_S - 1) if kind == "blocked" else 0
    file.write_text(f"BLOCK_AT, BLOCK_S = {block_at}, {BLOCK_S}\n{_FILE}")
    plan = directory / "plan.json"
    plan.write_text(
        json.dumps({"file": str(file), "scenario": to_dict(scenario), "host": host, "drain": 5.0})
    )
    out, into = os.pipe()
    with plan.open() as source:
        command = [sys.executable, "-m", "loadkit.load", "run"]
        command += ["--plan-fd", str(source.fileno()), "--frames-fd", str(into)]
        with _process(command, core, pass_fds=(source.fileno(), into)):
            os.close(into)
            frames = []
            with os.fdopen(out, "rb", buffering=0) as stream:
                burner = None
                for frame in read_frames(stream):
                    frames.append(frame)
                    if kind == "burning" and frame["type"] == "stage" and frame["name"] == "steady":
                        burner = _burn(core)
                if burner is not None:
                    burner.kill()
                    burner.wait()
    return frames


def _burn(core: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", _BURN])
    os.sched_setaffinity(process.pid, {core})
    return process


def _bundle(scenario: Scenario, frames: list[dict[str, Any]], directory: Path) -> Path:
    """The frames as a bundle."""
    at, stages = 0.0, []
    for stage in scenario.stages:
        rate = stage.open_loads[0].highest
        load = {"kind": "rate", "from": rate, "to": rate}
        stages.append(
            {
                "name": stage.name,
                "start_s": at,
                "duration_s": stage.duration,
                "warmup": stage.warmup,
                "profile": stage.profile,
                "load": {**load, "max_users": None},
            }
        )
        at += stage.duration
    begin = next(frame for frame in frames if frame["type"] == "begin")
    end = frames[-1]
    manifest = Manifest(
        name="verdicts",
        run_id="verdicts",
        created="",
        loadkit_version="",
        state="complete",
        stages=stages,
        t0_mono_ns=begin["t0_ns"],
        t0_wall_ns=time.time_ns() - time.monotonic_ns() + begin["t0_ns"],
        end_mono_ns=end["mono_ns"],
        load_end={
            "reason": end["reason"],
            "message": end["message"],
            "in_flight": end["in_flight"],
        },
        generator={"user_classes_known": end["known"]},
    )
    writer = create(directory, manifest)
    for frame in frames:
        for table, rows in frame.get("rows", {}).items():
            writer.append(table, rows)
    writer.close()
    compact(directory)
    return directory


if __name__ == "__main__":
    sys.exit(main())
