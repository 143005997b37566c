"""Runs ``loadkit bench`` in this process, as its command line does."""

from __future__ import annotations

import argparse
import json
from typing import Any, NamedTuple

import pytest

from loadkit.cli import bench
from loadkit.cli.command import Parser


class Done(NamedTuple):
    """How it ended and what it said."""

    status: int
    out: str
    err: str

    def document(self) -> dict[str, Any]:
        """Standard output as JSON."""
        found: dict[str, Any] = json.loads(self.out)
        return found


def run(capsys: pytest.CaptureFixture[str], *words: str) -> Done:
    """``loadkit bench WORDS``; errors of loadkit are raised."""
    parser = Parser(prog="loadkit bench")
    bench.add_arguments(parser)
    options, unknown = parser.parse_known_args(list(words), argparse.Namespace())
    status = bench.execute(options, unknown)
    said = capsys.readouterr()
    return Done(status, said.out, said.err)
