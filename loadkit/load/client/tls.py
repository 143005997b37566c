"""TLS beneath a connection: records in, plain text out, without a socket of its own."""

from __future__ import annotations

import errno
import ssl
from pathlib import Path
from typing import Any

from loadkit.load.client.errors import ConnectionClosed

Verify = bool | str
Cert = str | tuple[str, str] | None

_contexts: dict[tuple[Verify, Cert], ssl.SSLContext] = {}


def context_for(verify: Verify, cert: Cert) -> ssl.SSLContext:
    """The context for these settings, one a process.

    ``verify``: True (the system's authorities), a file or folder of authorities, or False.
    ``cert``: a client certificate, one file with its key or a pair (certificate, key).

    Raises:
        FileNotFoundError: A file is not there.
        ssl.SSLError: It holds no certificate, or the key does not fit.
    """
    key = (verify, cert)
    found = _contexts.get(key)
    if found is None:
        found = _contexts[key] = _make(verify, cert)
    return found


def _make(verify: Verify, cert: Cert) -> ssl.SSLContext:
    pair = (cert,) if isinstance(cert, str) else cert or ()
    for name in (*pair, *((verify,) if isinstance(verify, str) else ())):
        if not Path(name).exists():  # ssl's own error does not say which
            raise FileNotFoundError(errno.ENOENT, "no such file of certificates", name)
    if isinstance(verify, str):
        folder = Path(verify).is_dir()
        context = ssl.create_default_context(
            cafile=None if folder else verify, capath=verify if folder else None
        )
    else:
        context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if pair:
        context.load_cert_chain(*pair)
    context.set_alpn_protocols(["http/1.1"])
    return context


class Tls:
    """The TLS state of one connection."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_hostname=host)

    def handshake(self, sock: Any) -> None:
        """Shakes hands over a socket that may block.

        Raises:
            ssl.SSLError: The other side speaks no TLS, or its certificate was not accepted.
            ConnectionClosed: It hung up.
        """
        while True:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                sock.sendall(self._out.read())
                data = sock.recv(16_384)
                if not data:
                    raise ConnectionClosed("closed during the TLS handshake") from None
                self._in.write(data)
            except ssl.SSLError:
                if self._out.pending:  # tell the other side why
                    sock.sendall(self._out.read())
                raise
            else:
                sock.sendall(self._out.read())
                return

    def encrypt(self, plain: bytes) -> bytes:
        """The records for a message."""
        self._object.write(plain)
        return self._out.read()

    def decrypt(self, records: bytes) -> bytes | None:
        """The plain text that has become readable (may be empty); None when the peer said goodbye
        and nothing is left.

        Raises:
            ssl.SSLError: A record is broken.
        """
        self._in.write(records)
        parts: list[bytes] = []
        while True:
            try:
                part = self._object.read(65_536)
            except ssl.SSLWantReadError:
                return b"".join(parts)
            except ssl.SSLZeroReturnError:
                part = b""
            if not part:
                return b"".join(parts) if parts else None
            parts.append(part)

    def pending(self) -> bytes:
        """What TLS itself wants to send (an answer to a change of keys)."""
        return self._out.read() if self._out.pending else b""

    def handshake_left(self) -> bytes:
        """Plain text that came together with the end of the handshake."""
        return self.decrypt(b"") or b""
