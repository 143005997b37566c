"""``loadkit list``."""

from __future__ import annotations

import argparse
import sys

from loadkit.cli.command import refuse_unknown
from loadkit.cli.shelf_options import add_reports, reports_folder
from loadkit.report import shelf
from loadkit.run.shelf import entries, write_index


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit list``."""
    add_reports(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument(
        "--html", action="store_true", help="write the page of all runs, index.html, beside them"
    )
    parser.epilog = (
        "p95, rate and errors are of the busiest measured stage. A run without a summary is\n"
        "analysed first, once."
    )


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command."""
    refuse_unknown(unknown, "loadkit list")
    reports = reports_folder(options)
    found = entries(reports, analysing=True)
    if options.json:
        sys.stdout.write(shelf.as_json(found, str(reports)))
    elif options.html:
        reports.mkdir(parents=True, exist_ok=True)
        print(write_index(reports, found))
    elif found:
        print(shelf.table(found))
    else:
        print(f"no run in {reports} yet: `loadkit run` makes one", file=sys.stderr)
    return 0
