"""``python -m loadkit.live DIRECTORY --listen-fd N --host HOST``: see ``loadkit.live.serve``.

It is started by ``loadkit run --live`` with a socket that listens already and a pipe as standard
input. A line ``final SECONDS`` on it means that the report is written: it is served to those who
watch, and to all for so many seconds. The end of the pipe means that the supervisor is gone, and
ends it at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadkit.live.serve import Live

NICE = 5
_HANDED_OVER_S = 15.0


def main(argv: list[str] | None = None) -> int:
    """Serves until the run is over; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m loadkit.live")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--listen-fd", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="the name it was asked to listen on")
    options = parser.parse_args(argv)
    _step_back()
    listening = socket.socket(fileno=options.listen_fd)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options.directory, listening, options.host))
    return 0


def _step_back() -> None:
    """The load, the service and what records them come first."""
    os.nice(NICE)
    # Where the kernel groups sessions for fairness, niceness counts within a group only.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")


async def _serve(directory: Path, listening: socket.socket, host: str) -> None:
    # Only now: importing takes its time, and it is spent after stepping back.
    from loadkit.collect.httpd import HttpServer
    from loadkit.live.bundle import Newsroom
    from loadkit.live.serve import Live

    live = Live(Newsroom(directory), host)
    server = HttpServer(live.handle, listening=listening)
    await server.start()
    try:
        told = await _pipe()
        words = (await told.readline()).split()
        if len(words) == 2 and words[0] == b"final":
            await live.finish()
            stay = asyncio.create_task(_stay(live, float(words[1])))
            gone = asyncio.create_task(told.read())
            _, open_ones = await asyncio.wait({stay, gone}, return_when=asyncio.FIRST_COMPLETED)
            for task in open_ones:
                task.cancel()
    finally:
        await server.stop()


async def _stay(live: Live, hold_s: float) -> None:
    await live.until_seen(_HANDED_OVER_S)
    await asyncio.sleep(hold_s)


async def _pipe() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer
    )
    return reader


if __name__ == "__main__":
    sys.exit(main())
