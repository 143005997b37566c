"""A connection that carries maps, in the clear until both ends know each other, then sealed."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgpack

from loadkit.load.workers.handshake import MasterSide, Refused, WorkerSide, new_nonce
from loadkit.load.workers.seal import Opener, Sealer, Tampered

HANDSHAKE_S = 5.0
_LENGTH = struct.Struct(">H")
_LARGEST_PLAIN = 1024
_CHUNK = 1 << 16


class Wire:
    """One socket. What cannot be read ends it: ``Tampered`` and ``OSError`` are final."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()
        self._sealer: Sealer | None = None
        self._opener: Opener | None = None
        self._bodies: deque[bytes] = deque()
        with contextlib.suppress(OSError):  # a pair of sockets in one process has no such option
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # -- the handshake ------------------------------------------------------------------------

    def introduce(self, token: str, role: str) -> None:
        """The worker's half.

        Raises:
            Refused: the other end does not want us or is not the master.
            OSError: the connection failed, or took too long.
        """
        self._sock.settimeout(HANDSHAKE_S)
        side = WorkerSide(token, role, new_nonce())
        self._send_plain(side.hello())
        self._send_plain(side.proof(self._receive_plain()))
        keys = side.keys(self._receive_plain())
        self._secure(keys.to_master, keys.to_worker)

    def admit(self, token: str) -> str:
        """The master's half; the role of who is there.

        Raises:
            Refused: a stranger; it has been told so.
            OSError: the connection failed, or took too long.
        """
        self._sock.settimeout(HANDSHAKE_S)
        side = MasterSide(token, new_nonce())
        try:
            self._send_plain(side.challenge(self._receive_plain()))
            verdict, keys = side.verdict(self._receive_plain())
        except Refused as error:
            with contextlib.suppress(OSError):  # it may not wait for the answer
                self._send_plain({"refused": str(error)})
            raise
        self._send_plain(verdict)
        self._secure(keys.to_worker, keys.to_master)
        return side.role

    def _secure(self, out: bytes, into: bytes) -> None:
        self._sealer, self._opener = Sealer(out), Opener(into)
        self._sock.settimeout(None)

    def _send_plain(self, message: Mapping[str, Any]) -> None:
        body = msgpack.packb(message)
        self._sock.sendall(_LENGTH.pack(len(body)) + body)

    def _receive_plain(self) -> Mapping[str, Any]:
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if length > _LARGEST_PLAIN:
            raise Refused("it does not speak the language of loadkit's workers")
        try:
            message = msgpack.unpackb(self._exactly(length))
        except (ValueError, msgpack.UnpackException):
            message = None
        if not isinstance(message, dict):
            raise Refused("it does not speak the language of loadkit's workers")
        return message

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = self._sock.recv(size - len(data))
            if not chunk:
                raise ConnectionError("the connection ended in the handshake")
            data += chunk
        return data

    # -- afterwards ---------------------------------------------------------------------------

    def send_bytes(self, body: bytes) -> None:
        """Sends a body whole.

        Raises:
            OSError: the connection is gone.
        """
        assert self._sealer is not None
        with self._lock:  # numbered in the order in which they are sent
            self._sock.sendall(self._sealer.seal(body))

    def receive_bytes(self) -> bytes | None:
        """The next body; None at the end of the connection.

        Raises:
            Tampered: somebody changed something on the way.
            OSError: the connection is gone.
        """
        assert self._opener is not None
        while not self._bodies:
            data = self._sock.recv(_CHUNK)
            if not data:
                return None
            self._bodies.extend(self._opener.feed(data))
        return self._bodies.popleft()

    def send(self, message: Mapping[str, Any]) -> None:
        """Sends a map; raises as send_bytes."""
        self.send_bytes(msgpack.packb(message, use_bin_type=True))

    def receive(self) -> dict[str, Any] | None:
        """The next map; None at the end of the connection; raises as receive_bytes."""
        body = self.receive_bytes()
        if body is None:
            return None
        try:
            message = msgpack.unpackb(body, raw=False, strict_map_key=False)
        except (ValueError, msgpack.UnpackException) as error:
            raise Tampered(f"no message: {error}") from error
        if not isinstance(message, dict):
            raise Tampered("no message")
        return message

    def close(self) -> None:
        """Ends the connection, also under a reader's hands; harmless when it has ended."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
