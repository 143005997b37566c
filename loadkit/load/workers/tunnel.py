"""Locust's own connection, which knows no authentication, through one that does.

A worker's Locust connects to a port on its own machine; from there its bytes travel sealed to the
master, which passes them to Locust's port on its own.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

import gevent
from gevent.server import StreamServer

from loadkit.load.workers.handshake import Refused
from loadkit.load.workers.seal import Tampered
from loadkit.load.workers.wire import Wire

_CHUNK = 1 << 16
_LOOPBACK = "127.0.0.1"


def splice(wire: Wire, plain: Any) -> None:
    """Passes bytes both ways until either end is gone; closes both."""

    def out() -> None:
        with contextlib.suppress(OSError):
            while data := plain.recv(_CHUNK):
                wire.send_bytes(data)
        wire.close()

    sender = gevent.spawn(out)
    try:
        while (body := wire.receive_bytes()) is not None:
            plain.sendall(body)
    except (OSError, Tampered):
        pass
    finally:
        wire.close()
        with contextlib.suppress(OSError):
            plain.shutdown(socket.SHUT_RDWR)
        plain.close()
        sender.join()


def to_locust(wire: Wire, port: int) -> None:
    """The master's end: until either is gone."""
    try:
        plain = socket.create_connection((_LOOPBACK, port))
    except OSError:
        wire.close()
        return
    splice(wire, plain)


class Entrance:
    """The worker's end: a port of this machine behind which the master's Locust is."""

    def __init__(self, connect: Callable[[], Wire]) -> None:
        """``connect`` gives a connection to the master that has been let in for control."""
        self._connect = connect
        self._server = StreamServer((_LOOPBACK, 0), self._handle)

    def open(self) -> int:
        """Listens; the port."""
        self._server.start()
        return int(self._server.server_port)

    def close(self) -> None:
        """Listens no more."""
        self._server.stop(timeout=0)

    def _handle(self, plain: Any, _address: Any) -> None:
        try:
            wire = self._connect()
        except (OSError, Refused):
            plain.close()  # Locust's side tries again by itself
            return
        splice(wire, plain)
