"""A body that is read while it comes."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

from loadkit.load.client.connection import Connection
from loadkit.load.client.errors import CorruptBody


class Stream:
    """What is left of an answer whose head has come; the connection is given back at its end."""

    def __init__(
        self,
        connection: Connection,
        timeout_ns: int,
        ended: Callable[[Connection], None],
    ) -> None:
        self._connection: Connection | None = connection
        self._timeout_ns = timeout_ns
        self._ended = ended

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes, still encoded.

        Raises:
            OSError: One of ``errors``: it broke off, is malformed, or nothing came in time.
        """
        while (connection := self._connection) is not None:
            try:
                found = connection.more(self._timeout_ns)
            except OSError:
                self._connection = None
                raise
            if not found or connection.complete:
                self._connection = None
                self._ended(connection)
            yield from found

    def close(self) -> None:
        """Gives up what has not been read."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __del__(self) -> None:
        self.close()


def decoded_pieces(pieces: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """The pieces with gzip or deflate undone on the way; others are left as they are.

    Raises:
        CorruptBody: The data is broken or cut.
    """
    windows = {
        "gzip": zlib.MAX_WBITS | 16,
        "x-gzip": zlib.MAX_WBITS | 16,
        "deflate": zlib.MAX_WBITS,
    }
    window = windows.get(coding.strip().lower())
    if window is None:
        yield from pieces
        return
    engine: Any = zlib.decompressobj(window)
    came = False
    for piece in pieces:
        came = True
        try:
            part = engine.decompress(piece)
        except zlib.error as error:
            raise CorruptBody(str(error)) from None
        if part:
            yield part
    if came and not engine.eof:
        raise CorruptBody("the compressed body is cut short")
