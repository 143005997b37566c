"""The source tree as the project's own tests see it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]

# Given or produced, not written by us.
_NOT_OURS = ("config/guide/", "requirements.lock")
_OURS = (
    "benchmarks",
    "config",
    "deploy",
    "docs",
    "loadkit",
    "scenarios",
    "tests",
    "tools",
    ".ci",
    ".importlinter",
)
_OURS_BY_NAME = (
    "pyproject.toml",
    "Makefile",
    "Dockerfile",
    "docker-compose.yml",
    ".dockerignore",
    "*.md",
    "reports/README.md",
)

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BASE: list[str] = PROJECT["project"]["dependencies"]
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
EVERYTHING = [*BASE, *(line for lines in EXTRAS.values() for line in lines)]


def normal(name: str) -> str:
    """A distribution's name as packaging tools compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required(line: str) -> str:
    """The name in a requirement such as ``httpx>=0.28``."""
    return normal(re.split(r"[\s<>=!~\[;]", line, maxsplit=1)[0])


def names(requirements: list[str]) -> set[str]:
    """Names of requirements."""
    return {required(line) for line in requirements}


@cache
def text_files() -> tuple[Path, ...]:
    """Text files of the project, whether committed yet or not, without what git ignores."""
    found = (ROOT / name for name in _listed() if not name.startswith(_NOT_OURS))
    return tuple(path for path in found if path.is_file() and _is_text(path))


def python_files(folder: str) -> tuple[Path, ...]:
    """Python files below a folder of the project."""
    return tuple(sorted((ROOT / folder).rglob("*.py")))


def shown(path: Path) -> str:
    """The path as one would type it."""
    return path.relative_to(ROOT).as_posix()


def _listed() -> list[str]:
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):  # an archive, or no git here
        tops = [ROOT / name for name in _OURS]
        tops += [path for pattern in _OURS_BY_NAME for path in ROOT.glob(pattern)]
        files = [file for top in tops for file in ([top] if top.is_file() else top.rglob("*"))]
        return [file.relative_to(ROOT).as_posix() for file in files]
    return [name for name in listing.stdout.split("\0") if name]


def _is_text(path: Path) -> bool:
    head = path.read_bytes()[:4096]
    return b"\0" not in head and "__pycache__" not in path.parts
