"""Everything that can become of a request but an answer, drawn once.

::

    ConnectionError                      of Python; an OSError
    ├── ConnectionRefusedError           of Python, as they are
    ├── ConnectionResetError
    ├── BrokenPipeError
    ├── TargetNotAllowed                 of loadkit.load.targets: nothing was sent
    └── RequestError                     all of the client's own
        ├── ConnectError                 no connection came about
        │   ├── NameNotResolved
        │   ├── ConnectTimeout
        │   ├── HostUnreachable
        │   ├── NoPortsLeft              this machine ran out of ports
        │   ├── NoFilesLeft              this process ran out of file descriptors
        │   └── TlsError                 the handshake failed, or a record was broken
        │       └── CertificateError     the server's certificate was not accepted
        ├── ResponseTimeout              the answer was not complete in time
        ├── ConnectionClosed             the server closed before the answer was complete
        ├── MalformedResponse            the answer is not HTTP
        ├── CorruptBody                  the body cannot be decoded as its headers say
        ├── TooManyRedirects
        ├── InvalidRedirect              the Location leads nowhere
        └── BadStatusCode                raise_for_status(), 400 and above

A request that fails in one of these ways does not raise: the response has ``status_code`` 0 and
the error in ``error``. ``InvalidUrl`` and ``InvalidHeader`` are mistakes of the scenario and do.
"""

from __future__ import annotations

import errno
import socket
import ssl

from httptools import HttpParserError


class RequestError(ConnectionError):
    """Base of the client's own."""


class ConnectError(RequestError):
    """No connection came about."""


class NameNotResolved(ConnectError):
    """The host has no address."""


class ConnectTimeout(ConnectError):
    """The connection was not established in time."""


class HostUnreachable(ConnectError):
    """There is no route to the host."""


class NoPortsLeft(ConnectError):
    """This machine has no free port for another connection to that address."""


class NoFilesLeft(ConnectError):
    """This process may open no further file or socket."""


class TlsError(ConnectError):
    """The handshake failed, or what came is no TLS."""


class CertificateError(TlsError):
    """The server's certificate was not accepted."""


class ResponseTimeout(RequestError):
    """The answer was not complete in time."""


class ConnectionClosed(RequestError):
    """The server closed the connection before the answer was complete."""


class MalformedResponse(RequestError):
    """The answer is not HTTP."""


class CorruptBody(RequestError):
    """The body cannot be decoded as its headers say."""


class TooManyRedirects(RequestError):
    """The chain of redirects is longer than allowed."""


class InvalidRedirect(RequestError):
    """The Location of a redirect leads nowhere."""


class BadStatusCode(RequestError):
    """The answer's status is 400 or above."""

    def __init__(self, status: int, reason: str, name: str) -> None:
        super().__init__(f"{status} {reason} for {name}" if reason else f"{status} for {name}")
        self.status = status


class InvalidUrl(ValueError):
    """The URL cannot be requested; raised out of the call."""


class InvalidHeader(ValueError):
    """A header that would break the request; raised out of the call."""


def kept(error: OSError) -> OSError:
    """The error without the frames it went through, which would keep its response in a cycle."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


_CONNECT = {
    errno.EADDRNOTAVAIL: (NoPortsLeft, "no free local port is left for another connection"),
    errno.EMFILE: (NoFilesLeft, "the limit of open files of this process is reached"),
    errno.ENFILE: (NoFilesLeft, "the limit of open files of this machine is reached"),
    errno.EHOSTUNREACH: (HostUnreachable, "no route to host"),
    errno.ENETUNREACH: (HostUnreachable, "network unreachable"),
    errno.ETIMEDOUT: (ConnectTimeout, "the connection attempt timed out"),
}


def translated(error: Exception) -> OSError:
    """An error of the socket, TLS or parser as one of the tree; those of the tree as they are.

    Errors that are none of these (a mistake in this package) are raised again.
    """
    if isinstance(error, ConnectionError):
        return error
    if isinstance(error, HttpParserError):
        if isinstance(error.__context__, ConnectionError):  # raised by a callback of the parser
            return error.__context__
        return MalformedResponse(str(error) or "the answer is not HTTP")
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateError(getattr(error, "verify_message", "") or str(error))
    if isinstance(error, ssl.SSLError):
        return TlsError(str(error))
    if isinstance(error, socket.gaierror):
        return NameNotResolved(str(error))
    if isinstance(error, OSError):
        kind, text = _CONNECT.get(error.errno or 0, (None, ""))
        if kind is not None:
            return kind(text)
        if isinstance(error, TimeoutError):
            return ConnectTimeout("the connection was not established in time")
        return ConnectError(str(error))
    raise error
