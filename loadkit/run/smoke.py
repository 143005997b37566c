"""A smoke iteration: a child tries every task once; with the embedded stack, on its service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadkit.config import Config
from loadkit.errors import LoadError
from loadkit.load.frames import Decoder
from loadkit.run.plan import Plan
from loadkit.run.request import RunRequest
from loadkit.stack.components import Stack
from loadkit.stack.guard import Guard
from loadkit.stack.process import child_environment
from loadkit.stack.server import Place
from loadkit.stack.service import CostService

_SILENCE_S = 60.0  # twice what the child itself gives a task
_READ = 1 << 16

Frame = Mapping[str, Any]


@dataclass(slots=True)
class Smoked:
    """What came of it. ``failures`` are sentences, empty where all went well."""

    tasks: int = 0
    requests: int = 0
    failures: list[str] = field(default_factory=list)


async def smoke(
    plan: Plan, request: RunRequest, config: Config, on_frame: Callable[[Frame], None]
) -> Smoked:
    """Tries every task of the plan's file once; ``on_frame`` gets each frame as it comes.

    Raises:
        StackError: the service that the scenario wants did not start.
        LoadError: the child could not be started.
    """
    run_id = secrets.token_hex(8)
    async with Guard(run_id), _target(plan, run_id) as host:
        scenario = plan.scenario
        asked = {
            "file": str(plan.file.absolute()),
            "host": host,
            "locust_args": list(request.locust_args),
            "allowed_hosts": list(config.allowed_targets),
            "seed": 0 if scenario is None else scenario.seed,
        }
        return await _Child(run_id, on_frame).run(asked)


@contextlib.asynccontextmanager
async def _target(plan: Plan, run_id: str) -> AsyncIterator[str | None]:
    """Where the requests go; the embedded stack's service alone will do for that."""
    if plan.stack != "embedded":
        yield plan.host
        return
    with tempfile.TemporaryDirectory(prefix="loadkit-plan-") as folder:
        service = CostService(Place(run_id, Path(folder)), None)
        async with Stack([service], lambda _: None, lambda _: None):
            yield service.endpoints["service"]


class _Child:
    """``python -m loadkit.load smoke``, watched to its end."""

    def __init__(self, run_id: str, on_frame: Callable[[Frame], None]) -> None:
        self._run_id = run_id
        self._on_frame = on_frame
        self._result = Smoked()
        self._where: list[str] = []  # user class and task
        self._ended = False

    async def run(self, plan: Mapping[str, Any]) -> Smoked:
        """Starts it, listens until it is done, and leaves nothing behind."""
        plan_reader, plan_writer = os.pipe()
        frame_reader, frame_writer = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "loadkit.load", "smoke"),
                *("--plan-fd", str(plan_reader), "--frames-fd", str(frame_writer)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=2,
                pass_fds=(plan_reader, frame_writer),
                env=child_environment(self._run_id, {"PYTHONUNBUFFERED": "1"}),
                start_new_session=True,
            )
        except OSError as error:
            os.close(plan_writer)
            os.close(frame_reader)
            raise LoadError(f"the load child cannot be started: {error}") from error
        finally:
            os.close(plan_reader)
            os.close(frame_writer)
        try:
            await asyncio.to_thread(_write_all, plan_writer, json.dumps(plan).encode())
            await self._listen(frame_reader)
            await self._wait(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return self._result

    async def _listen(self, descriptor: int) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
        )
        decoder = Decoder()
        try:
            while True:
                async with asyncio.timeout(_SILENCE_S):
                    data = await reader.read(_READ)
                if not data:
                    return
                for frame in decoder.feed(data):
                    self._take(frame)
        except TimeoutError:
            where = " · ".join(self._where) or "the import of the file"
            self._failed(f"{where}: nothing happened for {_SILENCE_S:g} s, so it was ended")
            self._ended = True
        finally:
            transport.close()

    async def _wait(self, process: asyncio.subprocess.Process) -> None:
        if not self._ended:
            status = await process.wait()
            where = " · ".join(self._where) or "before the first task"
            self._failed(f"{where}: the process ended with status {status}")
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 2.0)

    def _take(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "user":
                self._where = [frame["user"]]
            case "task":
                self._where[1:] = [frame["task"]]
                self._result.tasks += 1
            case "exchange":
                self._result.requests += 1
                if frame["error"]:
                    what = f"{frame['method']} {frame['name']}: {frame['error']}"
                    self._failed(" · ".join([*self._where, what]))
            case "done" if frame["error"]:
                self._failed(f"{self._where[0]} · {frame['task']}: {frame['error']}")
            case "end":
                self._ended = True
                if frame["message"]:
                    self._failed(frame["message"])
        self._on_frame(frame)

    def _failed(self, what: str) -> None:
        self._result.failures.append(what)


def _write_all(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as pipe:
        pipe.write(data)
