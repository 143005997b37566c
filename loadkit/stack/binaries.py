"""Finds the servers: on PATH, else among the packages that loadkit unpacked for itself."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from loadkit.errors import StackError
from loadkit.stack import packages

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tool:
    """A program the stack needs; Debian calls some of them otherwise than their makers do."""

    name: str
    spellings: tuple[str, ...]
    package: str


TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("prometheus", ("prometheus",), "prometheus"),
        Tool("promtool", ("promtool",), "prometheus"),
        Tool(
            "alertmanager", ("prometheus-alertmanager", "alertmanager"), "prometheus-alertmanager"
        ),
        Tool("amtool", ("amtool",), "prometheus-alertmanager"),
        Tool(
            "node_exporter",
            ("prometheus-node-exporter", "node_exporter"),
            "prometheus-node-exporter",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Binary:
    """A program that was found. ``directory`` is where it must be started, when that matters."""

    path: Path
    origin: str
    directory: Path | None = None

    def version(self) -> str:
        """What ``--version`` says, such as ``"2.42.0+ds"``; ``"unknown"`` when it says nothing.

        Raises:
            StackError: it cannot be executed.
        """
        try:
            said = subprocess.run(
                [str(self.path), "--version"],
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StackError(f"cannot be executed: {error}", where=str(self.path)) from error
        found = re.search(r"version (\S+)", said.stdout + said.stderr)
        return found[1] if found else "unknown"


def find(names: Iterable[str] = tuple(TOOLS)) -> dict[str, Binary]:
    """Name → program, of those that are there; looks on PATH first. Downloads nothing."""
    found = {}
    for name in names:
        tool = TOOLS[name]
        binary = _on_path(tool) or _unpacked(tool)
        if binary is not None:
            found[name] = binary
    return found


def ensure(progress: Progress, names: Iterable[str] = tuple(TOOLS)) -> dict[str, Binary]:
    """Name → program, of all named; what is missing is downloaded where that is possible.

    Raises:
        StackError: something is missing and this system has no Debian packages, or the download
            failed. The message names what to install.
    """
    wanted = tuple(names)
    found = find(wanted)
    missing = [name for name in wanted if name not in found]
    if not missing:
        return found
    needed = sorted({TOOLS[name].package for name in missing})
    if not packages.available():
        raise StackError(
            f"{', '.join(missing)} not found on PATH",
            remedy=(
                f"Install {', '.join(_makers_name(name) for name in missing)} and put them on "
                "PATH, or use a stack that runs elsewhere (the compose backend, or "
                "--prometheus URL)."
            ),
        )
    packages.install(needed, progress)
    found = find(wanted)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise StackError(
            f"{', '.join(missing)} not in the packages {', '.join(needed)} of this system",
            remedy="Install them yourself and put them on PATH.",
        )
    return found


def _makers_name(name: str) -> str:
    return TOOLS[name].spellings[-1]


def _on_path(tool: Tool) -> Binary | None:
    for spelling in tool.spellings:
        path = shutil.which(spelling)
        if path is not None:
            return Binary(Path(path).absolute(), "PATH")
    return None


def _unpacked(tool: Tool) -> Binary | None:
    directory = packages.unpacked(tool.package)
    if directory is None:
        return None
    for spelling in tool.spellings:
        path = directory / "usr" / "bin" / spelling
        if path.is_file():
            return Binary(path, "package", directory)
    return None
