"""Reads one file of memray and prints what is in it as JSON; a process of its own.

    python -m loadkit.collect.memory_read FILE [ROOT …]

Reading takes seconds and hundreds of megabytes for a busy service, and a file that was cut may
end the reader with it. Command lines may hold secrets: the one in the file's header is
overwritten first, so that neither the file nor what is made of it has any.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path, PurePath
from typing import Any

SNAPSHOTS = 400
"""Points of the heap's course that are kept: with a stage of 20 s one every 50 ms."""
SETTLED = 0.25
"""Share of the time that is left out at the start where kept memory is told by stack: what was
there before is not known to the tracker, so that everything which merely takes its place looks
new until all of it has been replaced once."""
LASTING = 0.15
"""Share of the time that an allocation has to live to be called lasting: 3 s of 20. What requests
under way and queues hold is gone by then, however many there are. Of what was allocated in the
last part it is not known, so that the course ends before it."""
MOST_STACKS = 2000
MOST_LOCATIONS = 100
MOST_FUNCTIONS = 12
REST = "(smaller ones)"
ARENAS = "(arenas of small objects)"
"""Objects of up to 512 bytes live in arenas that CPython maps as a whole, under the name of whoever
needed the next one. They are kept apart: one more is a step of a mebibyte, at any time."""
ARENA_BYTES = frozenset({1 << 20, 256 << 10})  # since CPython 3.10, and before
NO_STACK = "(not Python)"

_MMAP = 14  # memray.AllocatorType.MMAP

Frame = tuple[str, str, int]


def main(arguments: Sequence[str]) -> int:
    """Prints the JSON; 2 with one line on standard error when the file cannot be read."""
    version = metadata.version("memray")
    path, roots = Path(arguments[0]), tuple(arguments[1:])
    try:
        forget_command_line(path)
        document = read(path, roots)
    except (OSError, RuntimeError, ValueError) as error:
        print(f"memray {version}: {error}", file=sys.stderr)
        return 2
    json.dump(document | {"version": version}, sys.stdout)
    return 0


def forget_command_line(path: Path) -> None:
    """Overwrites the command line in the header of a file that is not compressed."""
    import memray

    with memray.FileReader(path) as reader:
        told = reader.metadata.command_line.encode(errors="surrogateescape")
    if not told:
        return
    with path.open("r+b") as file:
        at = file.read(65_536 + len(told)).find(told + b"\0")
        if at < 0:
            raise ValueError("the command line in its header could not be removed")
        file.seek(at)
        file.write(b"-" * len(told))


def read(path: Path, roots: Sequence[str] = ()) -> dict[str, Any]:
    """Everything the bundle keeps of a file: totals, stacks, locations and the heap's course."""
    import memray
    from memray._memray import compute_statistics

    names = _Names(roots)
    totals = compute_statistics(str(path), num_largest=MOST_LOCATIONS)
    with memray.FileReader(path) as reader:
        peak = list(reader.get_high_watermark_allocation_records(merge_threads=True))
        stacks = _stacks("peak", ((r, r.size, r.n_allocations) for r in peak), names)
    with memray.FileReader(path, max_memory_records=SNAPSHOTS) as reader:
        records = list(reader.get_temporal_allocation_records(merge_threads=True))
        snapshots = list(reader.get_memory_snapshots())
        python_allocators = bool(reader.metadata.trace_python_allocators)
    kept = [(record, *_kept(record.intervals, len(snapshots))) for record in records]
    stacks += _stacks("kept", ((r, size, count) for r, size, count in kept if size), names)
    left = sum(
        i.n_bytes for r in records for i in r.intervals if i.deallocated_before_snapshot is None
    )
    return {
        "allocations": totals.total_num_allocations,
        "allocated_bytes": totals.total_memory_allocated,
        "peak_bytes": totals.peak_memory_allocated,
        "left_bytes": left,
        "python_allocators": python_allocators,
        "stacks": stacks + _locations(totals, names),
        "growth": _growth(kept, snapshots, names),
    }


def _kept(intervals: Iterable[Any], snapshots: int) -> tuple[int, int]:
    """(bytes, allocations) made after it had settled, and never freed."""
    first, last = snapshots * SETTLED, snapshots * (1 - LASTING)
    found = [
        i
        for i in intervals
        if i.deallocated_before_snapshot is None and first < i.allocated_before_snapshot <= last
    ]
    return sum(i.n_bytes for i in found), sum(i.n_allocations for i in found)


class _Names:
    """Frames as text, with paths that do not depend on where things are installed."""

    def __init__(self, roots: Sequence[str]) -> None:
        self._roots = [PurePath(root) for root in roots]

    def file(self, name: str) -> str:
        """A source file below site-packages, the library or a root, relative to that."""
        path = PurePath(name)
        for marker in ("site-packages", "dist-packages"):
            if marker in path.parts:
                at = len(path.parts) - 1 - path.parts[::-1].index(marker)
                return "/".join(path.parts[at + 1 :])
        for root in self._roots:
            if path.is_relative_to(root):
                return str(path.relative_to(root))
        for at, part in enumerate(path.parts):
            if part.startswith("python3.") and at:
                return "/".join(path.parts[at + 1 :])
        return "/".join(path.parts[-2:]) if path.is_absolute() else name

    def frame(self, frame: Frame) -> str:
        """``function (file:line)``."""
        function, file, line = frame
        return f"{function} ({self.file(file)}:{line})".replace(";", ",")

    def stack(self, record: Any) -> str:
        """Root first, joined by ``;``."""
        frames = record.stack_trace()
        return ";".join(self.frame(frame) for frame in reversed(frames)) or NO_STACK

    def function(self, record: Any) -> str:
        """``function (file)`` of the frame that allocated."""
        if _is_arena(record):
            return ARENAS
        frames = record.stack_trace(max_stacks=1)
        return f"{frames[0][0]} ({self.file(frames[0][1])})" if frames else NO_STACK


def _is_arena(record: Any) -> bool:
    return record.allocator == _MMAP and any(
        i.n_bytes == i.n_allocations * size for size in ARENA_BYTES for i in record.intervals[:1]
    )


def _stacks(kind: str, records: Iterable[tuple[Any, int, int]], names: _Names) -> list[Any]:
    """Rows by stack, the largest first; what is beyond the cap is one row."""
    found: dict[str, list[int]] = {}
    for record, size, count in records:
        entry = found.setdefault(names.stack(record), [0, 0])
        entry[0] += size
        entry[1] += count
    ranked = sorted(found.items(), key=lambda item: (-item[1][0], item[0]))
    rows = [[kind, stack, size, count] for stack, (size, count) in ranked[:MOST_STACKS]]
    if rest := ranked[MOST_STACKS:]:
        sums = [sum(entry[part] for _, entry in rest) for part in (0, 1)]
        rows.append([kind, REST, *sums])
    return rows


def _locations(totals: Any, names: _Names) -> list[list[Any]]:
    """Where most bytes, and where most allocations came from; null: not among the first."""
    sizes = {names.frame(frame): size for frame, size in totals.top_locations_by_size}
    counts = {names.frame(frame): count for frame, count in totals.top_locations_by_count}
    return [
        ["allocated", frame, sizes.get(frame), counts.get(frame)]
        for frame in sorted({*sizes, *counts})
    ]


def _growth(
    kept: Sequence[tuple[Any, int, int]], snapshots: Sequence[Any], names: _Names
) -> list[list[Any]]:
    """[ms since 1970, function or null for all, bytes alive, lasting bytes alive, resident bytes].

    By snapshot. All is all but arenas; null where it is not known what lasts.
    """
    lasts = max(1, math.ceil(len(snapshots) * LASTING))
    by_function: dict[str, int] = {}
    for record, size, _ in kept:
        name = names.function(record)
        by_function[name] = by_function.get(name, 0) + size
    ranked = sorted(by_function, key=lambda name: (-by_function[name], name))
    chosen = [name for name in ranked[:MOST_FUNCTIONS] if by_function[name] and name != ARENAS]
    courses = {
        name: ([0] * (len(snapshots) + 1), [0] * (len(snapshots) + 1))
        for name in (None, ARENAS, *chosen)
    }
    for record, _, _ in kept:
        name = names.function(record)
        for key in (name,) if name == ARENAS else (None, name):
            if key in courses:
                _add(courses[key][0], record.intervals, 0)
                _add(courses[key][1], record.intervals, lasts)
    rows: list[list[Any]] = []
    known = len(snapshots) - lasts
    for key, changes in courses.items():
        alive, lasting = 0, 0
        for at, snapshot in enumerate(snapshots):
            alive, lasting = alive + changes[0][at], lasting + changes[1][at]
            told = lasting if at < known else None
            rss = snapshot.rss if key is None else None
            rows.append([snapshot.time, key, alive, told, rss])
    return rows


def _add(course: list[int], intervals: Iterable[Any], least: int) -> None:
    """Changes of the bytes alive, at the snapshot that sees them first.

    Of what is freed after fewer than ``least`` snapshots nothing.
    """
    last = len(course) - 1
    for interval in intervals:
        born, freed = interval.allocated_before_snapshot, interval.deallocated_before_snapshot
        if freed is not None and freed - born < least:
            continue
        course[min(born, last)] += interval.n_bytes
        if freed is not None:
            course[min(freed, last)] -= interval.n_bytes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
