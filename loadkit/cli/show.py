"""``loadkit show``."""

from __future__ import annotations

import argparse
import os
import shutil
import sys

from loadkit.analyse import analyse
from loadkit.bundle.manifest import load_manifest
from loadkit.bundle.reader import load_run
from loadkit.cli.command import refuse_unknown
from loadkit.cli.shelf_options import add_reports, reports_folder
from loadkit.report.text import summary
from loadkit.run.shelf import LATEST, REPORT, keep, resolve, state_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit show``."""
    parser.add_argument(
        "run",
        metavar="NAME",
        help=f"a folder in reports/ or the beginning of its name, a path, or {LATEST}",
    )
    add_reports(parser)


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command. The status is 0 when there is something to show, whatever it says."""
    refuse_unknown(unknown, "loadkit show")
    bundle = resolve(reports_folder(options), options.run)
    manifest = load_manifest(bundle)
    running = state_of(bundle, manifest) == "running"
    analysis = analyse(load_run(bundle), live=running)
    if not running:
        keep(bundle, analysis, manifest)
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print(f"{analysis.name} · {analysis.started.replace('T', ' ').replace('Z', ' UTC')}\n")
    print(summary(analysis, shutil.get_terminal_size().columns, colour))
    if running:
        print("  so far     the run is under way")
    elif (bundle / REPORT).exists():
        print(f"  report     {bundle / REPORT}")
    print(f"  bundle     {bundle}")
    return 0
