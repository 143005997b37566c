"""Grey PNG pictures, the same bytes wherever they are made.

The pixels are stored, not deflated: what zlib makes of them depends on its version. A picture of
600 x 60 pixels is 36 KB that way.
"""

from __future__ import annotations

import base64
import struct
import zlib

_MOST = 0xFFFF  # bytes a stored block may hold


def grey(rows: list[bytes]) -> bytes:
    """A PNG of 8 bits a pixel, 0 black and 255 white; a row of bytes a line, all equally long.

    Source of the format: https://www.w3.org/TR/png-3/ (chunks, filter 0), RFC 1950 and 1951.
    """
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", _stored(b"".join(b"\0" + row for row in rows))),
            _chunk(b"IEND", b""),
        )
    )


def data_url(picture: bytes) -> str:
    """The picture as the value of a ``href``."""
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def _stored(content: bytes) -> bytes:
    """A zlib stream of stored blocks."""
    parts = [b"\x78\x01"]
    for start in range(0, max(1, len(content)), _MOST):
        block = content[start : start + _MOST]
        last = start + _MOST >= len(content)
        parts.append(struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block)
    parts.append(struct.pack(">I", zlib.adler32(content)))
    return b"".join(parts)
