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
    "init": "write settings and a first scenario, from a URL, an OpenAPI document or a HAR file",
    "run": "drive a scenario or a locustfile, watch everything, write a bundle and a report",
    "plan": "draw and count the planned load, and try each task once with every request shown",
    "report": "make the report of a bundle again",
    "list": "the runs in reports/, newest first",
    "show": "the summary of a run, as at its end",
    "rm": "remove runs",
    "prune": "remove old runs",
    "export": "write the numbers of a bundle as CSV or Parquet",
    "notebook": "put a notebook that reads a bundle into it, and open it",
    "config": "print every setting with its value and origin; --check contacts what is named",
    "stack": "start the embedded stack by itself, look at it, stop it, fetch its servers",
    "bench": "measure loadkit itself, beside other load generators",
    "completion": "print what makes a shell complete loadkit's commands, options and files",
}
"""Name of each command and what it is for. Its module is imported when the command is wanted: what
all of them import together takes seconds."""

_MODULES = {"list": "listing"}  # of those that are not called as the command is
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


def module_of(name: str) -> Command:
    """The module of a command."""
    found: Command = importlib.import_module(f"loadkit.cli.{_MODULES.get(name, name)}")
    return found


def make_parser(wanted: Iterable[str] = COMMANDS) -> Parser:
    """The parser of all commands, with the options of those that are wanted, by default of all.

    The parsed options name the command.
    """
    parser = Parser(prog="loadkit", description="Drive a service, watch it, judge what was seen.")
    parser.add_argument("--version", action="version", version=f"loadkit {loadkit.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, purpose in COMMANDS.items():
        own = commands.add_parser(
            name,
            help=purpose,
            description=purpose,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in wanted:
            command = module_of(name)
            command.add_arguments(own)
            own.set_defaults(command=command)
    return parser


def _dispatch(arguments: list[str]) -> int:
    parser = make_parser([word for word in arguments if word in COMMANDS][:1])
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
