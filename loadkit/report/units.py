"""Numbers as a reader sees them: three significant digits, a unit, and a dash for the unknown.

Every function takes None and answers :data:`UNKNOWN`: a missing number never reads as zero.
"""

from __future__ import annotations

import math
import re

UNKNOWN = "—"
_NUMBER_AND_UNIT = re.compile(r"(?<=\d) (?=(?:%|s|ms|µs|min|h|Hz)(?:\W|$))")
_TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def significant(value: float, digits: int = 3) -> str:
    """``value`` with that many significant digits, thousands grouped, never in powers of ten."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    rounded = round(value, digits - 1 - exponent)
    if rounded != 0:  # 9.996 became 10.0: one digit more before the point
        exponent = math.floor(math.log10(abs(rounded)))
    text = f"{rounded:,.{max(0, digits - 1 - exponent)}f}"
    return text.replace("-", "−")


def duration(seconds: float | None) -> str:
    """A latency: ``12.3 ms``, ``1.24 s``, ``2 min 05 s``."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds == 0:
        return "0 ms"
    size = abs(seconds)
    if size >= 119.5:
        return _minutes(seconds)
    for scale, unit in _TIME_UNITS:
        if size >= 0.9995 * scale:
            return f"{significant(seconds / scale)} {unit}"
    return f"{significant(seconds / 1e-9)} ns"


def _minutes(seconds: float) -> str:
    sign, whole = ("−" if seconds < 0 else ""), round(abs(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{sign}{hours} h {minutes:02d} min"
    return f"{sign}{minutes} min {left:02d} s"


def span(seconds: float | None) -> str:
    """A planned length without digits nobody asked for: ``45 s``, ``2 min 30 s``, ``0.5 s``."""
    if seconds is None:
        return UNKNOWN
    if seconds < 120:
        return f"{seconds:.3g} s"
    return _minutes(seconds)


def rate(per_second: float | None) -> str:
    """Events a second: ``150/s``, ``0.123/s``."""
    if per_second is None or not math.isfinite(per_second):
        return UNKNOWN
    return f"{significant(per_second)}/s"


def percent(ratio: float | None) -> str:
    """A ratio from 0 to 1 as a percentage: ``0.0210 %``."""
    if ratio is None or not math.isfinite(ratio):
        return UNKNOWN
    return f"{significant(ratio * 100)} %"


def count(number: int | None) -> str:
    """A whole number with its thousands grouped."""
    return UNKNOWN if number is None else f"{number:,}".replace("-", "−")


def number(value: float | None) -> str:
    """A bare number."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return significant(value)


def clock(seconds: float | None, digits: int = 0) -> str:
    """A point on the time axis: ``1:30``, ``−0:05``, ``1:02:03``; with ``digits``, ``1:30.4``."""
    if seconds is None:
        return UNKNOWN
    ticks = round(abs(seconds) * 10**digits)
    whole, part = divmod(ticks, 10**digits)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    text = f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"
    if digits:
        text += f".{part:0{digits}d}"
    return f"−{text}" if seconds < 0 and ticks else text


def text(value: str | None) -> str:
    """A text, or the dash."""
    return value if value else UNKNOWN


def held(prose: str) -> str:
    """Prose in which no line ends between a number and its unit."""
    return _NUMBER_AND_UNIT.sub("\u00a0", prose)


FORMATS = {"duration": duration, "rate": rate, "percent": percent}
"""The kinds of numbers a chart may carry; the page's script knows the same names."""


def axis_number(value: float) -> str:
    """A round number beside an axis, without trailing zeros: ``0.5``, ``1,000``."""
    return f"{value:,.6g}".replace("-", "−") if abs(value) < 1e6 else f"{value:,.0f}"


def axis_percent(ratio: float) -> str:
    """A round ratio beside an axis."""
    return f"{axis_number(round(ratio * 100, 9))} %"


def axis_duration(seconds: float) -> str:
    """A round duration beside an axis: ``200 µs``, ``10 ms``, ``2 s``."""
    for scale, unit in _TIME_UNITS:
        if seconds >= 0.9995 * scale:
            return f"{axis_number(round(seconds / scale, 9))} {unit}"
    return "0"
