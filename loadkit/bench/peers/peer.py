"""What a load generator is to a bench: a command line, and what it says at the end."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from loadkit.errors import StackError

OPEN = "open"
CAPPED = "capped"
CLOSED = "closed"
_PATIENCE_S = 30


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be sent, for ``duration_s`` seconds.

    Without ``rate`` each of ``connections`` sends its next request when it has its answer; with
    it so many a second are sent, in the way the tool can (see ``Peer.model``). A ``body`` makes
    it POST with JSON, otherwise it is GET. Files go to ``directory``.
    """

    url: str
    connections: int
    duration_s: float
    directory: Path
    body: bytes | None = None
    rate: float | None = None

    @property
    def method(self) -> str:
        """GET or POST."""
        return "GET" if self.body is None else "POST"

    def body_file(self) -> Path:
        """The body in a file of ``directory``."""
        path = self.directory / "body.json"
        path.write_bytes(self.body or b"")
        return path


@dataclass(frozen=True, slots=True)
class Said:
    """A tool's own account. Times are seconds; None where it doesn't say.

    ``errors`` are answers other than 2xx and requests without one. ``p50`` to ``max`` are what the
    tool calls latency; ``service`` holds a second set, of tools that keep two. ``unsent`` were
    planned and given up.
    """

    requests: int
    errors: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None
    unsent: int = 0
    service: Said | None = None

    @classmethod
    def of(
        cls,
        requests: int,
        errors: int,
        times: Iterable[float | None],
        *,
        unsent: int = 0,
        service: Said | None = None,
    ) -> Said:
        """With ``times`` as p50, p95, p99 and max."""
        p50, p95, p99, most = times
        return cls(requests, errors, p50, p95, p99, most, unsent, service)


class Peer(Protocol):
    """A load generator.

    ``model`` says what it does with a rate: ``open`` (sends when it is time, however many answers
    are missing), ``capped`` (a closed loop that waits in between) or ``closed`` (cannot).
    ``note`` says what the latency of it counts from, or how it was set up, where a reader has to
    know.
    """

    name: str
    title: str
    model: str
    note: str

    def missing(self) -> str | None:
        """Why it cannot be run here; None when it can."""

    def version(self) -> str:
        """Its version, or ``?``."""

    def command(self, job: Job) -> list[str]:
        """Program and arguments; writes the files that they name."""

    def said(self, job: Job, out: str) -> Said:
        """What it said, from its standard output and its files.

        Raises:
            StackError: nothing that could be understood.
        """


def not_on_path(program: str) -> str | None:
    """``not on PATH``, or None."""
    return None if shutil.which(program) else f"{program} is not on PATH"


def asked(command: list[str], pattern: str) -> str:
    """The version that a program prints when asked, or ``?``."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "?"
    found = re.search(pattern, (done.stdout + done.stderr).decode("utf-8", "replace"))
    return found[1] if found else "?"


def packaged(name: str) -> str:
    """The version of a Debian package: of tools that do not know their own."""
    return asked(["dpkg-query", "-W", "-f", "${Version}", name], r"([\w.+~:-]+)")


def whole_seconds(seconds: float) -> int:
    """Seconds for tools that count in whole ones, rounded up."""
    return max(1, round(seconds + 0.49))


def read_json(text: str, tool: str) -> dict[str, Any]:
    """A JSON object in what a tool said.

    Raises:
        StackError: there is none.
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise not_understood(tool, text)
    return found


def read_file(path: Path, tool: str) -> str:
    """A file that a tool was to write.

    Raises:
        StackError: it did not.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise StackError(f"{tool} wrote no {path.name}") from None


def not_understood(tool: str, text: str) -> StackError:
    """An error about an output that is not what it was when this was written."""
    words = " ".join(text[-300:].split())
    return StackError(f"what {tool} said is not understood: {words or '(nothing)'}")
