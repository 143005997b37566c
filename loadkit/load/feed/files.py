"""Rows of a file, found by where they begin: eight bytes a row in memory, whatever is in it."""

from __future__ import annotations

import codecs
import csv
import json
import os
import weakref
from array import array
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any

from loadkit.errors import ScenarioError

_WIDE = ("utf-16", "utf-32", "utf-7")


class FileRows:
    """Rows of one file. A subclass says where they begin (``_scan``) and what they are.

    Args:
        path: the file.
        shown: what it is called in messages.
        columns: what every row must have; empty: whatever is there.
        encoding: of the text.

    Raises:
        ScenarioError: the file is missing, empty, not in that encoding, or has a row that does
            not fit; the message names file and line.
    """

    def __init__(self, path: Path, shown: str, columns: Sequence[str], encoding: str) -> None:
        self.shown = shown
        self.columns = tuple(columns)
        self._encoding = _known(encoding)
        self._starts = array("q")
        self._line = 0
        self._at = 0
        self._path = path
        self._descriptor: int | None = None
        try:
            with path.open("rb") as file:
                self._scan(self._lines(file))
        except OSError as error:
            raise ScenarioError(
                f"cannot be read: {error.strerror}",
                where=shown,
                remedy=f"Feeders look for files from the scenario's folder on: {path}.",
            ) from None
        if not self._starts:
            raise self._wrong("has no rows", None, "Give it at least one.")
        self._starts.append(self._at)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def _scan(self, lines: Iterator[str]) -> None:
        raise NotImplementedError

    def row(self, number: int) -> Any:
        """The row of a number from 0, read from the file."""
        raise NotImplementedError

    def _text(self, number: int) -> str:
        start, end = self._starts[number : number + 2]
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDONLY)
            weakref.finalize(self, os.close, self._descriptor)
        text = os.pread(self._descriptor, end - start, start).decode(self._encoding)
        return text.removeprefix("\ufeff")

    def _lines(self, file: BufferedReader) -> Iterator[str]:
        """The file's lines; ``_at`` is where the next one begins, ``_line`` counts from 1."""
        for raw in file:
            self._line += 1
            if self._line == 1 and raw.startswith(codecs.BOM_UTF8):
                raw = raw[len(codecs.BOM_UTF8) :]
                self._at += len(codecs.BOM_UTF8)
            self._at += len(raw)
            try:
                yield raw.decode(self._encoding)
            except UnicodeDecodeError as error:
                raise self._wrong(
                    f"byte {error.start + 1} is no {self._encoding}",
                    self._line,
                    'Save it as UTF-8, or say encoding="latin-1" or what it is.',
                ) from None

    def _wrong(self, what: str, line: int | None, remedy: str) -> ScenarioError:
        where = self.shown if line is None else f"{self.shown}:{line}"
        return ScenarioError(what, where=where, remedy=remedy)


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        name = ""
    if not name or name.startswith(_WIDE):
        raise ScenarioError(
            f"encoding {encoding!r} cannot be read line by line",
            remedy="Save the file as UTF-8.",
        )
    return name


class CsvRows(FileRows):
    """A table with a header; a row is a dict of texts by column. Blank lines are left out."""

    def __init__(
        self, path: Path, shown: str, columns: Sequence[str], encoding: str, delimiter: str
    ) -> None:
        self._delimiter = delimiter
        self._header: tuple[str, ...] = ()
        super().__init__(path, shown, columns, encoding)

    def _scan(self, lines: Iterator[str]) -> None:
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        begin, starts = 0, self._starts
        try:
            for cells in reader:
                if not cells:
                    begin = self._at
                    continue
                if not self._header:
                    self._header = self._checked(cells)
                elif len(cells) != len(self._header):
                    self._refuse(cells)
                else:
                    starts.append(begin)
                begin = self._at
        except csv.Error as error:
            raise self._wrong(
                f"not CSV: {error}", self._line, 'Quotes in quoted cells are written twice: "".'
            ) from None
        if not self._header:
            raise self._wrong("is empty", None, "Its first line names the columns.")

    def _checked(self, header: Sequence[str]) -> tuple[str, ...]:
        names = tuple(name.strip() for name in header)
        there = f"Columns: {', '.join(names)}."
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or "" in names:
            what = (
                f"column {twice[0]!r} is there twice"
                if twice and twice[0]
                else "a column has no name"
            )
            raise self._wrong(what, self._line, f"The first line names the columns. {there}")
        missing = [name for name in self.columns if name not in names]
        if missing:
            raise self._wrong(
                f"there is no column {', '.join(map(repr, missing))}", self._line, there
            )
        return names

    def _refuse(self, cells: Sequence[str]) -> None:
        raise self._wrong(
            f"{len(cells)} cells where the header has {len(self._header)}",
            self._line,
            f"Columns: {', '.join(self._header)}. A cell with {self._delimiter!r} needs quotes.",
        )

    def row(self, number: int) -> dict[str, str]:
        """See Rows.

        Raises:
            ScenarioError: the file is not what it was.
        """
        lines = self._text(number).splitlines(keepends=True)
        found = [cells for cells in csv.reader(lines, delimiter=self._delimiter) if cells]
        if len(found) != 1 or len(found[0]) != len(self._header):
            raise self._wrong(f"row {number + 1} has changed", None, "Leave it while it is in use.")
        return dict(zip(self._header, found[0], strict=True))


class JsonRows(FileRows):
    """A JSON object a line. Blank lines are left out."""

    def _scan(self, lines: Iterator[str]) -> None:
        begin = self._at
        for text in lines:
            if text.strip():
                self._check(text)
                self._starts.append(begin)
            begin = self._at

    def _check(self, text: str) -> None:
        try:
            value = json.loads(text)
        except ValueError as error:
            raise self._wrong(
                f"not JSON: {getattr(error, 'msg', error)}", self._line, "One JSON object a line."
            ) from None
        if not isinstance(value, dict):
            raise self._wrong(
                f"a {type(value).__name__}, not an object", self._line, "One JSON object a line."
            )
        missing = [name for name in self.columns if name not in value]
        if missing:
            raise self._wrong(
                f"there is no {', '.join(map(repr, missing))}",
                self._line,
                f"Keys: {', '.join(value) or 'none'}.",
            )

    def row(self, number: int) -> dict[str, Any]:
        """See Rows."""
        found: dict[str, Any] = json.loads(self._text(number))
        return found
