"""``loadkit report``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import loadkit.report.html
import loadkit.report.json
from loadkit.analyse import analyse
from loadkit.analyse.result import Analysis
from loadkit.bundle.reader import load_run
from loadkit.cli.command import refuse_unknown
from loadkit.report.write import write

NAME = "report"
HELP = "make the report of a bundle again"

FORMATS: Mapping[str, Callable[[Analysis], str]] = {
    "html": loadkit.report.html.render,
    "json": loadkit.report.json.render,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit report``."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder that run printed")
    parser.add_argument("--format", choices=tuple(FORMATS), default="html")
    parser.add_argument(
        "--output", metavar="FILE", help="a file, or - for standard output (default: in the bundle)"
    )


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command. The status is 0 when the report was made, whatever it says."""
    refuse_unknown(unknown, "loadkit report")
    text = FORMATS[options.format](analyse(load_run(options.bundle)))
    if options.output == "-":
        sys.stdout.write(text)
        return 0
    path = Path(options.output) if options.output else options.bundle / f"report.{options.format}"
    write(path, text)
    print(path)
    return 0
