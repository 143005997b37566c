"""The process that serves the report of the run so far."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

from loadkit.errors import StackError
from loadkit.live.address import Address
from loadkit.run.interrupts import Interrupts
from loadkit.stack.process import child_environment

# With nothing to hold it still hands the final report to those who watch (15 s at most).
_GRACE_S = 25.0


class LivePage:
    """``python -m loadkit.live`` in a session of its own, on a socket that listens already.

    It gets a pipe as standard input, and ends with it: also when the supervisor is killed.
    """

    def __init__(self, directory: Path, run_id: str, output: Path) -> None:
        self._directory = directory
        self._run_id = run_id
        self._output = output
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, listening: socket.socket, address: Address) -> None:
        """Starts it. Requests that come before it is ready wait in the socket.

        Raises:
            StackError: it cannot be started.
        """
        try:
            with self._output.open("ab") as output:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "loadkit.live", str(self._directory.absolute())),
                    *("--listen-fd", str(listening.fileno()), "--host", address.host),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=output,
                    stderr=asyncio.subprocess.STDOUT,
                    pass_fds=(listening.fileno(),),
                    env=child_environment(self._run_id),
                    start_new_session=True,
                )
        except OSError as error:
            raise StackError(f"the live page cannot be started: {error}") from error

    async def finish(self, hold_s: float, interrupts: Interrupts) -> None:
        """The report is written: it is served for so long, or until the user has had enough."""
        process = self._process
        if process is None or process.stdin is None or process.returncode is not None:
            return
        with contextlib.suppress(OSError):
            process.stdin.write(f"final {hold_s:g}\n".encode())
            await process.stdin.drain()
        ended = asyncio.ensure_future(process.wait())
        enough = interrupts.twice if interrupts.once.is_set() else interrupts.once
        waits = {ended, asyncio.ensure_future(enough.wait())}
        try:
            await asyncio.wait(
                waits, timeout=hold_s + _GRACE_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for wait in waits:
                wait.cancel()

    async def stop(self) -> None:
        """Ends it; harmless when it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(2.0):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
