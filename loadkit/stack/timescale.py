"""Prometheus' way to write a length of time, and the division of all of them by one number.

The guide waits in minutes what a load test has only seconds for. Dividing every interval, window
and ``for`` by the same number keeps their proportions, which is what decides when an alert fires.
"""

from __future__ import annotations

import re

SCALE = 15
"""What all intervals are divided by: the guide's 15 s become 1 s."""

_UNIT_MS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+")
"""One duration such as ``5m`` or ``1h30m``, anywhere in a text."""


def parse_ms(text: str) -> int:
    """Milliseconds of a Prometheus duration (``"1h30m"``, ``"667ms"``, ``"0"``).

    Raises:
        ValueError: it is none.
    """
    if text == "0":
        return 0
    if DURATION.fullmatch(text) is None:
        raise ValueError(f"not a duration: {text!r}")
    return sum(int(number) * _UNIT_MS[unit] for number, unit in _PART.findall(text))


def format_ms(milliseconds: int) -> str:
    """The shortest exact spelling in seconds or milliseconds: ``"20s"``, ``"667ms"``."""
    if milliseconds % 1000 == 0:
        return f"{milliseconds // 1000}s"
    return f"{milliseconds}ms"


def scale_ms(milliseconds: int, scale: int) -> int:
    """Divides, to the nearest millisecond; what was not zero stays at least 1 ms."""
    if milliseconds == 0:
        return 0
    return max(1, (2 * milliseconds + scale) // (2 * scale))


def scale_text(text: str, scale: int) -> str:
    """``scale_text("10s", 15) == "667ms"``.

    Raises:
        ValueError: the text is not a duration.
    """
    return format_ms(scale_ms(parse_ms(text), scale))
