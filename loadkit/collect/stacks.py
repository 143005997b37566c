"""py-spy's raw format → stacks, and its last words → counts. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

# Where an interpreter, a thread or a greenlet begins, whatever the class in front of it.
_STARTS = frozenset({"_run_module_as_main", "<module>", "_bootstrap", "_bootstrap_inner", "_main"})
_COUNTS = re.compile(r"Samples: (\d+) Errors: (\d+)")
_FUNCTION = re.compile(r"^(?:.*\.)?([^.\s]+) \(")


@dataclass(frozen=True, slots=True)
class Stack:
    """Frames root first joined by ``;``, how often seen, whether it begins where a thread does."""

    frames: str
    count: int
    rooted: bool


def parse(lines: Iterable[str]) -> list[Stack]:
    """The stacks of a raw file, added up, most frequent first; lines of another form are left out.

    When no stack at all begins at a known start (a program that embeds Python), the most frequent
    first frame is taken for one.
    """
    counts: Counter[str] = Counter()
    for line in lines:
        frames, _, number = line.rstrip("\n").rpartition(" ")
        if frames and number.isdigit():
            counts[frames] += int(number)
    starts: Counter[str] = Counter()
    for frames, count in counts.items():
        starts[_first(frames)] += count
    known = {frame for frame in starts if _function(frame) in _STARTS}
    if not known and starts:
        known = {starts.most_common(1)[0][0]}
    return [
        Stack(frames, count, _first(frames) in known)
        for frames, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _first(frames: str) -> str:
    return frames.partition(";")[0]


def _function(frame: str) -> str:
    found = _FUNCTION.match(frame)
    return found[1] if found else frame


def counts(said: str) -> tuple[int, int] | None:
    """(samples, errors) that py-spy reports at its end; None when it reports none."""
    found = _COUNTS.search(said)
    return (int(found[1]), int(found[2])) if found else None


def why(said: str, pid: int) -> tuple[str, str]:
    """(what, remedy) of a py-spy that failed with these last words."""
    low = said.lower()
    if "permission denied" in low or "operation not permitted" in low:
        remedy = (
            "Run loadkit as the user of that process or as root; where "
            "/proc/sys/kernel/yama/ptrace_scope is 1 or more, as root or after "
            "`sudo sysctl kernel.yama.ptrace_scope=0`; in a container, with SYS_PTRACE."
        )
        return f"process {pid} may not be sampled", remedy
    if "no such process" in low or "no such file or directory (os error 2)" in low:
        return f"process {pid} is not there", "Has it ended? Give the pid of a running process."
    if "find" in low and "python" in low:
        return (
            f"process {pid} is no Python that py-spy knows",
            "Give the pid of the interpreter itself, not of a shell or launcher around it.",
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["nothing"]
    # Its error comes first, then causes and a backtrace.
    error = next((line for line in lines if line.startswith("Error")), lines[0])
    return f"py-spy failed and said: {error}", "See `py-spy record --help`."
