"""The one writer that owns files of reports: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from loadkit.errors import LoadkitError

_MODE = 0o644


def write(path: Path, content: str | bytes) -> Path:
    """Writes a text (as UTF-8) or bytes to ``path``, replacing a file that is there; the path.

    The content goes to a neighbour first and takes the name when it is complete, so that a reader
    never meets half a report.

    Raises:
        LoadkitError: the folder is missing or closed to us, the disk is full, or ``path`` is a
            folder.
    """
    if path.is_dir():
        raise LoadkitError(
            "cannot write the report: this is a folder", where=str(path), remedy="Name a file."
        )
    try:
        _replace(path, content.encode("utf-8") if isinstance(content, str) else content)
    except OSError as error:
        raise LoadkitError(
            f"cannot write the report: {error.strerror or error}",
            where=str(path),
            remedy="Name a file in a folder that exists and can be written, on a disk with room.",
        ) from error
    return path


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), _MODE)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
