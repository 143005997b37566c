"""Runs py-spy: one recording of who holds the interpreter's lock, one look at all threads."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from loadkit.collect import stacks
from loadkit.collect.stacks import Sight
from loadkit.scrub import scrub

_GRACE_S = 20.0  # py-spy reads the symbols of large programs before it begins
_LAST_S = 3.0
_RUN_ID = "LOADKIT_RUN_ID"


@dataclass(frozen=True, slots=True)
class Recording:
    """What came of it: stacks, samples that failed, or why there is nothing."""

    seen: Counter[Sight]
    errors: int = 0
    message: str | None = None
    remedy: str | None = None


def find_py_spy() -> str | None:
    """py-spy beside this interpreter, else on PATH, else None."""
    own = Path(sys.executable).parent / "py-spy"
    return str(own) if os.access(own, os.X_OK) else shutil.which("py-spy")


class PySpy:
    """py-spy for one process.

    Args:
        program: where it lies.
        pid: the process to look at.
        blocking: pause it for each sample: truer, and slower.
        run_id: put into the environment, for whoever cleans up after a killed run.
    """

    def __init__(self, program: str, pid: int, *, blocking: bool, run_id: str) -> None:
        self._program = program
        self._pid = pid
        self._how = [] if blocking else ["--nonblocking"]
        self._run_id = run_id

    async def record(self, number: int, seconds: int, rate_hz: int, file: Path) -> Recording:
        """Stacks that hold the interpreter's lock, in slice ``number``.

        ``file`` is where py-spy puts them; it is removed.

        Raises:
            OSError: py-spy cannot be run.
        """
        words = [
            "record", "--format", "raw", "--gil", "--threads", "--rate", str(rate_hz),
            "--duration", str(seconds), "--pid", str(self._pid), "--output", str(file), *self._how,
        ]  # fmt: skip
        child = await self._start(words)
        (_, said), timely = await _end_of(child, seconds + _GRACE_S)
        seen = _read(file, number)
        errors = (stacks.counts(said) or (0, 0))[1]
        if seen or (timely and child.returncode == 0):
            # Nothing ran while it looked: a truth about the process, and no failure.
            return Recording(seen, errors)
        if not timely:
            what, remedy = "py-spy did not end in time", "Is the machine overloaded?"
        else:
            what, remedy = stacks.why(said, self._pid)
        return Recording(seen, errors, scrub(what, 300), remedy)

    async def look(self, number: int) -> Recording:
        """What every thread does at one moment, in slice ``number``.

        Raises:
            OSError: py-spy cannot be run.
        """
        child = await self._start(["dump", "--json", "--pid", str(self._pid), *self._how])
        (told, said), timely = await _end_of(child, _GRACE_S)
        seen = stacks.parse_dump(told, number) if timely and child.returncode == 0 else None
        if seen is None:
            what, remedy = stacks.why(said, self._pid)
            return Recording(Counter(), 1, scrub(what, 300), remedy)
        return Recording(seen)

    async def _start(self, words: list[str]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            self._program,
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, _RUN_ID: self._run_id},
            start_new_session=True,
        )


def _read(file: Path, number: int) -> Counter[Sight]:
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            seen = stacks.parse_raw(lines, number)
    except OSError:
        return Counter()
    file.unlink(missing_ok=True)
    return seen


async def _end_of(
    child: asyncio.subprocess.Process, patience_s: float
) -> tuple[tuple[str, str], bool]:
    """What it said on both its outputs, and whether it ended in time; it is gone afterwards."""
    talk = asyncio.create_task(child.communicate())
    try:
        return _decoded(await asyncio.wait_for(asyncio.shield(talk), patience_s)), True
    except TimeoutError:
        return await _ask_to_end(child, talk), False
    except asyncio.CancelledError:
        await _ask_to_end(child, talk)
        raise


async def _ask_to_end(
    child: asyncio.subprocess.Process, talk: asyncio.Task[tuple[bytes, bytes]]
) -> tuple[str, str]:
    # Interrupted, py-spy writes what it has; killed, it loses that. The kernel resumes the process
    # that it may have paused in both cases.
    for number in (signal.SIGINT, signal.SIGKILL):
        if child.returncode is None:
            child.send_signal(number)
        try:
            return _decoded(await asyncio.wait_for(asyncio.shield(talk), _LAST_S))
        except TimeoutError:
            continue
    return "", ""


def _decoded(talk: tuple[bytes, bytes]) -> tuple[str, str]:
    return talk[0].decode("utf-8", "replace"), talk[1].decode("utf-8", "replace")
