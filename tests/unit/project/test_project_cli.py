"""The commands' list, and that one command imports only what it needs."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from loadkit.cli import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_called_as_it_is_listed(name: str) -> None:
    module = importlib.import_module(f"loadkit.cli.{COMMANDS[name]}")
    assert name == module.NAME
    assert module.HELP
    assert callable(module.execute)


def test_a_command_does_not_import_the_others() -> None:
    wanted = """
import sys
from loadkit.cli import make_parser
make_parser(["config"])
print(sorted({"pandas", "matplotlib", "pyarrow"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", wanted], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
