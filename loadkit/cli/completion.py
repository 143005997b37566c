"""``loadkit completion``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import shtab

from loadkit.cli.command import refuse_unknown

NAME = "completion"

SHELLS = ("bash", "zsh", "fish")
_FOLDERS = ("DIR", "BUNDLE")
_FILES = ("FILE", "PATH", "DIR", "BUNDLE")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit completion``."""
    parser.add_argument("shell", choices=SHELLS, help="for which shell")
    parser.epilog = (
        'bash: eval "$(loadkit completion bash)" in ~/.bashrc\n'
        "zsh:  loadkit completion zsh > a file _loadkit in a folder of $fpath\n"
        "fish: loadkit completion fish > ~/.config/fish/completions/loadkit.fish"
    )


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command."""
    refuse_unknown(unknown, f"loadkit {NAME}")
    from loadkit.cli import make_parser  # it lists this command

    parser = make_parser()
    _mark_files(parser)
    # A plain prog: the module's path would be part of the functions' names.
    parser.prog = "loadkit"
    sys.stdout.write(shtab.complete(parser, options.shell))
    return 0


def _mark_files(parser: argparse.ArgumentParser) -> None:
    """Says which values are files or folders, by type and metavar."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _mark_files(command)
        elif action.choices is None and (kind := _kind(action)) is not None:
            action.complete = kind  # type: ignore[attr-defined]


def _kind(action: argparse.Action) -> object:
    metavar = str(action.metavar or "")
    if metavar in _FOLDERS:
        return shtab.DIRECTORY
    if action.type is Path or metavar in _FILES or metavar.endswith("|FILE"):
        return shtab.FILE
    return None
