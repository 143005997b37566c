"""A run on the terminal: followed while it goes on, and its summary."""

from __future__ import annotations

import asyncio
import sys

from loadkit.cli import INTERRUPTED
from loadkit.cli.screen import TerminalScreen, make_screen
from loadkit.report.text import summary
from loadkit.run.conduct import conduct
from loadkit.run.describe import Asked
from loadkit.run.finish import Outcome
from loadkit.run.interrupts import Interrupted
from loadkit.run.request import RunRequest


def drive(request: RunRequest, asked: Asked) -> int:
    """Does the run; returns the exit status.

    Args:
        request: what is to be run.
        asked: a load child that is importing its file.

    Raises:
        LoadkitError: there is nothing to judge.
    """
    screen = make_screen()
    try:
        outcome = asyncio.run(conduct(request, asked, screen, lambda found: _tell(found, screen)))
    except Interrupted:
        screen.clear()
        print("interrupted before anything was measured", file=sys.stderr)
        return INTERRUPTED
    finally:
        screen.clear()
    return outcome.exit_status


def _tell(outcome: Outcome, screen: TerminalScreen) -> None:
    """The summary, and on standard output the bundle."""
    screen.clear()
    print(summary(outcome.analysis, screen.width, screen.colour), file=sys.stderr)
    print(f"  report     {outcome.directory / 'report.html'}", file=sys.stderr, flush=True)
    print(outcome.directory, flush=True)
