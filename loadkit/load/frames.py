"""Frames on the pipe to the supervisor: four bytes of length, big-endian, then a msgpack map."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import msgpack

_LENGTH = struct.Struct(">I")


def encode(frame: Mapping[str, Any]) -> bytes:
    """One frame as bytes."""
    body: bytes = msgpack.packb(frame, use_bin_type=True)
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Takes bytes as they come and gives whole frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Frames that are complete with these bytes; the rest is kept."""
        self._rest += data
        while len(self._rest) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._rest)
            end = _LENGTH.size + length
            if len(self._rest) < end:
                return
            body = bytes(self._rest[_LENGTH.size : end])
            del self._rest[:end]
            frame: dict[str, Any] = msgpack.unpackb(body, raw=False, strict_map_key=False)
            yield frame


class Readable(Protocol):
    """A file or pipe; unbuffered, it gives frames as they come."""

    def read(self, size: int, /) -> bytes | None: ...


def read_frames(stream: Readable) -> Iterator[dict[str, Any]]:
    """Frames of a blocking stream to its end; a cut last one is left out."""
    decoder = Decoder()
    while chunk := stream.read(65_536):
        yield from decoder.feed(chunk)
