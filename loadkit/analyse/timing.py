"""How long the service says that requests took, in words, with what is sure about it."""

from __future__ import annotations

import math

from loadkit.analyse import text
from loadkit.analyse.quantiles import Estimate, offered
from loadkit.analyse.server import ServerSide

QUANTILES = (0.5, 0.95)


def words(side: ServerSide, start_s: float, end_s: float) -> str | None:
    """A stretch's quantiles with the bounds they lie in, else its mean; None without a request."""
    if side.buckets:
        return _histogram(side, start_s, end_s)
    if side.quantiles and (shown := _summary(side, start_s, end_s)):
        return shown
    mean = side.mean(start_s, end_s)
    return None if mean is None else f"mean {text.duration(mean)}"


def _histogram(side: ServerSide, start_s: float, end_s: float) -> str | None:
    mean = side.mean(start_s, end_s)
    parts = [] if mean is None else [f"mean {text.duration(mean)}"]
    for q in QUANTILES:
        found = side.quantile(q, start_s, end_s)
        if found is None:
            return None
        name = _name(q)
        if math.isinf(found.high):
            parts.append(f"{name} above {text.duration(found.low)}")
        elif found.low == 0:  # in the first bucket interpolation says nothing
            parts.append(f"{name} at most {text.duration(found.high)}")
        else:
            parts.append(f"{name} about {text.duration(found.value)} ({_between(found)})")
    return ", ".join(parts)


def _summary(side: ServerSide, start_s: float, end_s: float) -> str | None:
    parts = []
    for q in offered(side.quantiles)[-3:]:
        found = side.quantile(q, start_s, end_s)
        if found is not None:
            one = found.low == found.high
            parts.append(f"{_name(q)} {text.duration(found.value) if one else _between(found)}")
    if not parts:
        return None
    return f"{', '.join(parts)} (over the service's own window)"


def _between(found: Estimate) -> str:
    low, high = text.duration(found.low), text.duration(found.high)
    number, unit = low.rsplit(" ", 1) if " " in low else (low, "")
    return f"{number}–{high}" if high.endswith(f" {unit}") else f"{low}–{high}"


def _name(q: float) -> str:
    return f"p{q * 100:.6g}"
