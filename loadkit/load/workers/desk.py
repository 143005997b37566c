"""The master's end of all connections: lets workers in, takes their frames, passes words on."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgpack
from gevent.server import StreamServer

from loadkit.errors import LoadError
from loadkit.load.workers.crew import Crew, Member
from loadkit.load.workers.handshake import Refused
from loadkit.load.workers.seal import Tampered
from loadkit.load.workers.tunnel import to_locust
from loadkit.load.workers.wire import Wire

_MOST_STRANGERS = 32
_BACKLOG = 128


class Turned(Exception):
    """A worker that knows the token cannot be used; ``usage`` when it can be mended there."""

    def __init__(self, reason: str, *, usage: bool = False, remedy: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.usage = usage
        self.remedy = remedy


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        LoadError: the address is not ours, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise LoadError(
            f"cannot listen for workers: {error.strerror or error}",
            where=f"{host}:{port}",
            remedy="Give --bind an address of this machine and a free port.",
        ) from None
    sock.setblocking(False)
    return sock


class Desk:
    """Connections to and from the crew.

    Args:
        listener: as ``listen`` gives it.
        token: what workers must know.
        crew: gets the members.
        enrol: a member for what a new worker says of itself, or raises Turned.
        welcome: the plan for a member.
        take: gets each frame of a member, once and in order.
        refused: hears of those that were not let in (address, reason).
    """

    def __init__(
        self,
        listener: socket.socket,
        token: str,
        crew: Crew,
        *,
        enrol: Callable[[Mapping[str, Any]], Member],
        welcome: Callable[[Member], Mapping[str, Any]],
        take: Callable[[Member, dict[str, Any]], None],
        refused: Callable[[str, str], None],
    ) -> None:
        self._token = token
        self._crew = crew
        self._enrol = enrol
        self._welcome = welcome
        self._take = take
        self._refused = refused
        self._wires: dict[int, Wire] = {}
        self._strangers = 0
        self._words: list[Mapping[str, Any]] = []
        self.locust_port = 0
        self._server = StreamServer(listener, self._handle)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_port)

    def start(self) -> None:
        """Lets workers in from now on."""
        self._server.start()

    def close(self) -> None:
        """Hangs up on everybody."""
        self._server.stop(timeout=0)
        for wire in list(self._wires.values()):
            wire.close()

    def tell_all(self, word: Mapping[str, Any]) -> None:
        """Says something to all; who comes back later hears it too."""
        self._words.append(word)
        for index in list(self._wires):
            self._say(index, word)

    def tell(self, member: Member, word: Mapping[str, Any]) -> None:
        """Says something to one; nothing happens when it is not there."""
        self._say(member.index, word)

    def connected(self, member: Member) -> bool:
        """Whether its data connection stands."""
        return member.index in self._wires

    def drop(self, member: Member) -> None:
        """Hangs up on one."""
        wire = self._wires.pop(member.index, None)
        if wire is not None:
            wire.close()

    def _say(self, index: int, word: Mapping[str, Any]) -> None:
        wire = self._wires.get(index)
        if wire is not None:
            with contextlib.suppress(OSError):
                wire.send(word)

    # -- one connection -------------------------------------------------------------------------

    def _handle(self, sock: Any, address: Any) -> None:
        if self._strangers >= _MOST_STRANGERS:
            sock.close()  # so many at once are no workers
            return
        wire = Wire(sock)
        self._strangers += 1
        try:
            role = wire.admit(self._token)
        except Refused as error:
            self._refused(str(address[0]), str(error))
            wire.close()
            return
        except OSError:
            wire.close()
            return
        finally:
            self._strangers -= 1
        if role == "control":
            to_locust(wire, self.locust_port)
        else:
            self._serve(wire, str(address[0]))

    def _serve(self, wire: Wire, address: str) -> None:
        member = None
        try:
            member = self._seat(wire, address)
            if member is not None:
                self._listen(wire, member)
        except (OSError, Tampered, ValueError):
            pass  # it comes again, or is lost
        finally:
            wire.close()
            if member is not None and self._wires.get(member.index) is wire:
                del self._wires[member.index]

    def _seat(self, wire: Wire, address: str) -> Member | None:
        join = wire.receive()
        if join is None:
            return None
        try:
            member = self._crew.by_session(join["session"]) or self._enrol(join)
            if member.state == "lost":
                raise Turned("it was not heard for too long, and is counted as lost")
        except Turned as error:
            self._refused(address, error.reason)
            wire.send(
                {
                    "type": "refused",
                    "reason": error.reason,
                    "usage": error.usage,
                    "remedy": error.remedy,
                }
            )
            return None
        self.drop(member)  # a connection that it has given up already
        member.heard_ns = time.monotonic_ns()
        wire.send({**self._welcome(member), "type": "welcome", "taken": member.inbox.taken})
        self._wires[member.index] = wire
        for word in self._words:
            wire.send(word)
        return member

    def _listen(self, wire: Wire, member: Member) -> None:
        while (message := wire.receive()) is not None:
            got_ns = time.monotonic_ns()
            if member.state == "lost":
                return
            member.heard_ns = got_ns
            if message["type"] == "data":
                if member.inbox.take(message["number"]):
                    self._take(member, msgpack.unpackb(message["body"], strict_map_key=False))
            elif "offset_ns" in message:
                member.latest_offset_ns = message["offset_ns"]
                member.uncertainty_ns = message["uncertainty_ns"]
            wire.send(
                {
                    "type": "ack",
                    "taken": member.inbox.taken,
                    "sent_ns": message["sent_ns"],
                    "got_ns": got_ns,
                    "answered_ns": time.monotonic_ns(),
                }
            )
