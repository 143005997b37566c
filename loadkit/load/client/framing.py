"""How long a body is, as its head says, where the parser cannot be asked."""

from __future__ import annotations

from loadkit.load.client.headers import Headers

MOST_HEAD = 262_144
"""Bytes of a head beyond which an answer is refused."""

MOST_INTERIM = 100
"""Interim answers (1xx) to one request beyond which it is refused."""


def ends_at_close(head: bytes) -> bool:
    """Whether the body goes on until the connection is closed: neither a length nor chunks."""
    headers = Headers.parse(head.partition(b"\r\n\r\n")[0])
    coding = headers.get("transfer-encoding")
    if coding is not None:
        return coding.rpartition(",")[2].strip().lower() != "chunked"
    return "content-length" not in headers
