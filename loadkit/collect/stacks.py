"""py-spy's raw and dump formats → stacks, and its last words → counts. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

GIL, RUNNING, IDLE = "running_gil", "running", "idle"

# Where an interpreter, a thread or a greenlet begins, whatever the class in front of it.
_STARTS = frozenset({"_run_module_as_main", "<module>", "_bootstrap", "_bootstrap_inner", "_main"})
_COUNTS = re.compile(r"Samples: (\d+) Errors: (\d+)")
_FUNCTION = re.compile(r"^(?:.*\.)?([^.\s]+) \(")
# What `--threads` puts in front of a stack.
_THREAD = re.compile(r"thread \((?P<id>[^)]+)\)(?:: (?P<name>.*))?")


@dataclass(frozen=True, slots=True)
class Sight:
    """One thread's stack, as seen in a slice; ``frames`` root first, joined by ``;``."""

    slice: int
    thread: str | None
    state: str
    frames: str


@dataclass(frozen=True, slots=True)
class Stack:
    """A sight, how often it was seen, and whether it begins where a thread does."""

    sight: Sight
    count: int
    rooted: bool


def parse_raw(lines: Iterable[str], number: int) -> Counter[Sight]:
    """The stacks of a raw file of `--gil --threads`; lines of another form are left out."""
    counts: Counter[Sight] = Counter()
    for line in lines:
        frames, _, count = line.rstrip("\n").rpartition(" ")
        if not frames or not count.isdigit():
            continue
        first, _, rest = frames.partition(";")
        thread = _THREAD.fullmatch(first)
        if thread is not None:
            frames = rest
        name = None if thread is None else thread_name(thread["id"], thread["name"])
        if frames:
            counts[Sight(number, name, GIL, frames)] += int(count)
    return counts


def parse_dump(text: str, number: int) -> Counter[Sight] | None:
    """What every thread was doing in a `dump --json`; None when it is none."""
    try:
        threads = json.loads(text)
        return Counter(_sight(thread, number) for thread in threads if thread["frames"])
    except (ValueError, TypeError, KeyError):
        return None


def _sight(thread: dict[str, Any], number: int) -> Sight:
    state = GIL if thread["owns_gil"] else RUNNING if thread["active"] else IDLE
    frames = ";".join(_frame(frame) for frame in reversed(thread["frames"]))
    name = thread_name(thread.get("os_thread_id"), thread.get("thread_name"))
    return Sight(number, name, state, frames)


def _frame(frame: dict[str, Any]) -> str:
    """As the raw format writes it."""
    where = frame.get("short_filename") or frame["filename"]
    return f"{frame['name']} ({where}:{frame['line']})" if frame["line"] else (
        f"{frame['name']} ({where})"
    )  # fmt: skip


def thread_name(number: object, name: str | None) -> str | None:
    """How a thread is shown: its name where it has one, and its id."""
    if number is None:
        return name or None
    return f"{name} ({number})" if name else f"thread {number}"


def stacks(counts: Counter[Sight]) -> list[Stack]:
    """In order of slices, the most frequent of each first.

    When no stack at all begins at a known start (a program that embeds Python), the most frequent
    first frame is taken for one.
    """
    starts: Counter[str] = Counter()
    for sight, count in counts.items():
        starts[_first(sight.frames)] += count
    known = {frame for frame in starts if _function(frame) in _STARTS}
    if not known and starts:
        known = {starts.most_common(1)[0][0]}
    return [
        Stack(sight, count, _first(sight.frames) in known)
        for sight, count in sorted(counts.items(), key=_order)
    ]


def _order(item: tuple[Sight, int]) -> tuple[int, int, str, str, str]:
    sight, count = item
    return sight.slice, -count, sight.frames, sight.thread or "", sight.state


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
