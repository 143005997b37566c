"""A body as its Content-Encoding says; only when it is read."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from typing import Any

from loadkit.load.client.errors import CorruptBody

brotli: Any
try:
    brotli = importlib.import_module("brotli")
except ImportError:  # it comes with geventhttpclient, but nothing here depends on it
    brotli = None

ACCEPTED = "gzip, deflate, br" if brotli is not None else "gzip, deflate"
"""What the client says it can decode."""

LARGEST = 1 << 30
"""Bytes beyond which a decoded body is refused: more is an attack or a mistake."""


def decoded(body: bytes, codings: str, largest: int = LARGEST) -> bytes:
    """The body with its codings undone, last one first; unknown ones are left as they are.

    Raises:
        CorruptBody: The data is broken, cut, or becomes larger than ``largest`` bytes.
    """
    for coding in reversed([part.strip().lower() for part in codings.split(",")]):
        if coding in ("", "identity"):
            continue
        undo = _CODINGS.get(coding)
        if undo is None:
            return body
        if body:
            body = undo(body, largest)
    return body


def _inflated(body: bytes, largest: int, window: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    while body:
        engine = zlib.decompressobj(window)
        try:
            part = engine.decompress(body, largest - total + 1)
        except zlib.error as error:
            raise CorruptBody(str(error)) from None
        total += len(part)
        if total > largest:
            raise CorruptBody(f"the decoded body is larger than {largest} bytes")
        if not engine.eof:
            raise CorruptBody("the compressed body is cut short")
        parts.append(part)
        body = engine.unused_data
        if body and not (window > zlib.MAX_WBITS and body.startswith(b"\x1f\x8b")):
            break  # padding after the stream, which others ignore too
    return b"".join(parts)


def _gzip(body: bytes, largest: int) -> bytes:
    return _inflated(body, largest, zlib.MAX_WBITS | 16)


def _deflate(body: bytes, largest: int) -> bytes:
    # Meant is zlib's format, but some servers send the bare stream.
    wrapped = body[0] & 0x0F == 8 and len(body) > 1 and (body[0] << 8 | body[1]) % 31 == 0
    return _inflated(body, largest, zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)


def _brotli(body: bytes, largest: int) -> bytes:
    engine: Any = brotli.Decompressor()
    parts: list[bytes] = []
    total = 0
    try:
        for start in range(0, len(body), 65_536):
            part = engine.process(body[start : start + 65_536])
            parts.append(part)
            total += len(part)
            if total > largest:
                raise CorruptBody(f"the decoded body is larger than {largest} bytes")
    except brotli.error as error:
        raise CorruptBody(str(error) or "not brotli") from None
    if not engine.is_finished():
        raise CorruptBody("the compressed body is cut short")
    return b"".join(parts)


_CODINGS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
}
if brotli is not None:
    _CODINGS["br"] = _brotli
