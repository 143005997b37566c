"""A program on one core: started, its processor time read from outside, ended by its group."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from loadkit.errors import StackError

_GRACE_S = 5.0
_TAIL = 300
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

# Settles itself on its core and asks to be killed with its parent (PR_SET_PDEATHSIG), then becomes
# the program. Not a preexec_fn, which may hang where the parent has threads.
_LAUNCH = """
import ctypes, os, signal, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[2]):
    sys.exit(1)
os.execvp(sys.argv[3], sys.argv[3:])
"""


def cpu_clock_ns(pid: int) -> int | None:
    """Processor time that a process has used in all its threads so far, ns; None when it is gone.

    The kernel's CPU-time clock of that process, so there are no ticks of 10 ms in it.
    """
    try:
        return time.clock_gettime_ns(~pid << 3 | 2)
    except OSError:
        return None


class Pinned:
    """A program and its children on one core, with output in ``NAME.out`` and ``NAME.err``.

    It leads a group of its own and is killed with the process that started it.

    Args:
        name: in messages and in the names of its files.
        command: program and arguments.
        core: where it and everything it starts may run.
        directory: where it is started and its files are written.
        environment: added to ours, without proxies.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        core: int,
        directory: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.core = core
        self._directory = directory
        kept = {key: text for key, text in os.environ.items() if key.lower() not in _PROXIES}
        if shutil.which(command[0]) is None:
            raise StackError(f"{name} cannot be started: there is no {command[0]}")
        launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(core), str(os.getpid())]
        with self._file("out").open("wb") as out, self._file("err").open("wb") as err:
            self._popen = subprocess.Popen(
                [*launch, *command],
                cwd=directory,
                env={**kept, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def _file(self, kind: str) -> Path:
        return self._directory / f"{self.name}.{kind}"

    @property
    def pid(self) -> int:
        """The process id, also after its end."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    @property
    def status(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._popen.poll()

    @property
    def out(self) -> str:
        """What it printed so far."""
        return self._file("out").read_text(encoding="utf-8", errors="replace")

    @property
    def err(self) -> str:
        """What it complained about so far."""
        return self._file("err").read_text(encoding="utf-8", errors="replace")

    def cpu_ns(self) -> dict[int, int]:
        """Processor time so far of each process of the tree, by id; empty when it has ended."""
        pids = [self.pid]
        with contextlib.suppress(psutil.Error):
            pids += [child.pid for child in psutil.Process(self.pid).children(recursive=True)]
        clocks = {pid: cpu_clock_ns(pid) for pid in pids}
        return {pid: clock for pid, clock in clocks.items() if clock is not None}

    def wait(self, timeout_s: float) -> int:
        """Waits for its end; its exit status.

        Raises:
            StackError: it did not end in time, and was killed.
        """
        try:
            return self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.stop()
            raise self.failure(f"did not end within {timeout_s:.0f} s") from None

    def stop(self, grace_s: float = _GRACE_S) -> None:
        """Ends it and its group, with SIGTERM first. Harmless when it has ended."""
        if self.running:
            self._signal(signal.SIGTERM)
            try:
                self._popen.wait(grace_s)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._popen.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def failure(self, what: str) -> StackError:
        """An error about it, with the end of what it printed."""
        said = " ".join(f"{self.err}\n{self.out}"[-_TAIL:].split())
        return StackError(f"{self.name} {what}; it said: {said or 'nothing'}")


def used_ns(before: Mapping[int, int], after: Mapping[int, int]) -> int:
    """Processor time that a tree used between two readings, ns."""
    return sum(clock - before.get(pid, 0) for pid, clock in after.items())


@contextlib.contextmanager
def ended(process: Pinned) -> Iterator[Pinned]:
    """The process for the length of a block; it has ended afterwards."""
    try:
        yield process
    finally:
        process.stop()


@contextlib.contextmanager
def aside(core: int) -> Iterator[None]:
    """This process on one core for the length of a block, so that it is not in the way of another.

    Its threads started before keep their cores.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
