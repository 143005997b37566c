"""The supervisor's side of the span receiver: starts it, watches it, ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections import deque
from pathlib import Path

from loadkit.collect.httpd import LOOPBACK
from loadkit.errors import CollectError
from loadkit.model import Finding, Severity
from loadkit.ports import Notes
from loadkit.scrub import scrub

_READY_S = 20.0
_END_S = 10.0
_MODULE = "loadkit.collect.otlp"
_ROOT = str(Path(__file__).resolve().parents[2])


class SpanReceiver:
    """A collector of ``spans`` and ``span_counts``, in a process of its own.

    Args:
        directory: the bundle.
        run_id: put into the environment of the process, for whoever cleans up after a killed run.
        note: takes the finding ``spans-lost``.
        seed: of the random sample.
    """

    name = "spans"

    def __init__(self, *, directory: Path, run_id: str, note: Notes, seed: int = 0) -> None:
        self._directory = directory
        self._run_id = run_id
        self._note = note
        self._seed = seed
        self._child: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._said: deque[str] = deque(maxlen=8)
        self._ending = False
        self._told = False
        self._port = 0

    @property
    def endpoint(self) -> str:
        """Where spans are sent, such as ``http://127.0.0.1:40000/v1/traces``; after the start."""
        return f"http://{LOOPBACK}:{self._port}/v1/traces"

    @property
    def pid(self) -> int | None:
        """The process id, None before the start."""
        return None if self._child is None else self._child.pid

    async def start(self) -> None:
        """See Collector.

        Raises:
            CollectError: the process did not start.
        """
        self._ending = False
        try:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", _MODULE, "--directory", str(self._directory),
                "--run-id", self._run_id, "--seed", str(self._seed),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment(),
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise CollectError(
                f"the span receiver cannot be started: {error.strerror or error}",
                where=sys.executable,
            ) from error
        self._watch = asyncio.create_task(self._watched(self._child))
        try:
            async with asyncio.timeout(_READY_S):
                self._port = await _port(self._child)
        except (TimeoutError, CollectError) as error:
            await self.stop()
            said = " ".join(self._said) or "it said nothing"
            raise CollectError(
                f"the span receiver did not start: {said}",
                remedy=f"See what `{sys.executable} -m {_MODULE} --help` says.",
            ) from error

    def _environment(self) -> dict[str, str]:
        paths = os.pathsep.join([_ROOT, *filter(None, [os.environ.get("PYTHONPATH")])])
        return {**os.environ, "LOADKIT_RUN_ID": self._run_id, "PYTHONPATH": paths}

    async def stop(self) -> None:
        """See Collector. What was received is written when this returns."""
        child, self._child = self._child, None
        if child is None:
            return
        self._ending = True
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_END_S):
                await child.wait()
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
            if not isinstance(error, TimeoutError):
                raise
            self._lost("did not end in time and was killed")
        if self._watch is not None:
            await self._watch
            self._watch = None
        if child.returncode is not None and child.returncode > 0 and self._port:
            self._lost(f"ended with status {child.returncode}")
        if child.stdin is not None:
            child.stdin.close()

    async def _watched(self, child: asyncio.subprocess.Process) -> None:
        assert child.stderr is not None
        while line := await child.stderr.readline():
            self._said.append(scrub(line.decode("utf-8", "replace").strip(), 500))
        status = await child.wait()
        if not self._ending and self._port:
            self._lost(f"ended by itself with status {status}")

    def _lost(self, what: str) -> None:
        if self._told:
            return
        self._told = True
        self._note(
            Finding(
                "spans-lost",
                Severity.ERROR,
                f"The span receiver {what}; spans are missing.",
                {"mono_ns": str(time.monotonic_ns()), "last words": " ".join(self._said)},
            )
        )


async def _port(child: asyncio.subprocess.Process) -> int:
    assert child.stdout is not None
    while line := await child.stdout.readline():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            told = json.loads(line)
            if told["ready"] is True:
                return int(told["port"])
    raise CollectError("it ended before it was ready")
