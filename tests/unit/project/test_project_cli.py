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


@pytest.mark.parametrize("names", [[], ["config"], ["run"]])
def test_options_are_known_before_anything_heavy_is_imported(names: list[str]) -> None:
    wanted = f"""
import sys
from loadkit.cli import make_parser
make_parser({names})
print(sorted({{"locust", "matplotlib", "pandas", "pyarrow", "requests"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", wanted], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
