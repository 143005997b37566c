"""A table for a terminal that fits: columns are dropped, then one is cut or wrapped."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from loadkit.report import units

_LEAST = 6


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    colour: bool = False,
    *,
    left: Sequence[str] = (),
    flexible: str | None = None,
    wraps: bool = False,
    drop: Sequence[str] = (),
) -> list[str]:
    """Lines of at most ``width`` columns, the heads first.

    Args:
        left: heads of the columns that are texts; all others are numbers, flush right.
        flexible: head of the column that gives way where the table is too wide, by default the
            last one. ``wraps``: on further lines, else it is cut.
        drop: heads of columns that are left out where there is no room, in this order.
    """
    for name in drop:
        if name in heads and _needed(heads, rows) > width:
            n = heads.index(name)
            heads = [*heads[:n], *heads[n + 1 :]]
            rows = [[*row[:n], *row[n + 1 :]] for row in rows]
    widths = [max(len(row[n]) for row in [heads, *rows]) for n in range(len(heads))]
    at = heads.index(flexible) if flexible in heads else len(heads) - 1
    widths[at] = max(_LEAST, widths[at] - max(0, _needed(heads, rows) - width))

    def line(cells: Sequence[str]) -> str:
        parts = [
            f"  {cell:<{size}}" if head in left else f"  {cell:>{size}}"
            for head, cell, size in zip(heads, cells, widths, strict=True)
        ]
        return "".join(parts).rstrip()[:width]

    head = line([*heads[:at], _cut(heads[at], widths[at]), *heads[at + 1 :]])
    lines = [f"\x1b[2m{head}\x1b[0m" if colour else head]
    for row in rows:
        pieces = wrapped(row[at], widths[at]) if wraps else [_cut(row[at], widths[at])]
        lines.append(line([*row[:at], pieces[0], *row[at + 1 :]]))
        blank = [""] * len(row)
        lines += [line([*blank[:at], piece, *blank[at + 1 :]]) for piece in pieces[1:]]
    return lines


def _needed(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    return sum(2 + max(len(row[n]) for row in [heads, *rows]) for n in range(len(heads)))


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most that width; numbers stay with their units. At least one."""
    lines = textwrap.wrap(units.held(text), width, break_on_hyphens=False) or [""]
    return [line.replace("\u00a0", " ") for line in lines]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
