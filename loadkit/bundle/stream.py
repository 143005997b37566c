"""Arrow IPC streams written a batch at a time: what a running table is.

A stream that is cut loses its last batch and nothing else. Messages are written whole; when one
does not fit on the disk the file is cut back to the message before and the rows are kept for the
next try, so a disk that was full for a while costs nothing but what exceeds the buffer.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from loadkit.bundle.schema import BY_NAME

SUFFIX = ".arrows"
_BATCH = 4096  # rows that trigger a write by themselves
_HELD = 500_000  # rows kept while nothing can be written; beyond, the newest are lost and counted
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class StreamWriter:
    """Appends rows of one table to ``path``.

    Attributes:
        lost: rows that could not be written and are given up.
        rows: rows written.
        failure: text of the last I/O error, None while all is well.
    """

    def __init__(self, path: Path, table: str) -> None:
        self.path = path
        self.lost = 0
        self.rows = 0
        self.failure: str | None = None
        self._schema = BY_NAME[table].schema
        self._names = frozenset(self._schema.names)
        self._pending: list[Mapping[str, Any]] = []
        self._fd: int | None = None
        self._good = 0

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Takes rows; a key that is no column is a mistake of the caller.

        Raises:
            KeyError: a row has a key that is not a column of the table.
        """
        for row in rows:
            if not self._names.issuperset(row):
                unknown = sorted(set(row) - self._names)
                raise KeyError(f"{self.path.name} has no column {unknown[0]!r}")
        room = _HELD - len(self._pending)
        self._pending.extend(rows[:room])
        self.lost += max(0, len(rows) - room)
        if len(self._pending) >= _BATCH and self.failure is None:
            self.flush()

    def flush(self) -> None:
        """Writes what is pending; an I/O error is kept in ``failure`` and tried again later."""
        if not self._pending:
            return
        try:
            batch = pa.RecordBatch.from_pylist(self._pending, schema=self._schema)
            self._write(batch.serialize())
        except OSError as error:
            self.failure = str(error)
            return
        self.failure = None
        self.rows += len(self._pending)
        self._pending.clear()

    def close(self) -> None:
        """Ends the stream; rows still pending are tried once more, then counted as lost."""
        self.flush()
        self.lost += len(self._pending)
        self._pending.clear()
        if self._fd is None:
            return
        try:
            self._write(_END_OF_STREAM)
        except OSError as error:
            self.failure = str(error)
        os.close(self._fd)
        self._fd = None

    def _write(self, message: Any) -> None:
        if self._fd is None:
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            self._fd = fd
        if not self._good:  # nothing yet, or the disk was full when the file was begun
            self._put(self._schema.serialize())
        self._put(message)

    def _put(self, message: Any) -> None:
        assert self._fd is not None
        view = memoryview(message)
        done = 0
        try:
            while done < len(view):
                done += os.write(self._fd, view[done:])
        except OSError:
            os.ftruncate(self._fd, self._good)
            os.lseek(self._fd, self._good, os.SEEK_SET)
            raise
        self._good += done


def read_stream(path: Path) -> tuple[pa.Table, bool]:
    """All whole batches of a stream, and whether it ended properly."""
    batches: list[pa.RecordBatch] = []
    table = BY_NAME[path.name.removesuffix(SUFFIX)]
    with path.open("rb") as file:
        data = file.read()
    whole = data.endswith(_END_OF_STREAM)
    try:
        with pa.ipc.open_stream(pa.BufferReader(data)) as reader:
            batches.extend(reader)
    except (pa.ArrowInvalid, OSError, EOFError):
        whole = False
        batches = _salvage(data)
    return _as_now(batches, table.schema), whole


def _as_now(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    """The batches with the columns of today: one that an older bundle lacks is null."""
    if not batches:
        return schema.empty_table()
    found = pa.Table.from_batches(batches)
    columns = [
        found.column(name).cast(kind) if name in found.column_names else pa.nulls(len(found), kind)
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _salvage(data: bytes) -> list[pa.RecordBatch]:
    batches: list[pa.RecordBatch] = []
    try:
        reader = pa.ipc.open_stream(pa.BufferReader(data))
        while True:
            batches.append(reader.read_next_batch())
    except (StopIteration, pa.ArrowInvalid, OSError, EOFError):
        return batches
