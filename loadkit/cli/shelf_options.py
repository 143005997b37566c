"""Options of the commands that look into the folder of runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from loadkit.cli.options import positive
from loadkit.config import load_config
from loadkit.errors import UsageError
from loadkit.scenario.durations import parse_duration

_AGES = {"d": 86400.0, "w": 7 * 86400.0}


def add_reports(parser: argparse.ArgumentParser) -> None:
    """--reports of the commands that look into the folder of runs."""
    parser.add_argument(
        "--reports",
        type=Path,
        metavar="DIR",
        help="where runs are (default: run.reports of loadkit.toml, else reports/)",
    )


def reports_folder(options: argparse.Namespace) -> Path:
    """The folder of runs, by option, environment, file or default.

    Raises:
        UsageError: one was named that is not there; the default one need not be.
    """
    named: Path | None = options.reports
    if named is None:
        return load_config(Path.cwd()).run.reports
    if not named.is_dir():
        raise UsageError(
            "there is no such folder", where=str(named), remedy="Runs lie in reports/ by default."
        )
    return named


def add_yes(parser: argparse.ArgumentParser) -> None:
    """--yes of the commands that remove something."""
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask")


def agreed(options: argparse.Namespace, what: str, names: Sequence[str]) -> bool:
    """Whether the user wants it done to all of these, asked unless --yes was given.

    Raises:
        UsageError: nobody is there to be asked.
    """
    if options.yes:
        return True
    for name in names:
        print(name)
    if not sys.stdin.isatty():
        raise UsageError(f"nobody is there to be asked whether to {what} them", remedy="Add --yes.")
    return input(f"{what} {len(names)} of them? [y/N] ").strip().lower() in ("y", "yes")


def age(text: str) -> float:
    """Seconds from 30d, 2w, 12h or any duration, for argparse."""
    unit = text.strip().lower()[-1:]
    if unit in _AGES:
        return positive(text.strip()[:-1]) * _AGES[unit]
    return parse_duration(text)
