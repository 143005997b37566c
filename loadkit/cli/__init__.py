"""The command line: one file a command, one line in the list."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import loadkit
from loadkit.cli.command import Command, Parser
from loadkit.errors import LoadkitError, UsageError

COMMANDS: Mapping[str, str] = {
    "init": "init",
    "run": "run",
    "plan": "plan",
    "report": "report",
    "list": "listing",
    "show": "show",
    "rm": "rm",
    "prune": "prune",
    "export": "export",
    "notebook": "notebook",
    "config": "config",
    "stack": "stack",
    "bench": "bench",
    "completion": "completion",
}
"""Name of each command and of its module here, which is imported when the command is wanted: what
all of them import together takes seconds."""

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


def make_parser(names: Iterable[str] = COMMANDS) -> Parser:
    """The parser of these commands, by default of all; the options name the command."""
    parser = Parser(prog="loadkit", description="Drive a service, watch it, judge what was seen.")
    parser.add_argument("--version", action="version", version=f"loadkit {loadkit.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in names:
        command: Command = importlib.import_module(f"loadkit.cli.{COMMANDS[name]}")
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
    parser = make_parser(arguments[:1] if set(arguments[:1]) & set(COMMANDS) else COMMANDS)
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
