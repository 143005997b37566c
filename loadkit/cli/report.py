"""``loadkit report``."""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from loadkit.analyse import analyse
from loadkit.analyse.difference import difference
from loadkit.analyse.result import Analysis
from loadkit.bundle.reader import load_run
from loadkit.cli.command import refuse_unknown
from loadkit.report import difference as difference_report
from loadkit.report import markdown
from loadkit.report.formats import FORMATS
from loadkit.report.write import write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit report``."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder that run printed")
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="BUNDLE",
        help="a bundle to be set beside it: plain differences, no judgement",
    )
    parser.add_argument("--format", choices=tuple(FORMATS), default="html")
    parser.add_argument(
        "--output", metavar="FILE", help="a file, or - for standard output (default: in the bundle)"
    )


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command. The status is 0 when the report was made, whatever it says."""
    refuse_unknown(unknown, "loadkit report")
    form = FORMATS[options.format]
    analysis = _analysed(options.bundle, options.baseline)
    if options.output == "-":
        sys.stdout.write(form.render(analysis))
        return 0
    path = Path(options.output) if options.output else options.bundle / f"report{form.suffix}"
    write(path, _beside(path, analysis) if form.pictures else form.render(analysis))
    print(path)
    if analysis.difference is not None:
        print("\n" + difference_report.summary(analysis, shutil.get_terminal_size().columns))
    return 0


def _analysed(bundle: Path, baseline: Path | None) -> Analysis:
    run = load_run(bundle)
    analysis = analyse(run)
    if baseline is None:
        return analysis
    other = load_run(baseline)
    against = difference(analysis, analyse(other), run.manifest, other.manifest)
    return replace(analysis, difference=against)


def _beside(path: Path, analysis: Analysis) -> str:
    """Markdown that shows pictures, which are written beside it."""
    from loadkit.report.figures import figures  # its library takes a while to import

    names = []
    for name, picture in figures(analysis).items():
        beside = path.with_name(f"{path.stem}-{name}")
        write(beside, picture)
        names.append(beside.name)
    return markdown.render(analysis, names)
