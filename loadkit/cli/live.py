"""Options of ``loadkit run`` to look at a run while it goes on."""

from __future__ import annotations

import argparse

from loadkit.cli.options import seconds
from loadkit.cli.quick import file_or_url
from loadkit.live.address import LOOPBACK, looks_like_address

ANY_PORT = f"{LOOPBACK}:0"


def add_live(group: argparse._ArgumentGroup) -> None:
    """``--live``, ``--live-hold`` and ``--metrics-listen``."""
    group.add_argument(
        "--live",
        nargs="?",
        const=ANY_PORT,
        metavar="[HOST:]PORT",
        help="serve the report of the run so far (default: a free port of loopback)",
    )
    group.add_argument(
        "--live-hold",
        type=seconds,
        metavar="TIME",
        help="go on serving it so long after the run, or until Ctrl-C",
    )
    group.add_argument(
        "--metrics-listen",
        type=with_host,
        metavar="[HOST:]PORT",
        help="serve loadkit's own metrics to a Prometheus while it runs",
    )


def with_host(text: str) -> str:
    """A port alone is one of loopback."""
    return f"{LOOPBACK}:{text}" if text.isdigit() else text


def take_back_file(options: argparse.Namespace) -> None:
    """``--live FILE`` means ``--live`` and FILE: argparse has taken the one for the other."""
    word = options.live
    if word is None or looks_like_address(word) or options.file is not None or options.url:
        return
    options.file, options.live = file_or_url(word), ANY_PORT
