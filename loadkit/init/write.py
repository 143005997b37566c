"""Writes what was made; a file that is there stays, unless it is to be written anew."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from loadkit.errors import LoadkitError, UsageError

FORCE = "--force"


def refuse_existing(path: Path, force: bool) -> None:
    """
    Raises:
        UsageError: the file is there and is not to be replaced, or is a folder.
    """
    if path.is_dir():
        raise UsageError("is a folder", where=str(path), remedy="Name a file: --output FILE.")
    if not force and (path.exists() or path.is_symlink()):
        raise UsageError(
            "exists and is left as it is",
            where=str(path),
            remedy=f"Write it anew with {FORCE}, or name another file with --output.",
        )


def write(path: Path, text: str, force: bool) -> None:
    """Writes a file whole or not at all, and makes its folder.

    Raises:
        UsageError: it is there by now, and is not to be replaced.
        LoadkitError: the folder cannot be made or written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                os.fchmod(file.fileno(), 0o644)
            if force:
                Path(name).replace(path)
            else:
                os.link(name, path)  # fails where something is, unlike a rename
        finally:
            with contextlib.suppress(OSError):
                Path(name).unlink()
    except OSError as error:
        if isinstance(error, FileExistsError):
            refuse_existing(path, force)
        raise LoadkitError(
            f"cannot be written: {error.strerror or error}",
            where=str(path),
            remedy="Name a file in a folder that can be written, on a disk with room.",
        ) from None
