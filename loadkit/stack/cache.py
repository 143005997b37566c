"""The user's cache folder and a lock between two loadkits that want to fill it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from loadkit.errors import StackError


def cache_directory() -> Path:
    """``$XDG_CACHE_HOME/loadkit``, by default ``~/.cache/loadkit``; made when it is missing.

    Raises:
        StackError: it cannot be made or written to.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    # The specification of these folders says that a relative path is to be ignored.
    base = Path(named) if named and Path(named).is_absolute() else _home() / ".cache"
    directory = base / "loadkit"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(directory, error.strerror or str(error)) from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise _unusable(directory, "not writable")
    return directory


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise StackError(
            "there is no home folder to keep servers in",
            remedy="Set XDG_CACHE_HOME to a folder of your own.",
        ) from error


def _unusable(directory: Path, why: str) -> StackError:
    return StackError(
        f"the cache folder cannot be used: {why}",
        where=str(directory),
        remedy="Set XDG_CACHE_HOME to a folder you may write to.",
    )


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds an exclusive lock on the file; ``waiting`` is called once when another holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # releases the lock
