"""Nobody is hit by accident: connections to hosts that were not named are refused.

An audit hook sees every connect and every name look-up made through Python's ``socket``, so also
those of requests and geventhttpclient, and raises before anything leaves the machine. Clients
that bring their own sockets (gRPC's core, for example) are not seen by it.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Callable, Iterable
from typing import Any

_CONNECTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})


class TargetNotAllowed(ConnectionError):
    """The host is neither this machine nor among the allowed ones; nothing was sent."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"target {host} is not on this machine and not among the allowed targets; "
            "nothing was sent"
        )
        self.host = host


class Targets:
    """Which hosts may be reached. Loopback addresses always may."""

    def __init__(
        self, allowed: Iterable[str], refused: Callable[[str], None] = lambda host: None
    ) -> None:
        self._allowed = {_plain(host) for host in allowed} | {"localhost"}
        self._refused = refused

    def allows(self, host: str) -> bool:
        """Whether a name or address may be reached."""
        plain = _plain(host)
        return plain in self._allowed or _is_loopback(plain)

    def check(self, host: object) -> None:
        """Raises TargetNotAllowed for a name or address (text or bytes) that may not."""
        if host is None or host == "" or host == b"":
            return  # this machine
        text = host.decode("idna") if isinstance(host, bytes | bytearray) else str(host)
        if not self.allows(text):
            self._refused(text)
            raise TargetNotAllowed(text)

    def learn(self, host: object, addresses: Iterable[str]) -> None:
        """Allows the addresses that an allowed name was found to have."""
        if isinstance(host, bytes | bytearray):
            host = host.decode("idna")
        if isinstance(host, str) and _plain(host) in self._allowed:
            self._allowed.update(_plain(address) for address in addresses)

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """The audit hook."""
        if event == "socket.getaddrinfo" or event == "socket.gethostbyname":
            self.check(args[0])
        elif event in _CONNECTS:
            sock, address = args[0], args[1]
            if isinstance(address, tuple) and address and sock.family in _INTERNET:
                self.check(address[0])

    def install(self, *modules: Any) -> None:
        """Guards this process for good; ``modules`` have a ``getaddrinfo`` to learn from."""
        for module in modules:
            module.getaddrinfo = self._learning(module.getaddrinfo)
        sys.addaudithook(self.audit)

    def _learning(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
            # A resolver's own thread would report the refusal as an unhandled error too.
            self.check(host)
            found = original(host, *args, **kwargs)
            self.learn(host, [entry[4][0] for entry in found])
            return found

        return getaddrinfo


def _plain(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").partition("%")[0].lower()


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
