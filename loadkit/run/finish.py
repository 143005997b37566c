"""After measuring: the bundle compacted, judged, rendered. Works from what is on disk alone."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from loadkit.analyse import analyse
from loadkit.analyse.result import Analysis
from loadkit.bundle.reader import load_run
from loadkit.bundle.writer import compact
from loadkit.errors import LoadkitError
from loadkit.report.html import render
from loadkit.report.write import write
from loadkit.run.context import Run
from loadkit.run.shelf import keep, renew_index

REPORT = "report.html"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run: where it is, what it showed, and the exit status it asks for."""

    directory: Path
    analysis: Analysis
    exit_status: int


def close_bundle(run: Run) -> None:
    """Ends the streams and makes the bundle what it will stay."""
    run.manifest.lost_rows = run.writer.close()
    run.writer.release_reserve()
    run.manifest.cut_tables = compact(run.directory)
    if run.manifest.state == "running":
        run.manifest.state = _state(run)
    run.manifest.supervisor_pid = None
    run.save_manifest()


def _state(run: Run) -> str:
    reason = (run.manifest.load_end or {}).get("reason")
    known = {"finished": "complete", "interrupted": "interrupted", "aborted": "aborted"}
    return known.get(str(reason), "failed")


def judge(run: Run) -> Outcome:
    """Reads the bundle back, analyses it and writes the report into it."""
    analysis = analyse(load_run(run.directory))
    run.manifest.exit_status = analysis.exit_status
    run.save_manifest()
    # On a disk that is still full the bundle is worth more than its report, which can be made
    # again elsewhere.
    with contextlib.suppress(LoadkitError):
        write(run.directory / REPORT, render(analysis))
    keep(run.directory, analysis, run.manifest)
    renew_index(run.directory.parent)
    return Outcome(run.directory, analysis, analysis.exit_status)
