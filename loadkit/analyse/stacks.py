"""The stacks of one profile, told apart by the kind of slice they were seen in."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from loadkit.analyse.context import Context, present, text_or_none
from loadkit.analyse.proportions import Sampled

UNROOTED = "(stack without its beginning)"
DEEPEST = 200
GIL, RUNNING, IDLE = "running_gil", "running", "idle"
_LINE = re.compile(r":\d+\)$")
_ID = re.compile(r" \(\d+\)$")
_NUMBER = re.compile(r"(?<=[-_])\d+")


@dataclass(frozen=True, slots=True)
class Row:
    """A stack, root first and without lines, and how often it was seen in a slice."""

    frames: tuple[str, ...]
    count: int
    rooted: bool
    thread: str | None
    state: str
    slice: int

    @property
    def path(self) -> tuple[str, ...]:
        """Where it hangs in a flame graph: below its kind of thread, where that is known."""
        top = () if self.thread is None else (f"thread {kind_of(self.thread)}",)
        return (*top, *(() if self.rooted else (UNROOTED,)), *self.frames)


@dataclass(frozen=True, slots=True)
class Stacks:
    """A profile's rows: ``held`` the lock when sampled; ``looked`` at, with all threads.

    Older bundles know no slices: all their rows are ``held``, in one slice.
    """

    held: tuple[Row, ...]
    looked: tuple[Row, ...]

    @property
    def samples(self) -> int:
        """Samples that held the lock."""
        return sum(row.count for row in self.held)

    def slices(self) -> dict[int, int]:
        """Samples that held the lock, by slice."""
        return summed((row.slice, row.count) for row in self.held)


def summed(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Counts by slice, in order."""
    found: dict[int, int] = {}
    for number, count in pairs:
        found[number] = found.get(number, 0) + count
    return dict(sorted(found.items()))


def sampled(hits: dict[int, int], slices: dict[int, int]) -> Sampled:
    """How often something was seen in each of the slices."""
    return Sampled([hits.get(number, 0) for number in slices], list(slices.values()))


@cache
def function(frame: str) -> str:
    """A frame without its line number: lines of one function belong together."""
    return _LINE.sub(")", frame.strip())


def kind_of(thread: str) -> str:
    """A thread's name without what tells it from others of its pool."""
    name = _ID.sub("", thread)
    return "without a name" if name.startswith("thread ") else _NUMBER.sub("*", name)


def stacks_of(context: Context, stage: str, process: str) -> Stacks:
    """The stacks of a process in a stage."""
    run = context.run
    slices = _of(run.profile_slices, stage, process)
    looks = set(slices[slices["kind"] == "states"]["slice"].dropna().astype(int))
    rows = [
        row for record in _of(run.profiles, stage, process).to_dict("records")
        if (row := _row(record)) is not None
    ]  # fmt: skip
    return Stacks(
        tuple(row for row in rows if row.slice not in looks),
        tuple(row for row in rows if row.slice in looks),
    )


def _of(table: pd.DataFrame, stage: str, process: str) -> pd.DataFrame:
    return table[(table["stage"] == stage) & (table["process"] == process)]


def _row(record: Mapping[Hashable, Any]) -> Row | None:
    stack = text_or_none(record["stack"])
    if stack is None:
        return None
    rooted, number = record["rooted"], record.get("slice")
    return Row(
        tuple(function(part) for part in stack.split(";")[:DEEPEST]),
        int(record["count"]),
        bool(rooted) if present(rooted) else True,
        text_or_none(record.get("thread")),
        text_or_none(record.get("state")) or GIL,
        int(number) if number is not None and present(number) else 0,
    )
