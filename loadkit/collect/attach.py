"""Attaches memray to a Python process that is already there, and measures how long that held it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from loadkit.scrub import scrub

_PATIENCE_S = 60.0
_LOOK_S = 0.002
_RUN_ID = "LOADKIT_RUN_ID"
_STOPPED = psutil.STATUS_TRACING_STOP


@dataclass(frozen=True, slots=True)
class Switched:
    """What switching cost, in seconds, and why it failed if it did.

    ``stall_s`` is the time from the first to the last moment at which the process was seen held
    by a debugger (looked at every 2 ms); None where the system does not show it.
    """

    took_s: float
    stall_s: float | None
    message: str | None = None
    remedy: str | None = None


async def attach(pid: int, file: Path, *, run_id: str = "") -> Switched:
    """Begins to track a process, into a file that is not compressed. Never raises for it."""
    missing = _debugger_missing()
    if missing is not None:
        return missing
    words = ["attach", "--output", str(file), "--no-compress", str(pid)]
    return await _memray(words, pid, run_id)


async def detach(pid: int, *, run_id: str = "") -> Switched:
    """Ends it. The file is complete afterwards."""
    return await _memray(["detach", str(pid)], pid, run_id)


def _debugger_missing() -> Switched | None:
    # From Python 3.14 on the interpreter itself lets others in, if both sides have it.
    if hasattr(sys, "remote_exec") or shutil.which("gdb") or shutil.which("lldb"):
        return None
    return Switched(
        0.0, None, "attaching needs gdb or lldb, and neither is there",
        "Install one, for example: apt-get install gdb.",
    )  # fmt: skip


async def _memray(words: list[str], pid: int, run_id: str) -> Switched:
    began = time.monotonic()
    watch = _StallWatch(pid)
    watch.start()
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "memray", *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, _RUN_ID: run_id},
            start_new_session=True,
        )  # fmt: skip
        said, timely = "", True
        try:
            out, _ = await asyncio.wait_for(child.communicate(), _PATIENCE_S)
            said = out.decode("utf-8", "replace")
        except TimeoutError:
            timely = False
        finally:
            if child.returncode is None:
                # The kernel lets go of the process when its debugger is gone.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                await child.wait()
    finally:
        stall_s = watch.stop()
    took_s = time.monotonic() - began
    if child.returncode == 0:
        return Switched(took_s, stall_s)
    what, remedy = why(said, pid) if timely else (
        f"memray {words[0]} did not come to an end in {_PATIENCE_S:g} s",
        "Is the process stopped, or in a call that holds its interpreter?",
    )  # fmt: skip
    return Switched(took_s, stall_s, scrub(what, 300), remedy)


def why(said: str, pid: int) -> tuple[str, str]:
    """(what, remedy) of a memray that failed with these words."""
    low = said.lower()
    if "does not exist" in low or "no such process" in low:
        return f"process {pid} is not there", "Give the pid of a running Python process."
    if "different user" in low and "installation" not in low:
        return (
            f"process {pid} belongs to another user",
            "Run loadkit as that user, or as root.",
        )
    if "permission to trace" in low or "operation not permitted" in low:
        remedy = (
            "Where /proc/sys/kernel/yama/ptrace_scope is 1 or more, as root or after `sudo sysctl "
            "kernel.yama.ptrace_scope=0`; in a container, with SYS_PTRACE."
        )
        return f"process {pid} may not be traced", remedy
    if "no module named" in low or "couldn't open the memray shared library" in low:
        return (
            f"process {pid} cannot import memray",
            "Install memray, of the version loadkit uses, into the environment of that process.",
        )
    if "python 3.7" in low:
        return (
            f"process {pid} is no Python that memray knows",
            "Give the pid of the interpreter itself, not of a shell or launcher around it.",
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["nothing"]
    return f"memray said: {lines[-1]}", f"Try it by hand: memray attach --verbose {pid}"


class _StallWatch(threading.Thread):
    """Looks whether a process is held by a debugger, again and again, until it is stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(name="stall-watch", daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self._first: float | None = None
        self._last: float | None = None
        self._seen = False

    def run(self) -> None:
        """Until :meth:`stop`."""
        try:
            process = psutil.Process(self._pid)
            while not self._over.wait(_LOOK_S):
                held = process.status() == _STOPPED
                self._seen = True
                if held:
                    now = time.monotonic()
                    self._first = now if self._first is None else self._first
                    self._last = now
        except psutil.Error:
            return

    def stop(self) -> float | None:
        """Seconds from the first to the last moment at which it was held."""
        self._over.set()
        self.join()
        if not self._seen or not sys.platform.startswith("linux"):
            return None
        return 0.0 if self._first is None or self._last is None else self._last - self._first
