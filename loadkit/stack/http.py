"""The least of HTTP: whether a server on loopback answers, and what JSON it gives."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from loadkit.stack.freeports import LOOPBACK

_TIMEOUT_S = 2.0


async def get(port: int, path: str) -> tuple[int, bytes] | None:
    """(status, body) of a GET on loopback; None when nobody answers within two seconds."""
    try:
        return await asyncio.wait_for(_get(port, path), _TIMEOUT_S)
    except (OSError, TimeoutError, ValueError, IndexError, asyncio.IncompleteReadError):
        return None


async def _get(port: int, path: str) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        # HTTP/1.0: no chunks, and the end of the body is the end of the connection.
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {LOOPBACK}:{port}\r\n\r\n".encode())
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        return int(head.split(maxsplit=2)[1]), body
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def answers(port: int, path: str) -> bool:
    """Whether the answer has a status of 200 to 299."""
    answer = await get(port, path)
    return answer is not None and 200 <= answer[0] < 300


async def get_json(port: int, path: str) -> Any:
    """The JSON of a good answer, else None."""
    answer = await get(port, path)
    if answer is None or not 200 <= answer[0] < 300:
        return None
    try:
        return json.loads(answer[1])
    except ValueError:
        return None
