"""Finds the configuration files that loadkit brings along: ``guide`` and ``corrected``."""

from __future__ import annotations

import sys
from pathlib import Path

import loadkit
from loadkit.errors import StackError

SETS = ("guide", "corrected")


def config_file(which: str, name: str) -> Path:
    """The path of one file, such as ``config_file("corrected", "alerts.yml")``.

    Raises:
        StackError: this installation has no such file.
    """
    for base in _bases():
        path = base / which / name
        if path.is_file():
            return path
    raise StackError(
        f"the configuration file {which}/{name} is not part of this installation",
        remedy="Run loadkit from its source folder (make setup), or install it again.",
    )


def _bases() -> tuple[Path, ...]:
    beside_the_package = Path(loadkit.__file__).resolve().parents[1] / "config"
    return beside_the_package, Path(sys.prefix) / "share" / "loadkit" / "config"
