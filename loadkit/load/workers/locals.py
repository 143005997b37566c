"""Workers on the master's own machine: started with an inherited token, ended with it."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

_PATIENCE_S = 3.0


class Locals:
    """The processes by their id. They end when this process does, however it goes."""

    def __init__(self, token: str, file: str) -> None:
        self._token = token
        self._file = file
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._lifelines: list[int] = []

    def start(self, count: int, port: int) -> None:
        """Starts so many, which will connect to a port of this machine.

        Raises:
            OSError: one cannot be started.
        """
        for _ in range(count):
            reader, writer = os.pipe()
            try:
                process = subprocess.Popen(
                    [
                        *(sys.executable, "-m", "loadkit.load", "worker", self._file),
                        *("--connect", f"127.0.0.1:{port}", "--token-fd", str(reader)),
                    ],
                    stdin=subprocess.DEVNULL,
                    pass_fds=(reader,),
                )
            finally:
                os.close(reader)
            os.write(writer, self._token.encode() + b"\n")
            self._lifelines.append(writer)  # a worker reads its end
            self._processes[process.pid] = process

    def owns(self, pid: int) -> bool:
        """Whether it was started here."""
        return pid in self._processes

    def ended(self, pid: int) -> int | None:
        """Exit status of a process, minus the signal's number; None while it runs."""
        process = self._processes.get(pid)
        return None if process is None else process.poll()

    def any_ended(self) -> dict[int, int]:
        """Exit statuses of those that have ended, by process id."""
        statuses = {pid: process.poll() for pid, process in self._processes.items()}
        return {pid: status for pid, status in statuses.items() if status is not None}

    def kill(self, pid: int) -> None:
        """Ends one at once, if it was started here."""
        process = self._processes.get(pid)
        if process is not None and process.poll() is None:
            process.kill()

    def close(self) -> None:
        """Ends those that are still there."""
        for writer in self._lifelines:
            os.close(writer)
        self._lifelines.clear()
        for process in self._processes.values():
            try:
                process.wait(timeout=_PATIENCE_S)
            except subprocess.TimeoutExpired:  # it stands still
                process.kill()
                process.wait()


def new_token() -> str:
    """A token that nobody else knows."""
    return secrets.token_urlsafe(32)
