"""Ends whatever a run started when its supervisor is gone, however it went.

``python -m loadkit.stack.guard RUN_ID`` reads its standard input, a pipe from the supervisor. The
pipe ends with the supervisor, also when that was killed with -9. Unless the farewell ``bye`` came
before, every process with ``LOADKIT_RUN_ID=RUN_ID`` in its environment is ended: SIGTERM, and
SIGKILL a second later.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from loadkit.errors import StackError
from loadkit.stack.interpreter import python_path
from loadkit.stack.process import RUN_ID as VARIABLE

READY = b"ready\n"
FAREWELL = b"bye\n"
_GRACE_S = 1.0
_GIVE_UP_S = 3.0
_STEP_S = 0.05
_EMPTY_SCANS = 4


class Guard:
    """``async with Guard(run_id):`` around everything that a supervisor starts; takes 0.1 s.

    Leaving it in order sends the farewell; leaving it with an exception does not, so that what an
    interrupted clean-up left behind is ended as well. Waits for the guard in both cases.

    Raises:
        StackError: from ``__aenter__``, when the guard did not start.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The guard's process id while it stands."""
        return None if self._process is None else self._process.pid

    async def __aenter__(self) -> Guard:
        self._process = _start(self._run_id)
        # Only when it has said so is it deaf to a terminal's signals, and what is to be guarded
        # may be started.
        try:
            said = await asyncio.to_thread(_first_line, self._process)
        except BaseException as error:
            await asyncio.shield(self.__aexit__(type(error), error, None))
            raise
        if said != READY:
            await self.__aexit__(StackError, None, None)
            raise StackError(
                "the guard, which ends what a killed run leaves, did not start",
                remedy=f"See what `{sys.executable} -m loadkit.stack.guard test` says.",
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        self._process = None
        if process is None or process.stdin is None:
            return
        with contextlib.suppress(OSError):  # it was killed by somebody: nothing to say farewell to
            if kind is None:
                process.stdin.write(FAREWELL)
            process.stdin.close()
        try:
            await asyncio.to_thread(process.wait, _GIVE_UP_S + 2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(run_id: str) -> subprocess.Popen[bytes]:
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    return subprocess.Popen(
        [sys.executable, "-m", "loadkit.stack.guard", run_id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={**environment, "PYTHONPATH": python_path()},
        start_new_session=True,
    )


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    with process.stdout as output:
        return output.readline()


def main(run_id: str) -> int:
    """Waits for the end of standard input, then acts. Returns an exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.write(1, READY)
    told = sys.stdin.buffer.read()
    if told.endswith(FAREWELL):
        return 0
    return 0 if sweep(run_id) else 1


def sweep(run_id: str) -> bool:
    """Ends every process of the run but this one; whether none is left after three seconds."""
    started = time.monotonic()
    asked: set[int] = set()
    empty = 0
    while True:
        alive = _members(run_id)
        # Seen several times: a child that was being started has the variable only once it runs.
        empty = 0 if alive else empty + 1
        if empty == _EMPTY_SCANS:
            return True
        elapsed = time.monotonic() - started
        if elapsed > _GIVE_UP_S:
            return False
        for pid in alive:
            if elapsed >= _GRACE_S:
                _signal(pid, alive, signal.SIGKILL)
            elif pid not in asked:
                asked.add(pid)
                _signal(pid, alive, signal.SIGTERM)
        time.sleep(_STEP_S)


def _members(run_id: str) -> set[int]:
    # Read from /proc: nothing but the standard library, so that the guard is there within
    # milliseconds, small, and needs nothing when memory is short.
    wanted = f"{VARIABLE}={run_id}".encode()
    members = set()
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = Path(entry.path, "environ").read_bytes()
        except OSError:  # gone, or somebody else's
            continue
        if wanted in environment.split(b"\0"):
            members.add(int(entry.name))
    return members


def _signal(pid: int, members: set[int], number: signal.Signals) -> None:
    with contextlib.suppress(OSError):
        group = os.getpgid(pid)
        # A group led by somebody else, such as the shell that started loadkit, is not ours to end.
        if group in members:
            os.killpg(group, number)
        else:
            os.kill(pid, number)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m loadkit.stack.guard RUN_ID")
    sys.exit(main(sys.argv[1]))
