"""The command line: one file a command, one line in the list."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import loadkit
from loadkit.cli import (
    bench,
    completion,
    config,
    export,
    init,
    listing,
    notebook,
    plan,
    prune,
    report,
    rm,
    run,
    show,
    stack,
)
from loadkit.cli.command import Command, Parser
from loadkit.errors import LoadkitError, UsageError

COMMANDS: tuple[Command, ...] = (
    init,
    run,
    plan,
    report,
    listing,
    show,
    rm,
    prune,
    export,
    notebook,
    config,
    stack,
    bench,
    completion,
)
INTERRUPTED = 130
DEBUG = "LOADKIT_DEBUG"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit status (docs/exit-statuses.md)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(arguments)
    except LoadkitError as error:
        print(_told(error), file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:
        # Nobody reads on: not an error of ours, and Python must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return LoadkitError.exit_status
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        print(_told(_mistake(error)), file=sys.stderr)
        return LoadkitError.exit_status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def make_parser() -> Parser:
    """The parser of every command, whose options name the command that takes them."""
    parser = Parser(prog="loadkit", description="Drive a service, watch it, judge what was seen.")
    parser.add_argument("--version", action="version", version=f"loadkit {loadkit.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        own = commands.add_parser(
            command.NAME,
            help=command.HELP,
            description=command.HELP,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(own)
        own.set_defaults(command=command)
    return parser


def _dispatch(arguments: list[str]) -> int:
    parser = make_parser()
    if not arguments:
        parser.print_help(sys.stderr)
        return UsageError.exit_status
    options, unknown = parser.parse_known_args(arguments)
    chosen: Command = options.command
    return chosen.execute(options, unknown)


def _mistake(error: Exception) -> LoadkitError:
    """A mistake in loadkit itself, where a traceback would help nobody but us."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return LoadkitError(
        f"loadkit failed: {type(error).__name__}: {error}",
        where=f"{Path(frame.filename).name}:{frame.lineno}",
        remedy=f"A mistake in loadkit; {DEBUG}=1 shows where. A bundle already begun stays.",
    )


def _told(error: LoadkitError) -> str:
    head, *rest = str(error).splitlines()
    return "\n".join([f"error: {head}", *(f"       {line}" for line in rest)])


def entry() -> NoReturn:
    """For ``python -m loadkit``."""
    sys.exit(main())
