"""From an origin to an established connection."""

from __future__ import annotations

import _socket
import socket
import ssl
from typing import Any

import gevent
import gevent.socket

from loadkit.load.client.connection import Connection
from loadkit.load.client.errors import ConnectionClosed, ConnectTimeout, translated
from loadkit.load.client.origin import Origin
from loadkit.load.client.tls import Cert, Tls, Verify, context_for


def dial(origin: Origin, timeout_s: float, verify: Verify, cert: Cert) -> Connection:
    """Connects, and shakes hands for ``https``; addresses are tried in the resolver's order.

    Raises:
        OSError: One of ``errors``, also where a file of ``verify`` or ``cert`` is missing.
    """
    limit = ConnectTimeout(f"no connection to {origin.host}:{origin.port} within {timeout_s:g} s")
    try:
        with gevent.Timeout(timeout_s, limit):
            sock = _connected(origin)
            try:
                tls = _secured(sock, origin, verify, cert)
            except BaseException:
                sock.close()
                raise
    except (OSError, ValueError) as error:
        raise _named(error) from None
    # gevent's wrapper keeps watchers of its own; the connection has its one.
    family, kind, proto = sock.family, sock.type, sock.proto
    raw = _socket.socket(family, kind, proto, fileno=sock.detach())
    raw.setblocking(False)
    return Connection(raw, tls, origin)


def _named(error: Exception) -> OSError:
    if isinstance(error, UnicodeError):
        return translated(socket.gaierror(socket.EAI_NONAME, "the host name is not valid"))
    return translated(error)


def _connected(origin: Origin) -> Any:
    failed: OSError | None = None
    for family, address in _addresses(origin):
        sock = gevent.socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            failed = error
        except BaseException:
            sock.close()
            raise
    raise failed or socket.gaierror(socket.EAI_NONAME, "the host has no address")


def _addresses(origin: Origin) -> list[tuple[int, Any]]:
    try:
        socket.inet_pton(socket.AF_INET, origin.host)
    except (OSError, ValueError):
        pass
    else:  # the resolver would hand it to another thread
        return [(socket.AF_INET, (origin.host, origin.port))]
    # Through the module, where the guard of allowed targets has put its own.
    found = gevent.socket.getaddrinfo(origin.host, origin.port, 0, socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


def _secured(sock: Any, origin: Origin, verify: Verify, cert: Cert) -> Tls | None:
    if origin.scheme != "https":
        return None
    try:
        tls = Tls(context_for(verify, cert), origin.host)
        tls.handshake(sock)
    except (ConnectionResetError, BrokenPipeError, ConnectionClosed) as error:
        raise ssl.SSLError(f"the TLS handshake failed: {error}") from error
    return tls
