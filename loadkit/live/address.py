"""Where to listen: read from an option, bound before anything else is started."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from dataclasses import dataclass

from loadkit.errors import UsageError

LOOPBACK = "127.0.0.1"
_SHAPE = re.compile(r"(?:(?P<host>\[[0-9a-fA-F:.%\w]+\]|[\w.-]+):)?(?P<port>\d{1,5})")
_BACKLOG = 64


@dataclass(frozen=True, slots=True)
class Address:
    """A host, as it was named, and a port; 0 for a free one."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """For a browser on this machine: a wildcard is shown as loopback."""
        host = LOOPBACK if self.host in ("0.0.0.0", "::", "") else self.host
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"


def looks_like_address(text: str) -> bool:
    """Whether a word is meant as ``[HOST:]PORT``."""
    return _SHAPE.fullmatch(text) is not None


def parse_address(text: str, option: str) -> Address:
    """``"9700"``, ``"127.0.0.1:9700"`` or ``"[::1]:9700"``; without a host it is loopback.

    Raises:
        UsageError: it is none of these; ``option`` is named in the message.
    """
    found = _SHAPE.fullmatch(text.strip())
    if found is None or int(found["port"]) > 65_535:
        raise UsageError(
            f"{text!r} is no address to listen on",
            where=option,
            remedy="HOST:PORT, or PORT alone for loopback; port 0 for a free one.",
        )
    return Address((found["host"] or LOOPBACK).strip("[]"), int(found["port"]))


def listen(address: Address, option: str) -> tuple[socket.socket, Address]:
    """A socket that listens there, and the address with its real port.

    Raises:
        UsageError: the port is taken, or the address is not one of this machine.
    """
    where = f"{option} {address.host}:{address.port}"
    try:
        family, kind, protocol, _, name = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot listen: {why}", where=where, remedy="Name an address of this machine."
        ) from None
    found = socket.socket(family, kind, protocol)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(name)
        found.listen(_BACKLOG)
    except OSError as error:
        found.close()
        raise UsageError(
            f"cannot listen: {error.strerror or error}", where=where, remedy=_remedy(error.errno)
        ) from None
    found.setblocking(False)
    return found, Address(address.host, found.getsockname()[1])


def _remedy(number: int | None) -> str:
    if number == errno.EADDRINUSE:
        return "Something listens there already: choose another port, or 0 for a free one."
    if number == errno.EADDRNOTAVAIL:
        return "That is no address of this machine: leave the host out for loopback."
    if number in (errno.EACCES, errno.EPERM):
        return "Ports below 1024 are for root: choose another."
    return "Choose another address."


def may_be_called(host: str, named: str) -> bool:
    """Whether a request's ``Host`` header may be answered.

    A page of somebody else's that has its name resolved to our address (DNS rebinding) sends its
    own name here. So names are refused but ``localhost`` and the one that was asked for; a literal
    address cannot be rebound.
    """
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    name = name.strip("[]").rstrip(".").lower()
    if name in ("localhost", named.lower()):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
