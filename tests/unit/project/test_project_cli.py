"""The commands' list, and that one command imports only what it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from loadkit.cli import COMMANDS, module_of


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_module(name: str) -> None:
    assert COMMANDS[name]
    assert callable(module_of(name).execute)


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
