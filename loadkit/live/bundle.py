"""The report of a bundle that is being written, made again only when there is something new."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from loadkit.analyse import analyse
from loadkit.bundle.manifest import NAME as MANIFEST
from loadkit.bundle.reader import load_run
from loadkit.bundle.writer import TABLES_FOLDER
from loadkit.report.html import render

REPORT = "report.html"


@dataclass(frozen=True, slots=True)
class Edition:
    """One state of the report."""

    text: str
    etag: str
    run_id: str
    final: bool = False


class Newsroom:
    """Makes editions of one bundle. Blocks: for a thread.

    Attributes:
        cost_s: CPU seconds that the last edition took.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.cost_s = 0.0
        self._seen: object = None
        self._last: Edition | None = None

    def latest(self) -> Edition:
        """The report so far; the last one again where the bundle has not changed.

        Raises:
            BundleError: the folder is no bundle.
        """
        now = _fingerprint(self.directory)
        if self._last is not None and now == self._seen:
            return self._last
        began = time.thread_time()
        run = load_run(self.directory)
        text = render(analyse(run, live=True))
        self.cost_s = time.thread_time() - began
        self._seen = now
        self._last = edition(text, run.manifest.run_id)
        return self._last

    def final(self) -> Edition:
        """What stays: ``report.html`` byte for byte, or what it would be where it is missing."""
        run_id = "" if self._last is None else self._last.run_id
        try:
            text = (self.directory / REPORT).read_bytes().decode("utf-8")
        except OSError:
            text = render(analyse(load_run(self.directory)))
        return edition(text, run_id, final=True)


def edition(text: str, run_id: str, *, final: bool = False) -> Edition:
    """The text with the tag that tells it from others."""
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
    return Edition(text, f'"{digest}{"-final" if final else ""}"', run_id, final)


def _fingerprint(directory: Path) -> object:
    """What changes whenever something is written."""
    found = []
    for path in (directory / MANIFEST, *sorted((directory / TABLES_FOLDER).glob("*"))):
        try:
            stat = path.stat()
        except FileNotFoundError:  # a stream that has just become a Parquet file
            continue
        found.append((path.name, stat.st_size, stat.st_mtime_ns))
    return tuple(found)
