"""``loadkit rm``."""

from __future__ import annotations

import argparse

from loadkit.cli.command import refuse_unknown
from loadkit.cli.shelf_options import add_reports, add_yes, agreed, reports_folder
from loadkit.run.shelf import LATEST, renew_index, resolve
from loadkit.run.shelf_tidy import check_removable, remove


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit rm``."""
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="NAME",
        help=f"a folder in reports/ or the beginning of its name, a path, or {LATEST}",
    )
    add_reports(parser)
    add_yes(parser)


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command. All names are checked before the first run goes."""
    refuse_unknown(unknown, "loadkit rm")
    reports = reports_folder(options)
    chosen = list(dict.fromkeys(resolve(reports, name) for name in options.runs))
    for path in chosen:
        check_removable(path)
    if not agreed(options, "remove", [str(path) for path in chosen]):
        print("nothing was removed")
        return 0
    for path in chosen:
        remove(path)
        print(f"removed {path}")
    renew_index(reports)
    return 0
