"""``loadkit prune``."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from loadkit.cli.command import refuse_unknown
from loadkit.cli.options import whole
from loadkit.cli.shelf_options import add_reports, add_yes, age, agreed, reports_folder
from loadkit.errors import UsageError
from loadkit.run.shelf import entries, renew_index
from loadkit.run.shelf_tidy import remove, to_prune


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit prune``."""
    parser.add_argument("--keep", type=whole, metavar="N", help="keep the newest N")
    parser.add_argument(
        "--older", type=age, metavar="TIME", help="remove those started longer ago: 30d, 12h"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be removed, and remove nothing"
    )
    add_reports(parser)
    add_yes(parser)
    parser.epilog = (
        "With both, a run goes for either reason. Runs under way are never touched, and folders\n"
        "that are no bundles neither."
    )


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command."""
    refuse_unknown(unknown, "loadkit prune")
    if options.keep is None and options.older is None:
        raise UsageError("prune what?", remedy="Give --keep N, --older 30d, or both.")
    reports = reports_folder(options)
    chosen = to_prune(
        entries(reports, analysing=False),
        keep=options.keep,
        older_s=options.older,
        now=datetime.now(UTC),
    )
    paths = [reports / entry.folder for entry in chosen]
    if not paths:
        print("nothing to remove")
        return 0
    if options.dry_run:
        for path in paths:
            print(f"would remove {path}")
        return 0
    if not agreed(options, "remove", [str(path) for path in paths]):
        print("nothing was removed")
        return 0
    for path in paths:
        remove(path)
        print(f"removed {path}")
    renew_index(reports)
    return 0
