"""Reads recorded arrival times: a text or CSV file, one time a line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

from loadkit.errors import ScenarioError


def read_times(
    file: Path, column: str | int, origin: float | Literal["first"], sort: bool
) -> list[float]:
    """Seconds since ``origin``, ascending.

    Raises:
        ScenarioError: see Replay.from_file.
    """
    found = list(_numbers(file, _lines(file), column))
    if not found:
        raise ScenarioError("there is no time in it", where=str(file))
    if sort:
        found.sort(key=lambda item: item[1])
    begin = _begin(origin, found)
    times, before = [], Decimal("-Infinity")
    for line, time in found:
        if time < before:
            raise ScenarioError(
                f"{time} comes after {before}: times must ascend",
                where=f"{file}:{line}",
                remedy="Say sort=True, if the order of the lines means nothing.",
            )
        if time < begin:
            raise ScenarioError(
                f"{time} is before the beginning of the stage",
                where=f"{file}:{line}",
                remedy='Give origin=, the time in the file at which it begins, or origin="first".',
            )
        before = time
        times.append(float(time - begin))
    return times


def _begin(origin: float | str, found: Sequence[tuple[int, Decimal]]) -> Decimal:
    if origin == "first":
        return min(time for _, time in found)
    try:
        begin = Decimal(str(origin))
    except InvalidOperation:
        begin = Decimal("NaN")
    if not begin.is_finite():
        raise ScenarioError(
            f"origin must be a time in the file, got {origin!r}",
            remedy='Give seconds, or origin="first".',
        )
    return begin


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ScenarioError(
            f"recorded times cannot be read: {reason}",
            where=str(file),
            remedy="A relative path starts at the folder of the scenario file.",
        ) from error


def _numbers(file: Path, lines: Sequence[str], column: str | int) -> Iterator[tuple[int, Decimal]]:
    """(line, time); the first line that counts may be a heading."""
    index = column if isinstance(column, int) else None
    first = True
    for line, text in enumerate(lines, start=1):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        cells = [cell.strip() for cell in next(csv.reader([text]))]
        if first:
            first = False
            if index is None:
                index = _heading(cells, str(column), f"{file}:{line}")
                continue
            if _time(cells, index) is None and _is_heading(cells, index):
                continue
        assert index is not None
        time = _time(cells, index)
        if time is None:
            raise ScenarioError(
                f"{_cell(cells, index)!r} is not a time in seconds",
                where=f"{file}:{line}",
                remedy="Write one time a line, for example 12.5; a comment begins with #.",
            )
        yield line, time


def _heading(cells: Sequence[str], name: str, where: str) -> int:
    if name not in cells:
        raise ScenarioError(
            f"there is no column {name!r}", where=where, remedy=f"Columns: {', '.join(cells)}."
        )
    return cells.index(name)


def _is_heading(cells: Sequence[str], index: int) -> bool:
    """Words, not a number that went wrong."""
    return bool(_cell(cells, index)) and not any(c.isdigit() for c in _cell(cells, index))


def _cell(cells: Sequence[str], index: int) -> str:
    return cells[index] if 0 <= index < len(cells) else ""


def _time(cells: Sequence[str], index: int) -> Decimal | None:
    try:
        time = Decimal(_cell(cells, index))
    except InvalidOperation:
        return None
    return time if time.is_finite() else None
