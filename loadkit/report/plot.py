"""Areas over time in a terminal: eighths of a character high, axes with numbers, no colour needed.

A plot is lanes one above the other on one time axis; each lane has a scale of its own. Colours,
where allowed, repeat what is there in characters already.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from loadkit.report import units

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_RULE = "┊"
_NAME_LINES = 3
_LEAST = 1e-6
_STEPS = (1.0, 2.0, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class Lane:
    """One area. ``value`` gives the highest value from one second to another, None for nothing.

    ``colour`` is an ANSI code. ``rows`` is about its height in lines. ``whole``: its values are
    whole numbers, and so are those beside the axis.
    """

    title: str
    value: Callable[[float, float], float | None]
    rows: int
    colour: str = "36"
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of the time axis that begins somewhere and has a name; ``faint`` dims it."""

    start_s: float
    name: str
    faint: bool = False


def plot(
    lanes: Sequence[Lane],
    marks: Sequence[Mark],
    duration_s: float,
    width: int,
    *,
    colour: bool = False,
) -> str:
    """Lines of at most ``width`` columns, without a newline at the end."""
    # The margin takes a few columns from the plot, which changes no scale.
    ticks = [_ticks(lane, lane.value(0.0, duration_s) or 0.0) for lane in lanes]
    margin = max(len(units.axis_number(value)) for values in ticks for value in values)
    room = max(10, width - margin - 3)  # a space and the axes left and right
    edges = [duration_s * n / room for n in range(room + 1)]
    columns = [min(room - 1, int(mark.start_s / duration_s * room)) for mark in marks]
    faint = _faint(marks, columns, room) if colour else None
    lines: list[str] = []
    for lane, numbers in zip(lanes, ticks, strict=True):
        values = [lane.value(a, b) for a, b in pairwise(edges)]
        lines.append(lane.title[:width])
        lines += _area(lane, values, numbers, columns, margin, faint)
        lines.append(f"{'0':>{margin}} ┼{_axis(columns, room)}")
    indent = " " * (margin + 2)
    lines.append(indent + _times(marks, columns, duration_s, room))
    lines += [indent + line for line in _names(marks, columns, room)]
    return "\n".join(line.rstrip() for line in lines)


def _ticks(lane: Lane, highest: float) -> list[float]:
    """Two to six round numbers above 0 in even steps, the last at or above the highest value.

    Of those that come into question, the ones with the least room left over.
    """
    highest = max(highest, 1.0 if lane.whole else _LEAST)
    power = 10.0 ** math.floor(math.log10(highest))
    steps = [part * scale for scale in (power / 10, power) for part in _STEPS]
    if lane.whole:
        steps = [step for step in steps if step >= 1 and step == int(step)]
    counts = {step: math.ceil(highest / step - 1e-9) for step in steps}
    fitting = [step for step in steps if 2 <= counts[step] <= min(6, lane.rows)] or [steps[0]]
    step = min(fitting, key=lambda step: (round(counts[step] * step / highest, 6), counts[step]))
    return [round(n * step, 12) for n in range(1, counts[step] + 1)]


def _area(
    lane: Lane,
    values: Sequence[float | None],
    ticks: Sequence[float],
    columns: Sequence[int],
    margin: int,
    faint: Sequence[bool] | None,
) -> list[str]:
    # As many rows to each tick, so that a number stands where its value is.
    each = max(1, round(lane.rows / len(ticks)))
    rows, top = each * len(ticks), ticks[-1]
    lines = []
    for floor in reversed(range(rows)):
        cells = [_cell(value, top, rows, floor) for value in values]
        for column in columns[1:]:
            if cells[column] == " ":
                cells[column] = _RULE
        text = "".join(cells) if faint is None else _painted(cells, faint, lane.colour)
        number, between = divmod(floor + 1, each)
        label = "" if between else units.axis_number(ticks[number - 1])
        lines.append(f"{label:>{margin}} {'┤' if label else '│'}{text}")
    return lines


def _cell(value: float | None, top: float, rows: int, floor: int) -> str:
    if value is None or value <= 0:
        return " "
    eighths = round(value / top * rows * 8)
    # What is not nothing is seen, however small it is beside the highest.
    return _EIGHTHS[min(8, max(1 if floor == 0 else 0, eighths - 8 * floor))]


def _painted(cells: Sequence[str], faint: Sequence[bool], colour: str) -> str:
    """The row with codes only where the style changes."""
    text, before = [], ""
    for cell, dim in zip(cells, faint, strict=True):
        style = "2" if cell == _RULE else "" if cell == " " else f"2;{colour}" if dim else colour
        if style != before:
            text.append(("\x1b[0m" if before else "") + (f"\x1b[{style}m" if style else ""))
            before = style
        text.append(cell)
    return "".join(text).rstrip() + ("\x1b[0m" if before else "")


def _faint(marks: Sequence[Mark], columns: Sequence[int], room: int) -> list[bool]:
    flags = [False] * room
    for mark, start, end in zip(marks, columns, [*columns[1:], room], strict=True):
        flags[start:end] = [mark.faint] * (end - start)
    return flags


def _axis(columns: Sequence[int], room: int) -> str:
    line = ["─"] * room
    for column in columns[1:]:
        line[column] = "┴"
    return "".join(line) + "┤"


def _times(marks: Sequence[Mark], columns: Sequence[int], duration_s: float, room: int) -> str:
    """When each stretch begins, and the end; those without room are left out."""
    line = [" "] * (room + 1)
    last = units.clock(duration_s)
    line[room + 1 - len(last) :] = last
    free, end = 0, room - len(last)
    for mark, column in zip(marks, columns, strict=True):
        text = units.clock(mark.start_s)
        if column >= free and column + len(text) < end:
            line[column : column + len(text)] = text
            free = column + len(text) + 1
    return "".join(line)


def _names(marks: Sequence[Mark], columns: Sequence[int], room: int) -> list[str]:
    """Names below their beginnings, on as many lines as they need, at most three.

    One that finds no room is left out.
    """
    lines: list[list[str]] = []
    for mark, column in zip(marks, columns, strict=True):
        text = mark.name[: room + 1]
        at = min(column, room + 1 - len(text))
        line = next((line for line in lines if _free(line, at, len(text))), None)
        if line is None and len(lines) < _NAME_LINES:
            line = [" "] * (room + 1)
            lines.append(line)
        if line is not None:
            line[at : at + len(text)] = text
    return ["".join(line) for line in lines]


def _free(line: Sequence[str], at: int, length: int) -> bool:
    return all(c == " " for c in line[max(0, at - 1) : at + length + 1])
