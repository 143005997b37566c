"""Where rows come from, as something that can be counted and asked for the n-th."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

Row = dict[str, Any]


class Rows(Protocol):
    """Rows that can be had in any order."""

    def __len__(self) -> int: ...

    def row(self, number: int) -> Any:
        """The row of a number from 0."""


class Listed:
    """Rows that a scenario has in memory."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, number: int) -> Any:
        """A copy where it is a dict: what a user changes stays its own."""
        found = self._rows[number]
        return dict(found) if isinstance(found, Mapping) else found


def every(rows: Iterator[Any], first: int, step: int) -> Iterator[Any]:
    """The rows ``first``, ``first + step``, … of a stream; the others are made and dropped."""
    for number, row in enumerate(rows):
        if number % step == first:
            yield row
