"""A client in a process of its own, and a server that does what it is told, byte for byte."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_PATIENCE_S = 20.0  # beyond it a client counts as hung

Step = bytes | float | str
Script = Callable[[bytes, int, int], list[Step]]


class Odd:
    """Answers each request with the steps of a script: bytes to send, seconds to wait, or
    ``close``, ``reset``. The script is given the request, the number of the connection and the
    number of the request on it, both from 0.
    """

    def __init__(self, script: Script, context: Any = None) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.connections = 0
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._open = True
        self.peers: set[Any] = set()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            if not self._open:
                peer.close()
                return
            number = self.connections
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(peer, number))
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: Any, number: int) -> None:
        try:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                peer = self._context.wrap_socket(peer, server_side=True)
            self.peers.add(peer)
            turn = 0
            while request := read_request(peer):
                self.requests.append(request)
                if not self._play(peer, self.script(request, number, turn)):
                    return
                turn += 1
        except OSError:
            return
        finally:
            self.peers.discard(peer)
            peer.close()

    def _play(self, peer: Any, steps: list[Step]) -> bool:
        for step in steps:
            if isinstance(step, bytes):
                peer.sendall(step)
            elif step == "close":
                return False
            elif step == "reset":
                linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return False
            else:
                time.sleep(float(step))
        return True

    def close(self) -> None:
        self._open = False
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        self._accepting.join()
        self._socket.close()
        for peer in list(self.peers):
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


def read_request(peer: Any) -> bytes:
    """One request with its body; b"" at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = peer.recv(65_536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        part = peer.recv(65_536)
        if not part:
            return b""
        body += part
    return head + b"\r\n\r\n" + body


@contextmanager
def odd(script: Script, context: Any = None) -> Iterator[Odd]:
    """An odd server for the length of a block."""
    server = Odd(script, context)
    try:
        yield server
    finally:
        server.close()


def always(*steps: Step) -> Script:
    """The same steps for every request."""
    return lambda request, connection, turn: list(steps)


def plain(body: bytes = b"ok", status: str = "200 OK", *headers: str) -> bytes:
    """An ordinary answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def wait_until(holds: Callable[[], bool], patience_s: float = 10.0) -> None:
    """Returns when something holds."""
    end = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def b64(data: bytes) -> dict[str, str]:
    """Bytes on their way to the child."""
    return {"b64": base64.b64encode(data).decode()}


class Answer:
    """What the child said of one call."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found

    def __getattr__(self, name: str) -> Any:
        value = self.found[name]
        if name in ("content", "raw") and value is not None:
            return base64.b64decode(value)
        return value

    def header(self, name: str) -> list[str]:
        return [v for n, v in self.found["headers"] if n.lower() == name.lower()]

    def __repr__(self) -> str:
        return repr(self.found)


class Client:
    """The child."""

    def __init__(self) -> None:
        out, into = os.pipe()
        command = [sys.executable, str(HERE / "client_child.py"), str(into)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[into])
        os.close(into)
        self._out = out
        self._number = 0
        self._left = b""

    def _say(self, command: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()
        while b"\n" not in self._left:
            if not select.select([self._out], [], [], _PATIENCE_S)[0]:
                raise AssertionError("the client hangs")
            part = os.read(self._out, 1 << 20)
            if not part:
                raise AssertionError("the client died")
            self._left += part
        line, _, self._left = self._left.partition(b"\n")
        return json.loads(line)

    def session(self, base: str, **settings: Any) -> Session:
        self._number += 1
        name = str(self._number)
        assert self._say({"new": name, "base": base, "settings": settings}) == "ok"
        return Session(self, name)

    def counts(self) -> dict[str, int]:
        found: dict[str, int] = self._say({"counts": True})
        return found

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        os.close(self._out)


class Session:
    """A session in the child."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    def __call__(self, method: str, url: str, **kwargs: Any) -> Answer:
        (found,) = self.many([(method, url, kwargs)])
        return found

    def many(self, calls: list[tuple[str, str, dict[str, Any]]]) -> list[Answer]:
        """Calls one right after the other."""
        told = [{"args": [m, u], "kwargs": k} for m, u, k in calls]
        found = self._client._say({"session": self._name, "calls": told})
        return [Answer(one) for one in found]

    def headers(self, **headers: str) -> None:
        self._client._say({"session": self._name, "headers": headers})

    def drop(self) -> None:
        """Lets go of it, as when a user ends."""
        self._client._say({"session": self._name, "drop": True})
