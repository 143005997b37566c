"""The load child: started, read frame by frame, ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import struct
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgpack

from loadkit.errors import LoadError
from loadkit.scrub import scrub
from loadkit.stack.process import child_environment

_LENGTH = struct.Struct(">I")
_LARGEST = 256 << 20


class LoadChild:
    """``python -m loadkit.load run`` in a session of its own, so a terminal's signals miss it."""

    def __init__(
        self,
        run_id: str,
        plan: Mapping[str, Any],
        output: Path,
        say: Callable[[str], None],
    ) -> None:
        """``say`` gets each line that the scenario prints; ``output`` keeps them."""
        self._run_id = run_id
        self._plan = plan
        self._output = output
        self._say = say
        self._listener: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._frames: asyncio.StreamReader | None = None
        self._transport: asyncio.ReadTransport | None = None

    @property
    def pid(self) -> int:
        """Process id.

        Raises:
            LoadError: it has not been started.
        """
        if self._process is None:
            raise LoadError("the load child has not been started")
        return self._process.pid

    async def start(self) -> None:
        """Starts it and hands it the plan.

        Raises:
            LoadError: it cannot be started.
        """
        plan_reader, plan_writer = os.pipe()
        frame_reader, frame_writer = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "loadkit.load", "run"),
                *("--plan-fd", str(plan_reader), "--frames-fd", str(frame_writer)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(plan_reader, frame_writer),
                env=child_environment(self._run_id, {"PYTHONUNBUFFERED": "1"}),
                start_new_session=True,
            )
        except OSError as error:
            os.close(plan_writer)
            os.close(frame_reader)
            raise LoadError(f"the load child cannot be started: {error}") from error
        finally:
            os.close(plan_reader)
            os.close(frame_writer)
        assert self._process.stdout is not None
        self._listener = asyncio.create_task(self._listen(self._process.stdout))
        await asyncio.to_thread(_write_all, plan_writer, json.dumps(self._plan).encode())
        self._frames = asyncio.StreamReader()
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._frames_reader()),
            os.fdopen(frame_reader, "rb"),
        )

    async def _listen(self, printed: asyncio.StreamReader) -> None:
        """Passes on what is printed; the pipe is always emptied, or the scenario would stand."""
        rest = b""
        while chunk := await printed.read(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            self._pass_on(lines)
        self._pass_on([rest] if rest else [])

    def _pass_on(self, lines: Sequence[bytes]) -> None:
        texts = [scrub(line.decode(errors="replace")) for line in lines]
        for text in texts:
            self._say(text)
        with contextlib.suppress(OSError), self._output.open("a", encoding="utf-8") as output:
            output.writelines(f"{text}\n" for text in texts)

    def _frames_reader(self) -> asyncio.StreamReader:
        assert self._frames is not None
        return self._frames

    async def frames(self) -> AsyncIterator[dict[str, Any]]:
        """Frames until the pipe ends.

        Raises:
            LoadError: bytes that are no frame.
        """
        reader = self._frames_reader()
        while True:
            try:
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                if length > _LARGEST:
                    raise LoadError(f"the load child sent a frame of {length} bytes")
                frame = msgpack.unpackb(await reader.readexactly(length))
            except asyncio.IncompleteReadError:
                return
            except (ValueError, msgpack.UnpackException) as error:
                raise LoadError(f"the load child sent no frame: {error}") from error
            yield frame

    def terminate(self) -> None:
        """Asks for an orderly end: no more arrivals, a short drain, the books closed."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it and what it started at once."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def wait(self, grace_s: float = 5.0) -> int | None:
        """Waits for the process to end, killing it after a while; its exit status."""
        if self._process is None:
            return None
        try:
            async with asyncio.timeout(grace_s):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        if self._transport is not None:
            self._transport.close()
        if self._listener is not None:
            await asyncio.wait({self._listener}, timeout=1)
            self._listener.cancel()
        return self._process.returncode

    def last_words(self, lines: int = 5) -> str:
        """The end of what it printed."""
        with contextlib.suppress(OSError):
            text = self._output.read_text(encoding="utf-8", errors="replace")
            return "\n".join(text.splitlines()[-lines:])
        return ""


def _write_all(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as pipe:
        pipe.write(data)
