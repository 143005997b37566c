"""The way out: frames written without holding up the loop; a broken pipe ends the process."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Mapping
from typing import Any

from gevent.lock import RLock
from gevent.monkey import get_original
from gevent.os import make_nonblocking, nb_write

from loadkit.load.frames import encode

_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ
_WANTED = 1 << 20
_WATCH_MS = 500

_poll: Any = get_original("select", "poll")
_start_thread: Any = get_original("_thread", "start_new_thread")


class Pipe:
    """Writes frames to a file descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = RLock()
        _enlarge(fd)
        make_nonblocking(fd)
        _start_thread(_watch, (fd, os.getppid()))

    def send(self, frame: Mapping[str, Any]) -> None:
        """Writes a frame whole. Nobody there to read it: the process ends at once."""
        data = memoryview(encode(frame))
        with self._lock:
            try:
                while data:
                    data = data[nb_write(self._fd, data) :]
            except OSError:
                os._exit(1)


def _watch(fd: int, parent: int) -> None:
    """Ends the process once nobody reads its frames, or who started it is gone.

    In a thread of the system's own: a locustfile that never yields starves everything else.
    """
    poll = _poll()
    poll.register(fd, 0)
    while not poll.poll(_WATCH_MS) and os.getppid() == parent:
        pass
    os._exit(1)


def _enlarge(fd: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.fcntl(fd, _SET_PIPE_SIZE, _WANTED)
