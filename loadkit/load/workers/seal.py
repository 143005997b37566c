"""Frames that nobody can forge, change, repeat, leave out or reorder unnoticed. Pure.

Four bytes of length, 32 bytes of HMAC-SHA256 over the frame's number on this connection and its
body, then the body. Sealed, not hidden: who listens can read it.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterator

LARGEST = 64 << 20
_LENGTH = struct.Struct(">I")
_NUMBER = struct.Struct(">Q")
_MAC = 32
HEAD = _LENGTH.size + _MAC


class Tampered(Exception):
    """A frame that the other end cannot have sent like this."""


def _mac(key: bytes, number: int, body: bytes) -> bytes:
    return hmac.new(key, _NUMBER.pack(number) + body, hashlib.sha256).digest()


class Sealer:
    """Makes the frames of one direction of one connection."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._number = 0

    def seal(self, body: bytes) -> bytes:
        """A body as a frame.

        Raises:
            ValueError: it is larger than LARGEST.
        """
        if len(body) > LARGEST:
            raise ValueError(f"a frame of {len(body)} bytes")
        mac = _mac(self._key, self._number, body)
        self._number += 1
        return _LENGTH.pack(len(body)) + mac + body


class Opener:
    """Takes bytes of one direction of one connection as they come."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._number = 0
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Bodies of the frames that are complete with these bytes.

        Raises:
            Tampered: a frame was changed, or is not the next one.
        """
        self._rest += data
        while len(self._rest) >= HEAD:
            (length,) = _LENGTH.unpack_from(self._rest)
            if length > LARGEST:
                raise Tampered(f"a frame of {length} bytes")
            if len(self._rest) < HEAD + length:
                return
            mac = bytes(self._rest[_LENGTH.size : HEAD])
            body = bytes(self._rest[HEAD : HEAD + length])
            del self._rest[: HEAD + length]
            if not hmac.compare_digest(mac, _mac(self._key, self._number, body)):
                raise Tampered("a frame was changed, repeated or left out")
            self._number += 1
            yield body
