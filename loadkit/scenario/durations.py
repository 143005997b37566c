"""Durations as people write them."""

from __future__ import annotations

import math
import re

from loadkit.errors import UsageError

_PARTS = re.compile(
    r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?",
)
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_REMEDY = "Write seconds (15), or 90s, 2m, 1h30m."


def parse_duration(text: str) -> float:
    """Seconds from ``90s``, ``2m``, ``1h30m`` or bare seconds such as ``15`` or ``0.5``.

    Raises:
        UsageError: it is not one of those, or not positive.
    """
    compact = re.sub(r"\s+", "", text).lower()
    seconds = _bare(compact)
    if seconds is None:
        seconds = _composed(compact)
    if seconds is None:
        raise UsageError(f"duration {text!r} is not understood", remedy=_REMEDY)
    if not (seconds > 0 and math.isfinite(seconds)):
        raise UsageError(f"duration must be positive, got {text!r}", remedy=_REMEDY)
    return seconds


def _bare(text: str) -> float | None:
    if not re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)", text):
        return None
    return float(text)


def _composed(text: str) -> float | None:
    found = _PARTS.fullmatch(text) if text else None
    if found is None:
        return None
    return sum(float(value) * _SECONDS[unit] for unit, value in found.groupdict("0").items())
