"""One process of the stack: started in a group of its own, watched, stopped by its id."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from loadkit.errors import StackError

RUN_ID = "LOADKIT_RUN_ID"
"""The variable by which everything that a run started can be recognised."""

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")
_TAIL_LINES = 8


def child_environment(run_id: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, without proxies (everything is on loopback), marked with the run's id."""
    inherited = {k: v for k, v in os.environ.items() if k.lower() not in _PROXIES}
    return {**inherited, **(extra or {}), RUN_ID: run_id}


class ManagedProcess:
    """A child whose output goes to a file and whose end is noticed at once.

    Args:
        name: how people call it, in messages.
        command: program and arguments.
        run_id: put into its environment, for the guard.
        output: where standard output and error go; appended to.
        directory: where it is started.
        environment: added to ours.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        run_id: str,
        output: Path,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.output = output
        self._command = list(command)
        self._directory = directory
        self._environment = child_environment(run_id, environment)
        self._popen: subprocess.Popen[bytes] | None = None
        self._died: asyncio.Future[int] | None = None

    @property
    def pid(self) -> int:
        """The process id, also after its end."""
        return self._started().pid

    @property
    def died(self) -> asyncio.Future[int]:
        """Done when it ended: with its exit status, or minus the signal's number."""
        if self._died is None:
            raise StackError(f"{self.name} was not started")
        return self._died

    @property
    def has_started(self) -> bool:
        """Whether it was ever started."""
        return self._died is not None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._died is not None and not self._died.done()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._popen is None:
            raise StackError(f"{self.name} was not started")
        return self._popen

    async def start(self) -> None:
        """Starts it; says nothing about its health.

        Raises:
            StackError: the program cannot be executed or its output file not be written.
        """
        loop = asyncio.get_running_loop()
        try:
            # Popen and not asyncio's own: that one kills the child when the loop is closed, but
            # `stack up` leaves its servers running. Not in a thread: cancelled in between, nobody
            # would know of the child.
            self._popen = self._spawn()
        except OSError as error:
            raise StackError(
                f"{self.name} could not be started: {error.strerror or error}",
                where=self._command[0],
            ) from error
        self._died = loop.create_future()
        waiter = threading.Thread(
            target=_wait,
            args=(self._popen, loop, self._died),
            name=f"wait-{self.name}",
            daemon=True,
        )
        waiter.start()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.output.open("ab") as output:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._directory,
                env=self._environment,
                start_new_session=True,
            )

    async def until(
        self, check: Callable[[], Awaitable[bool]], *, deadline_s: float, what: str = "healthy"
    ) -> None:
        """Asks ``check`` again and again until it says yes.

        Raises:
            StackError: the process ended or the deadline passed; with its last lines of output.
        """
        end = time.monotonic() + deadline_s
        pause = 0.01
        while True:
            if self.died.done():
                raise self._failure(f"ended with {describe_exit(self.died.result())}")
            if await check():
                return
            if time.monotonic() > end:
                raise self._failure(f"was not {what} within {deadline_s:g} s")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.1)

    def _failure(self, what: str) -> StackError:
        return StackError(
            f"{self.name} {what}; its last lines:\n{self.tail() or '(it said nothing)'}",
            remedy=f"All of its output: {self.output}",
        )

    async def stop(self, grace_s: float = 5.0) -> int:
        """Ends it and its group: asks with SIGTERM, after ``grace_s`` kills. Returns its status.

        Harmless when it has ended already. When the waiting is cancelled it is killed at once.
        """
        if not self.died.done():
            self._signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(asyncio.shield(self.died), grace_s)
            except TimeoutError:
                self._signal(signal.SIGKILL)
            except asyncio.CancelledError:
                self._signal(signal.SIGKILL)
                raise
        return await self.died

    def _signal(self, number: signal.Signals) -> None:
        # The process leads its group, and its id cannot be given away before it was waited for.
        if not self.died.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def tail(self, lines: int = _TAIL_LINES) -> str:
        """The last lines of its output."""
        try:
            with self.output.open("rb") as output:
                size = output.seek(0, os.SEEK_END)
                output.seek(max(0, size - 16_384))
                text = output.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


def _wait(
    popen: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop, died: asyncio.Future[int]
) -> None:
    status = popen.wait()

    def tell() -> None:
        if not died.done():
            died.set_result(status)

    with contextlib.suppress(RuntimeError):  # the loop is gone: nobody is left to be told
        loop.call_soon_threadsafe(tell)


def describe_exit(status: int) -> str:
    """``"exit status 1"``, or ``"signal SIGKILL"`` for minus nine."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"
