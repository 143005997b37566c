"""Writes a bundle: streams while running, Parquet at the end."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from loadkit.bundle.fold import fold
from loadkit.bundle.manifest import Manifest
from loadkit.bundle.schema import BY_NAME
from loadkit.bundle.stream import SUFFIX, StreamWriter, read_stream
from loadkit.errors import UsageError

__all__ = ["TABLES_FOLDER", "BundleWriter", "StreamWriter", "compact", "create"]

TABLES_FOLDER = "tables"
_RESERVE = ".reserve"
# Given back when the disk is full, so that the manifest and the report still fit.
_RESERVE_BYTES = 8 << 20


def create(directory: Path, manifest: Manifest) -> BundleWriter:
    """Makes the folder of a new bundle.

    Raises:
        UsageError: it exists already or cannot be made.
    """
    try:
        (directory / TABLES_FOLDER).mkdir(parents=True)
        manifest.save(directory)
        with (directory / _RESERVE).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _RESERVE_BYTES)
    except FileExistsError:
        raise UsageError("a bundle is already there", where=str(directory)) from None
    except OSError as error:
        raise UsageError(
            f"cannot write the bundle: {error.strerror}",
            where=str(directory),
            remedy="Make room, or choose another folder with --reports DIR.",
        ) from None
    return BundleWriter(directory)


class BundleWriter:
    """Takes rows for every table (``loadkit.ports.Sink``); call ``flush`` about once a second."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._streams: dict[str, StreamWriter] = {}

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows to a table.

        Raises:
            KeyError: the table or a column is not in the schema.
        """
        if not rows:
            return
        stream = self._streams.get(table)
        if stream is None:
            if table not in BY_NAME:
                raise KeyError(f"the bundle has no table {table!r}")
            path = self.directory / TABLES_FOLDER / (table + SUFFIX)
            stream = self._streams[table] = StreamWriter(path, table)
        stream.append(rows)

    def flush(self) -> str | None:
        """Writes what is pending; returns the I/O error where there was one."""
        failure = None
        for stream in self._streams.values():
            stream.flush()
            failure = stream.failure or failure
        return failure

    def close(self) -> dict[str, int]:
        """Ends all streams; returns the rows lost per table (only where there were any)."""
        for stream in self._streams.values():
            stream.flush()
        if any(stream.failure for stream in self._streams.values()):
            self.release_reserve()
        for stream in self._streams.values():
            stream.close()
        return {name: stream.lost for name, stream in self._streams.items() if stream.lost}

    def release_reserve(self) -> None:
        """Frees the space kept back for the manifest and the report."""
        (self.directory / _RESERVE).unlink(missing_ok=True)


def compact(directory: Path) -> list[str]:
    """Turns the streams of a bundle into Parquet; returns the tables that were cut.

    A stream goes only when its Parquet file is whole: on a full disk it stays, and reads as well.
    """
    (directory / _RESERVE).unlink(missing_ok=True)
    cut = []
    for path in sorted((directory / TABLES_FOLDER).glob("*" + SUFFIX)):
        name = path.name.removesuffix(SUFFIX)
        table, whole = read_stream(path)
        if not whole:
            cut.append(name)
        try:
            _store(directory, name, table)
        except OSError:
            continue
        path.unlink()
    return cut


def _store(directory: Path, name: str, table: pa.Table) -> None:
    if name == "intervals":
        for folded, part in zip(("seconds", "windows"), fold(table), strict=True):
            _write_parquet(directory / TABLES_FOLDER / f"{folded}.parquet", part)
    else:
        _write_parquet(directory / TABLES_FOLDER / f"{name}.parquet", table)


def _write_parquet(path: Path, table: pa.Table) -> None:
    temporary = path.with_suffix(".new")
    try:
        pq.write_table(table, temporary, compression="zstd")
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
