"""Links to a window of the charts, as the page's script (address.js) reads and writes them."""

from __future__ import annotations

import math

_LEAST_S = 10.0  # around a window, so that it is seen among what came before and after
_MARGIN = 0.5  # of its length, on each side


def window_link(start_s: float, end_s: float, axis_end_s: float) -> str:
    """``#t=60-90&zoom=45-105``; empty where the stretch is not on the axis.

    Whole seconds, because the window is selected by whole seconds.
    """
    last = math.ceil(axis_end_s)
    start, end = max(0, math.floor(start_s)), min(last, math.ceil(end_s))
    if end_s < 0 or start >= last:
        return ""
    end = max(end, start + 1)
    around = max(_LEAST_S, _MARGIN * (end - start))
    low, high = max(0.0, start - around), min(float(last), end + around)
    zoom = "" if (low, high) == (0.0, float(last)) else f"&zoom={low:g}-{high:g}"
    return f"#t={start}-{end}{zoom}"
