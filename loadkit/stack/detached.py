"""``loadkit stack up | down | status | install``: an embedded stack that outlives the command.

What runs is remembered in ``<cache>/stack.json``. A process is ended only when its id, its start
and the run's id in its environment are all as they were noted down.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from loadkit.errors import StackError, UsageError
from loadkit.stack import binaries
from loadkit.stack.cache import cache_directory, locked
from loadkit.stack.components import Started
from loadkit.stack.embedded import EmbeddedStack, StackRequest
from loadkit.stack.freeports import LOOPBACK
from loadkit.stack.guard import Guard
from loadkit.stack.interpreter import python_path
from loadkit.stack.process import RUN_ID, ManagedProcess
from loadkit.stack.readyline import ready_line

FORMAT = 1  # 1: the first
_GRACE_S = 8.0


@dataclass(frozen=True, slots=True)
class Part:
    """A process as it was noted down; ``start_ticks`` is its start since the host's, in ticks."""

    pid: int
    start_ticks: int


@dataclass(frozen=True, slots=True)
class StackState:
    """What ``up`` started. ``urls`` are by name; ``notifications`` is a file, a message a line."""

    run_id: str
    directory: str
    urls: dict[str, str]
    fault_token: str
    notifications: str
    parts: dict[str, Part]
    versions: dict[str, str]
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class StackStatus:
    """The noted state, None when there is none, and which of its parts are running."""

    state: StackState | None
    running: dict[str, bool] = field(default_factory=dict)


def _ignore(_: object) -> None:
    return None


def install(progress: Callable[[str], None]) -> dict[str, binaries.Binary]:
    """Makes sure that every server is there, downloading what is missing. Name → program.

    Raises:
        StackError: that is not possible here; the message says what to install.
    """
    return binaries.ensure(progress)


async def up(
    rule_files: Sequence[tuple[str, str]],
    alertmanager_for: Callable[[str], str],
    *,
    otlp_endpoint: str | None = None,
    on_progress: Callable[[str], None] = _ignore,
    on_started: Callable[[Started], None] = _ignore,
) -> StackState:
    """Starts the embedded stack and leaves it running.

    Args:
        rule_files: (name, text), prepared already.
        alertmanager_for: gives Alertmanager's prepared configuration for a receiver's address.
        otlp_endpoint: where the service sends its spans; None for nowhere.
        on_progress: see StackRequest.
        on_started: see StackRequest.

    Raises:
        UsageError: one is running already.
        StackError: a part did not start; nothing is left running then.
    """
    cache = cache_directory()
    with locked(cache / "stack.lock", lambda: on_progress("waiting for another loadkit")):
        if any(status().running.values()):
            raise UsageError(
                "a stack is running already",
                where=str(_state_file()),
                remedy="loadkit stack status shows it, loadkit stack down ends it.",
            )
        run_id = f"stack-{secrets.token_hex(8)}"
        directory = cache / "stacks" / run_id
        # What a start that failed left to be read is of no use after the next one.
        shutil.rmtree(directory.parent, ignore_errors=True)
        directory.mkdir(parents=True)
        async with Guard(run_id):  # until all of it runs: half a stack is worse than none
            return await _start(
                StackRequest(
                    run_id=run_id,
                    directory=directory,
                    rule_files=rule_files,
                    alertmanager_text="",
                    otlp_endpoint=otlp_endpoint,
                    on_progress=on_progress,
                    on_started=on_started,
                ),
                alertmanager_for,
            )


async def _start(request: StackRequest, alertmanager_for: Callable[[str], str]) -> StackState:
    sink = await _start_sink(request.run_id, request.directory)
    try:
        port = (ready_line(sink.output, sink.pid) or {})["port"]
        text = alertmanager_for(f"http://{LOOPBACK}:{port}")
        async with EmbeddedStack(replace(request, alertmanager_text=text)) as stack:
            await stack.wait_for_targets()
            state = _state(request.run_id, request.directory, stack, sink)
            _write(state)
            stack.abandon()
    except BaseException:
        await sink.stop()
        raise
    return state


async def _start_sink(run_id: str, directory: Path) -> ManagedProcess:
    sink = ManagedProcess(
        "notification receiver",
        [sys.executable, "-m", "loadkit.stack.sink", str(_notifications(directory))],
        run_id=run_id,
        output=directory / "sink.log",
        directory=directory,
        environment={"PYTHONPATH": python_path()},
    )
    await sink.start()

    async def ready() -> bool:
        return ready_line(sink.output, sink.pid) is not None

    try:
        await sink.until(ready, deadline_s=10.0, what="ready")
    except BaseException:
        await sink.stop()
        raise
    return sink


def _notifications(directory: Path) -> Path:
    return directory / "notifications.jsonl"


def _state(run_id: str, directory: Path, stack: EmbeddedStack, sink: ManagedProcess) -> StackState:
    pids = {**stack.pids, "sink": sink.pid}
    parts = {name: Part(pid, _start_ticks(pid) or 0) for name, pid in pids.items()}
    return StackState(
        run_id=run_id,
        directory=str(directory),
        urls={
            "service": stack.service_url,
            "metrics": stack.metrics_url,
            "faults": stack.fault_url,
            "prometheus": stack.prometheus_url,
            "alertmanager": stack.alertmanager_url,
        },
        fault_token=stack.fault_token,
        notifications=str(_notifications(directory)),
        parts=parts,
        versions=stack.versions,
    )


def status() -> StackStatus:
    """What was started with ``up`` and which parts of it still run.

    Raises:
        StackError: the note is of a newer loadkit or damaged.
    """
    state = _read()
    if state is None:
        return StackStatus(None)
    running = {name: _is_ours(part, state.run_id) for name, part in state.parts.items()}
    return StackStatus(state, running)


async def down() -> StackStatus:
    """Ends what ``up`` started and forgets it, with its data. Returns the status before.

    Raises:
        StackError: something lives on although it was killed.
    """
    with locked(cache_directory() / "stack.lock", lambda: None):
        before = status()
        if before.state is None:
            return before
        run_id = before.state.run_id
        parts = before.state.parts
        # The servers that watch end before what they watch, and the receiver last.
        for name in reversed(["sink", *(name for name in parts if name != "sink")]):
            await _end(name, parts[name], run_id)
        _state_file().unlink(missing_ok=True)
        _forget(Path(before.state.directory))
    return before


async def _end(name: str, part: Part, run_id: str) -> None:
    asked = time.monotonic()
    number = signal.SIGTERM
    while _is_ours(part, run_id):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(part.pid, number)
        if time.monotonic() > asked + _GRACE_S:
            if number is signal.SIGKILL:
                raise StackError(f"{name} (process {part.pid}) cannot be ended")
            number, asked = signal.SIGKILL, time.monotonic()
        await asyncio.sleep(0.05)


def _forget(directory: Path) -> None:
    # Only what this module made: the note might have been edited.
    if directory.parent == cache_directory() / "stacks":
        shutil.rmtree(directory, ignore_errors=True)


def _is_ours(part: Part, run_id: str) -> bool:
    if _start_ticks(part.pid) != part.start_ticks:
        return False
    try:
        environment = Path(f"/proc/{part.pid}/environ").read_bytes()
    except OSError:
        return False
    return f"{RUN_ID}={run_id}".encode() in environment.split(b"\0")


def _start_ticks(pid: int) -> int | None:
    """When the process started; None when it is gone or only its status is left."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold anything.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _state_file() -> Path:
    return cache_directory() / "stack.json"


def _write(state: StackState) -> None:
    path = _state_file()
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # holds the token
    with os.fdopen(descriptor, "w", encoding="utf-8") as output:
        json.dump(asdict(state), output, indent=2)
    new.rename(path)


def _read() -> StackState | None:
    path = _state_file()
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    if isinstance(noted, dict) and noted.get("format", 0) > FORMAT:
        raise _damaged(path, "written by a newer loadkit")
    try:
        parts = {name: Part(**part) for name, part in noted.pop("parts").items()}
        return StackState(**noted, parts=parts)
    except (AttributeError, KeyError, TypeError) as error:
        raise _damaged(path, f"not as expected ({error})") from error


def _damaged(path: Path, why: str) -> StackError:
    return StackError(
        f"the note about the running stack cannot be read: {why}",
        where=str(path),
        remedy=f"End its processes by hand (they have {RUN_ID} set) and remove the file.",
    )
