"""Removes runs from their folder: only bundles, and none that is being written."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from loadkit.bundle import manifest as manifests
from loadkit.bundle.manifest import load_manifest
from loadkit.errors import BundleError, LoadkitError, UsageError
from loadkit.report.shelf import Entry
from loadkit.run.shelf import state_of

_GOING = ".removing-"


def check_removable(path: Path) -> None:
    """Whether a folder is a bundle that loadkit can read and nobody writes.

    Raises:
        UsageError: it is none, a link to one, or under way.
    """
    if path.is_symlink():
        raise UsageError(
            "this is a link, not a bundle", where=str(path), remedy="Remove what it points to."
        )
    if not (path / manifests.NAME).is_file():
        raise UsageError(
            f"no bundle: {manifests.NAME} is missing",
            where=str(path),
            remedy="Only runs are removed; `loadkit list` shows them.",
        )
    try:
        manifest = load_manifest(path)
    except BundleError as error:
        raise UsageError(
            f"no bundle that loadkit understands: {error.what}",
            where=str(path),
            remedy="Remove it by hand if it is to go.",
        ) from None
    if state_of(path, manifest) == "running":
        raise UsageError(
            "this run is under way", where=str(path), remedy="Stop it first, or wait for its end."
        )


def remove(path: Path) -> None:
    """Removes a bundle; it vanishes from the list at once, however long its files take.

    Raises:
        UsageError: it may not be removed.
        LoadkitError: it cannot be.
    """
    check_removable(path)
    going = path.with_name(_GOING + path.name)
    try:
        if going.exists():  # left by a removal that was cut short
            shutil.rmtree(going)
        path.rename(going)
        shutil.rmtree(going)
    except OSError as error:
        raise LoadkitError(
            f"cannot be removed: {error.strerror or error}",
            where=str(path),
            remedy="Is the folder closed to you?",
        ) from None


def to_prune(
    found: Sequence[Entry], *, keep: int | None = None, older_s: float | None = None, now: datetime
) -> list[Entry]:
    """The runs that are too many or too old; those under way are neither counted nor taken.

    Args:
        found: newest first.
        keep: how many of the newest stay.
        older_s: how old, in seconds since they were started, those are that go.
        now: the time it is.
    """
    runs = [entry for entry in found if entry.bundle and entry.state != "running"]
    chosen = set()
    if keep is not None:
        chosen |= {entry.folder for entry in runs[keep:]}
    if older_s is not None:
        chosen |= {e.folder for e in runs if (age := _age_s(e, now)) is not None and age > older_s}
    return [entry for entry in runs if entry.folder in chosen]


def _age_s(entry: Entry, now: datetime) -> float | None:
    """Seconds since it was started; None where that cannot be read, and nothing is concluded."""
    try:
        started = datetime.fromisoformat(entry.started)
    except ValueError:
        return None
    if started.tzinfo is None:
        started = started.replace(tzinfo=UTC)
    return (now - started).total_seconds()
