"""Options that several commands have, and what their values may be."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from loadkit.errors import UsageError
from loadkit.scenario.durations import parse_duration

# Locust's own ways that loadkit does otherwise; a silent pass-through would do something else
# than was asked for.
_REPLACED = {
    "--master": "Use --workers N, or --expect-workers N for workers on other machines.",
    "--worker": "A worker is started by: python -m loadkit.load worker FILE --connect HOST.",
    "--processes": "Use --workers N.",
    "--web": "loadkit has no web UI: the report is in the bundle.",
    "--autostart": "loadkit always starts by itself; leave it out.",
    "--autoquit": "loadkit always ends by itself; leave it out.",
    "--html": "loadkit writes report.html into the bundle.",
    "--csv": "the bundle holds every number: loadkit report BUNDLE --format json.",
    "--json": "loadkit report BUNDLE --format json.",
    "--config": "give the options on the command line.",
}


def add_load(group: argparse._ArgumentGroup) -> None:
    """Where the load goes and how much of it: --host, --set and those of a plain locustfile."""
    group.add_argument("-H", "--host", metavar="URL", help="where the load goes")
    group.add_argument("-u", "--users", type=whole, metavar="N", help="users at once")
    group.add_argument(
        "-r", "--spawn-rate", type=positive, metavar="R", help="users started a second"
    )
    group.add_argument(
        "-t", "--duration", "--run-time", type=seconds, metavar="TIME", help="90s, 2m, 1h30m"
    )
    group.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="STAGE.KEY=VALUE",
        help="override a stage of a scenario: peak.rate=200, peak.duration=60",
    )
    group.add_argument("--headless", action="store_true", help=argparse.SUPPRESS)
    group.add_argument("-f", "--locustfile", type=Path, help=argparse.SUPPRESS)


def refuse_replaced(unknown: Sequence[str]) -> None:
    """Options of Locust that loadkit has something else for are no options of a locustfile.

    Raises:
        UsageError: one is among the words that no option took; with what to do instead.
    """
    for word in unknown:
        for replaced, instead in _REPLACED.items():
            if re.match(rf"{replaced}(?![a-z])", word):
                raise UsageError(f"{word.partition('=')[0]} is not for loadkit", remedy=instead)


def whole(text: str) -> int:
    """A whole number above 0, for argparse."""
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def positive(text: str) -> float:
    """A finite number above 0, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def ratio(text: str) -> float:
    """A number from 0 to 1, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def seconds(text: str) -> float:
    """Seconds from a duration such as 90s, 2m or 1h30m."""
    return parse_duration(text)
