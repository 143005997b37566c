"""Every frame once and in order, whatever becomes of connections. Pure.

A worker numbers its frames from 0 and keeps each until it is acknowledged. A new connection begins
again at the first that is not. The master takes the frame it expects, skips what it has, and
acknowledges how many it took.
"""

from __future__ import annotations

from collections import deque

LIMIT = 256 << 20


class Full(Exception):
    """More is waiting to be acknowledged than may be kept."""


class Outbox:
    """The worker's end; ``limit`` is how many bytes it may keep."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._kept: deque[bytes] = deque()
        self._bytes = 0
        self._acknowledged = 0  # frames taken by the master, which is the number of the first kept
        self._cursor = 0  # number of the next frame to send on this connection

    def put(self, body: bytes) -> None:
        """Keeps a frame.

        Raises:
            Full: there is no room; the frame is not kept.
        """
        if self._bytes + len(body) > self._limit:
            raise Full(f"{self._bytes} bytes wait to be acknowledged")
        self._kept.append(body)
        self._bytes += len(body)

    def take(self) -> tuple[int, bytes] | None:
        """The next frame to send, with its number; None when all were sent."""
        position = self._cursor - self._acknowledged
        if position >= len(self._kept):
            return None
        self._cursor += 1
        return self._cursor - 1, self._kept[position]

    def acknowledged(self, count: int) -> None:
        """The master has taken so many frames in all; an old acknowledgement changes nothing.

        Raises:
            ValueError: more than were ever put.
        """
        if count > self._acknowledged + len(self._kept):
            raise ValueError(f"{count} frames acknowledged, which were never sent")
        while self._acknowledged < count:
            self._bytes -= len(self._kept.popleft())
            self._acknowledged += 1
        self._cursor = max(self._cursor, self._acknowledged)

    def rewind(self) -> None:
        """A new connection: what is not acknowledged is sent again."""
        self._cursor = self._acknowledged

    @property
    def empty(self) -> bool:
        """Whether all frames were acknowledged."""
        return not self._kept


class Inbox:
    """The master's end; ``taken`` is how many frames it took."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self, number: int) -> bool:
        """Whether to take the frame of that number; False for one that it has.

        Raises:
            ValueError: one before it is missing.
        """
        if number > self.taken:
            raise ValueError(f"frame {number} came before frame {self.taken}")
        if number < self.taken:
            return False
        self.taken += 1
        return True
