"""What Prometheus itself says about a rule file, by its own promtool."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from loadkit.errors import StackError

_RULE = re.compile(
    r'.*?: (?P<line>\d+):\d+: group "(?P<group>.*?)", rule (?P<index>\d+), "(?P<name>.*?)": '
    r"(?P<reason>.*)"
)
_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing promtool refuses. Without a group it is the file as a whole."""

    reason: str
    line: int | None = None
    group: str | None = None
    index: int | None = None
    name: str | None = None


def check(promtool: Path, name: str, text: str) -> tuple[Complaint, ...]:
    """Empty when Prometheus would load the file.

    Args:
        promtool: the program.
        name: the file's name, as it is to stand in messages.
        text: what is in it.

    Raises:
        StackError: promtool cannot be executed.
    """
    with tempfile.TemporaryDirectory(prefix="loadkit-rules-") as folder:
        file = Path(folder) / Path(name).name
        file.write_text(text, encoding="utf-8")
        try:
            done = subprocess.run(
                [str(promtool), "check", "rules", file.name],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StackError(f"promtool failed: {error}", where=str(promtool)) from error
    if done.returncode == 0:
        return ()
    complaints = [_complaint(line, file.name) for line in _lines(done.stderr or done.stdout)]
    return tuple(dict.fromkeys(complaints)) or (Complaint("promtool refuses it without a word"),)


def _lines(said: str) -> list[str]:
    lines = [line.strip() for line in said.splitlines()]
    return [line for line in lines if line and line != "FAILED:"]


def _complaint(line: str, name: str) -> Complaint:
    found = _RULE.fullmatch(line)
    if found is None:
        return Complaint(line.removeprefix(f"{name}: "))
    return Complaint(
        found["reason"], int(found["line"]), found["group"], int(found["index"]), found["name"]
    )
