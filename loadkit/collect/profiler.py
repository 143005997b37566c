"""Samples the stacks of a Python process with py-spy, for one stage."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadkit.collect import stacks
from loadkit.model import Finding, Severity
from loadkit.ports import Notes, Sink
from loadkit.scrub import scrub

RATE_HZ = 100
_GRACE_S = 20.0  # py-spy reads the symbols of large programs before it begins
_LAST_S = 3.0
_RUN_ID = "LOADKIT_RUN_ID"
_UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of it: stacks, py-spy's counts, or why there are none."""

    stacks: list[stacks.Stack]
    errors: int
    message: str | None = None
    remedy: str | None = None


class Profiler:
    """Writes ``profiles`` and ``profile_runs``; a failure is the finding ``profile-failed``.

    Args:
        sink: takes the rows.
        note: takes findings.
        run_id: put into the environment of py-spy, for whoever cleans up after a killed run.
        rate_hz: samples a second.
        gil: count only stacks that hold the interpreter's lock. Without it a paused process shows
            its waiting threads as running (measured: three of four samples were of waits). With
            it, time in C code that gives the lock away, such as a database's own, is not seen.
    """

    def __init__(
        self,
        sink: Sink,
        note: Notes,
        *,
        run_id: str | None = None,
        rate_hz: int = RATE_HZ,
        gil: bool = True,
    ) -> None:
        self._sink = sink
        self._note = note
        self._run_id = run_id or os.environ.get(_RUN_ID, "")
        self._rate_hz = rate_hz
        self._gil = gil

    async def profile(
        self,
        stage: str,
        process: str,
        pid: int,
        duration_s: float,
        directory: Path,
        *,
        blocking: bool = True,
    ) -> bool:
        """Samples for ``duration_s`` seconds; whether there is a profile. Never raises for it.

        Args:
            stage: name of the stage, for the rows.
            process: name of the process, likewise.
            pid: its id.
            duration_s: how long, rounded to whole seconds of at least 1.
            directory: the bundle; raw stacks go to ``profiles/STAGE-PROCESS.txt`` in it.
            blocking: pauses the process for each sample. That is truer, and slower.
        """
        mono_ns = time.monotonic_ns()
        seconds = max(1, round(duration_s))
        file = directory / "profiles" / f"{_safe(stage)}-{_safe(process)}.txt"
        try:
            outcome = await self._record(pid, seconds, file, blocking)
        except OSError as error:
            outcome = _Outcome([], 0, f"py-spy could not be run: {error}", "Is the disk full?")
        self._write(stage, process, outcome)
        self._sink.append(
            "profile_runs",
            [
                {
                    "stage": stage,
                    "process": process,
                    "pid": pid,
                    "mono_ns": mono_ns,
                    "duration_s": (time.monotonic_ns() - mono_ns) / 1e9
                    if outcome.message
                    else float(seconds),
                    "rate_hz": self._rate_hz,
                    "blocking": blocking,
                    "samples": sum(stack.count for stack in outcome.stacks),
                    "errors": outcome.errors,
                    "message": outcome.message,
                }
            ],
        )
        return outcome.message is None

    def _write(self, stage: str, process: str, outcome: _Outcome) -> None:
        rows: list[dict[str, Any]] = [
            {
                "stage": stage,
                "process": process,
                "stack": stack.frames,
                "count": stack.count,
                "rooted": stack.rooted,
            }
            for stack in outcome.stacks
        ]
        if rows:
            self._sink.append("profiles", rows)
        if outcome.message is None:
            if not rows:
                self._note(
                    Finding(
                        "profile-empty",
                        Severity.WARNING,
                        f"py-spy saw {process} run no Python in stage {stage}.",
                        {"samples that failed": str(outcome.errors)},
                    )
                )
            return
        self._note(
            Finding(
                "profile-failed",
                Severity.WARNING,
                f"There is no profile of {process} in stage {stage}: {outcome.message}.",
                {"remedy": outcome.remedy or ""},
            )
        )

    async def _record(self, pid: int, seconds: int, file: Path, blocking: bool) -> _Outcome:
        program = find_py_spy()
        if program is None:
            return _Outcome([], 0, "py-spy is not installed", "Install it: pip install py-spy")
        file.parent.mkdir(parents=True, exist_ok=True)
        command = [
            program, "record", "--format", "raw", "--rate", str(self._rate_hz),
            "--duration", str(seconds), "--pid", str(pid), "--output", str(file),
        ]  # fmt: skip
        command += [*(["--gil"] if self._gil else []), *([] if blocking else ["--nonblocking"])]
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, _RUN_ID: self._run_id},
            start_new_session=True,
        )
        said, timely = await _end_of(child, seconds + _GRACE_S)
        return _outcome(child.returncode, said, timely, file, pid)


async def _end_of(child: asyncio.subprocess.Process, patience_s: float) -> tuple[str, bool]:
    """(what it said, whether it ended in time); it is gone afterwards, on every way out."""
    talk = asyncio.create_task(child.communicate())
    try:
        _, said = await asyncio.wait_for(asyncio.shield(talk), patience_s)
        return said.decode("utf-8", "replace"), True
    except TimeoutError:
        return await _ask_to_end(child, talk), False
    except asyncio.CancelledError:
        await _ask_to_end(child, talk)
        raise


async def _ask_to_end(
    child: asyncio.subprocess.Process, talk: asyncio.Task[tuple[bytes, bytes]]
) -> str:
    # Interrupted, py-spy writes what it has; killed, it loses that. The kernel resumes the process
    # that it may have paused in both cases.
    for number in (signal.SIGINT, signal.SIGKILL):
        if child.returncode is None:
            child.send_signal(number)
        try:
            _, said = await asyncio.wait_for(asyncio.shield(talk), _LAST_S)
            return said.decode("utf-8", "replace")
        except TimeoutError:
            continue
    return ""


def _outcome(status: int | None, said: str, timely: bool, file: Path, pid: int) -> _Outcome:
    counted = stacks.counts(said)
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            found = stacks.parse(lines)
    except OSError:
        found = []
    if found:
        return _Outcome(found, counted[1] if counted else 0)
    if not timely:
        return _Outcome([], 0, "py-spy did not end in time", "Is the machine overloaded?")
    if status == 0:
        # Nothing ran while it looked: a truth about the process, and no failure.
        return _Outcome([], counted[1] if counted else 0)
    what, remedy = stacks.why(said, pid)
    return _Outcome([], counted[1] if counted else 0, scrub(what, 300), remedy)


def find_py_spy() -> str | None:
    """py-spy beside this interpreter, else on PATH, else None."""
    own = Path(sys.executable).parent / "py-spy"
    return str(own) if os.access(own, os.X_OK) else shutil.which("py-spy")


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name).strip("._") or "unnamed"
