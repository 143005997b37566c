"""Trace ids that a file sent itself, as numbers below zero; only the latest are remembered."""

from __future__ import annotations

_MOST = 131_072


class ForeignTraces:
    """Texts by number. Far more of them than are under way at once, so memory is bounded."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._last = 0

    def add(self, text: str) -> int:
        """The number of a trace id."""
        self._last -= 1
        self._texts[self._last] = text
        self._texts.pop(self._last + _MOST, None)
        return self._last

    def text(self, number: int) -> str | None:
        """The trace id of a number, unless it is long past."""
        return self._texts.get(number)
