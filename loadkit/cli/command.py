"""What a command is, and a parser whose complaints look like all others."""

from __future__ import annotations

import argparse
from typing import NoReturn, Protocol

from loadkit.errors import UsageError


class Command(Protocol):
    """A module in this folder."""

    def add_arguments(self, parser: argparse.ArgumentParser, /) -> None:
        """Adds the command's options."""

    def execute(self, options: argparse.Namespace, unknown: list[str], /) -> int:
        """Does it; returns the exit status.

        Args:
            options: parsed options.
            unknown: words that no option took.
        """


class Parser(argparse.ArgumentParser):
    """argparse, but a wrong option is a UsageError like any other."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("allow_abbrev", False)  # a guess would swallow a locustfile's own option
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Raises instead of printing the usage and leaving."""
        raise UsageError(message, remedy=f"See {self.prog} --help.")


def refuse_unknown(unknown: list[str], prog: str) -> None:
    """Words that no option took are an error.

    Raises:
        UsageError: there are some.
    """
    if unknown:
        raise UsageError(f"unknown option {unknown[0]}", remedy=f"See {prog} --help.")
