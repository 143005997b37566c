"""The folder of runs: what lies in it, by what names, and its index page.

Each bundle keeps a summary of itself (``summary.json``), so that a list need not analyse it again;
one without is analysed when somebody asks, and then has one.
"""

from __future__ import annotations

import contextlib
import difflib
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psutil

import loadkit
from loadkit.analyse import analyse
from loadkit.analyse.result import Analysis
from loadkit.bundle import manifest as manifests
from loadkit.bundle.manifest import Manifest, load_manifest
from loadkit.bundle.reader import load_run
from loadkit.errors import BundleError, LoadkitError, UsageError
from loadkit.report import shelf, shelf_summary
from loadkit.report.shelf import Entry
from loadkit.report.shelf_summary import Summary, summarise
from loadkit.report.write import write

INDEX = "index.html"
REPORT = "report.html"
LATEST = "latest"
_FRESH_S = 60.0  # a bundle of a process we cannot see is taken for running that long
_SLACK_S = 5.0  # clocks of a process and of a file differ by less


def entries(reports: Path, *, analysing: bool) -> list[Entry]:
    """What lies in a folder, newest run first; empty where there is no such folder.

    Args:
        reports: the folder.
        analysing: make the summaries that are missing, which takes seconds each.

    Raises:
        LoadkitError: the folder cannot be read.
    """
    return shelf.ordered(_entry(path, analysing) for path in folders(reports))


def folders(reports: Path) -> Iterator[Path]:
    """The folders in it that are no one's secret, by name.

    Raises:
        LoadkitError: it cannot be read.
    """
    try:
        found = sorted(reports.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise LoadkitError(
            f"cannot be read: {error.strerror or error}",
            where=str(reports),
            remedy="Name a folder with --reports.",
        ) from None
    yield from (path for path in found if path.is_dir() and not path.name.startswith("."))


def _entry(path: Path, analysing: bool) -> Entry:
    if not (path / manifests.NAME).exists():
        return Entry(path.name, "foreign", why=f"no bundle: {manifests.NAME} is missing")
    try:
        manifest = load_manifest(path)
    except BundleError as error:
        return Entry(path.name, "broken", why=f"broken: {error.what}")
    here = (path.name, state_of(path, manifest), manifest.created, manifest.name)
    report = (path / REPORT).exists()
    if here[1] == "running":
        return Entry(*here, report=report)
    summary = _kept(path, manifest)
    if summary is None and analysing:
        try:
            summary = _made(path, manifest)
        except Exception as error:  # whatever is wrong with one bundle, the others are listed
            what = error.what if isinstance(error, LoadkitError) else f"{type(error).__name__}"
            return Entry(path.name, "broken", why=f"broken: {what}")
    state = here[1] if summary is None else summary.state
    return Entry(path.name, state, manifest.created, manifest.name, summary, report=report)


def state_of(path: Path, manifest: Manifest) -> str:
    """``running`` while some loadkit writes it, ``crashed`` when none does any more."""
    if manifest.state != "running":
        return manifest.state
    return "running" if _written(path, manifest) else "crashed"


def _written(path: Path, manifest: Manifest) -> bool:
    """Whether its supervisor lives, or whether it grew just now (by one on another machine)."""
    with contextlib.suppress(psutil.Error, ValueError, OverflowError):
        if manifest.supervisor_pid is not None:
            begun = datetime.fromisoformat(manifest.created).timestamp()
            # A number given to another process since is no sign of life.
            if psutil.Process(manifest.supervisor_pid).create_time() <= begun + _SLACK_S:
                return True
    stamps = []
    for file in (path, *path.glob("tables/*")):
        with contextlib.suppress(OSError):
            stamps.append(file.stat().st_mtime)
    return abs(time.time() - max(stamps, default=0.0)) < _FRESH_S


def _kept(path: Path, manifest: Manifest) -> Summary | None:
    try:
        summary = shelf_summary.from_json((path / shelf_summary.NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    # A summary copied from elsewhere tells of another run.
    return summary if summary is not None and summary.run_id == manifest.run_id else None


def _made(path: Path, manifest: Manifest) -> Summary:
    return keep(path, analyse(load_run(path)), manifest)


def keep(path: Path, analysis: Analysis, manifest: Manifest) -> Summary:
    """Writes a bundle's summary into it, where that can be, and returns it."""
    summary = summarise(analysis, manifest, loadkit.__version__)
    with contextlib.suppress(LoadkitError):  # a bundle that may only be read is listed all the same
        write(path / shelf_summary.NAME, summary.to_json())
    return summary


def write_index(reports: Path, found: list[Entry]) -> Path:
    """Writes the page of all runs.

    Raises:
        LoadkitError: it cannot be written, or an ``index.html`` of somebody else is there.
    """
    path = reports / INDEX
    if path.exists() and not _own(path):
        raise LoadkitError(
            "an index.html is there that loadkit did not write",
            where=str(path),
            remedy="Move it away, or keep runs in a folder of their own: --reports DIR.",
        )
    return write(path, shelf.render(found))


def _own(path: Path) -> bool:
    try:
        return shelf.MARK in path.read_text(encoding="utf-8", errors="replace")[:4000]
    except OSError:
        return False


def renew_index(reports: Path) -> None:
    """The page after a change in the folder; whatever fails, a run is worth more than its list.

    Bundles without a summary are not analysed for it.
    """
    with contextlib.suppress(Exception):
        write_index(reports, entries(reports, analysing=False))


def resolve(reports: Path, name: str) -> Path:
    """The bundle of that name: a folder in ``reports``, the only one beginning so, or ``latest``.

    A path to a bundle elsewhere is taken as well, where it has a slash in it.

    Raises:
        UsageError: there is none, or several.
    """
    if "/" in name:
        return Path(name)
    names = [path.name for path in folders(reports)]
    if name in names:
        return reports / name
    if name == LATEST:
        return _latest(reports)
    starting = [one for one in names if one.startswith(name)]
    if len(starting) == 1:
        return reports / starting[0]
    if starting:
        raise UsageError(
            f"{name!r} is the beginning of {len(starting)} runs: {', '.join(starting[:4])}"
            + (" …" if len(starting) > 4 else ""),
            where=str(reports),
            remedy="Give the whole name.",
        )
    close = difflib.get_close_matches(name, names, 1)
    raise UsageError(
        f"there is no run {name!r}",
        where=str(reports),
        remedy=f"Did you mean {close[0]}?" if close else "`loadkit list` shows what is there.",
    )


def _latest(reports: Path) -> Path:
    runs = [entry for entry in entries(reports, analysing=False) if entry.bundle]
    if not runs:
        raise UsageError(
            "there is no run yet",
            where=str(reports),
            remedy="`loadkit run` makes one; --reports names another folder.",
        )
    return reports / runs[0].folder
