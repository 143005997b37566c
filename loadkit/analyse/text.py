"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Iterable


def duration(seconds: float | None) -> str:
    """``820 µs``, ``41 ms``, ``1.25 s``, ``10 s``, ``2 min 5 s``; ``–`` for None."""
    if seconds is None:
        return "–"
    size = abs(seconds)
    if size == 0:
        return "0 ms"
    if size < 0.9995e-3:
        return f"{seconds * 1e6:.0f} µs"
    if size < 0.00995:
        return f"{seconds * 1e3:.1f}".removesuffix(".0") + " ms"
    if size < 0.9995:
        return f"{seconds * 1e3:.0f} ms"
    if size < 119.95:
        shown = f"{seconds:.{2 if size < 9.995 else 1}f}"
        return shown.rstrip("0").rstrip(".") + " s"
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s"


def share(ratio: float | None) -> str:
    """``0 %``, ``0.02 %``, ``1.5 %``, ``71 %``; ``–`` for None."""
    if ratio is None:
        return "–"
    percent = ratio * 100
    if percent == 0:
        return "0 %"
    if abs(percent) < 0.01:
        return "< 0.01 %" if percent > 0 else "> -0.01 %"
    digits = 2 if abs(percent) < 0.995 else 1 if abs(percent) < 9.95 else 0
    shown = f"{percent:.{digits}f}"
    return f"{shown.rstrip('0').rstrip('.') if digits else shown} %"


def rate(per_second: float | None) -> str:
    """``150/s``, ``49.8/s``, ``0.25/s``; ``–`` for None."""
    if per_second is None:
        return "–"
    size = abs(per_second)
    if size and size < 0.995:
        return f"{per_second:.2f}/s"
    if size >= 1000:
        return f"{per_second:,.0f}/s"
    return f"{per_second:.1f}".removesuffix(".0") + "/s"


def size(count: float | None) -> str:
    """``0 B``, ``812 B``, ``1.02 KiB``, ``-31.4 MiB``; ``–`` for None."""
    if count is None:
        return "–"
    value, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if abs(value) < 1023.5:
            break
        value, unit = value / 1024, larger
    digits = 0 if unit == "B" or abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    shown = f"{value:.{digits}f}"
    return f"{'0' if float(shown) == 0 else shown} {unit}"


def number(count: int | None) -> str:
    """``14,312``; ``unknown`` for None."""
    return "unknown" if count is None else f"{count:,}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 request``, ``2 requests``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listing(names: Iterable[str], limit: int = 5) -> str:
    """``a, b and c``; beyond the limit ``a, b and 7 more``."""
    known = list(names)
    if len(known) > limit:
        return f"{', '.join(known[:limit])} and {len(known) - limit} more"
    if len(known) < 2:
        return "".join(known)
    return f"{', '.join(known[:-1])} and {known[-1]}"


def at(second: float) -> str:
    """A point on the time axis: ``82.5 s``."""
    return f"{second:.1f}".removesuffix(".0") + " s"
