"""What the entries of ``[[process]]`` and ``[[log]]`` must have beyond well-formed keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from loadkit.config.shape import Log, Process
from loadkit.errors import UsageError

OWN_NAMES = ("loadkit", "generator", "host")
"""What loadkit calls its own processes and the machine."""
_WAYS = ("pid", "command", "port")


def process(entry: Process, given: set[str], at: str) -> Process:
    """The entry with a name.

    Raises:
        UsageError: not exactly one of pid, command and port says which process it is.
    """
    ways = [way for way in _WAYS if way in given]
    if len(ways) != 1:
        said = f"{' and '.join(ways)} at once" if ways else "neither pid, command nor port"
        raise UsageError(
            f"[[process]] names {said}",
            where=at,
            remedy='Give exactly one of pid = 4711, command = "uvicorn shop" and port = 8000.',
        )
    way = ways[0]
    value = getattr(entry, way)
    return replace(entry, name=entry.name or (value if way == "command" else f"{way} {value}"))


def log(entry: Log, given: set[str], at: str) -> Log:
    """The entry with a name.

    Raises:
        UsageError: it names no file.
    """
    if "file" not in given:
        raise UsageError("[[log]] names no file", where=at, remedy='Add file = "shop.log".')
    return replace(entry, name=entry.name or Path(entry.file).stem)


def unique(entries: Sequence[Process | Log], section: str, at: Sequence[str]) -> None:
    """Names tell entries apart.

    Raises:
        UsageError: two have the same one, or one is loadkit's own.
    """
    seen: set[str] = set()
    for entry, where in zip(entries, at, strict=True):
        if entry.name in seen:
            raise UsageError(
                f"[[{section}]] {entry.name!r} is there twice",
                where=where,
                remedy="Give each a name of its own.",
            )
        if section == "process" and entry.name in OWN_NAMES:
            raise UsageError(
                f"[[process]] must not be called {entry.name!r}, as a process of loadkit is",
                where=where,
                remedy="Choose another name.",
            )
        seen.add(entry.name)
