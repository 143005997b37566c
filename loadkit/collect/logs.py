"""Follows a log file from its present end, through rotation, within bounds."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from loadkit.collect import logline
from loadkit.collect.logline import LogLine
from loadkit.collect.periodic import Outage, Periodic
from loadkit.collect.sources import Given
from loadkit.model import Finding, Severity
from loadkit.ports import Notes, Sink
from loadkit.scrub import REMOVED

EVERY_S = 0.25
MOST_BAD = 50
"""Rows a second for warnings and worse; lines beyond are added up."""
MOST_OTHER = 20
"""Rows a second for everything else."""
_MOST_GROUPS = 50
_READ_BYTES = 1 << 20
_BEHIND_BYTES = 16 << 20
_LONGEST_LINE = 256 << 10
_BAD = frozenset({"warning", "error", "critical"})

Row = dict[str, Any]


class Budget:
    """Lets the first lines of each second through and adds up the rest.

    The rest becomes a row for each (level, action, error type): ``count`` says how many lines it
    stands for, ``message`` is that of the first of them. Nothing is dropped uncounted.
    """

    def __init__(self, source: str, most_bad: int = MOST_BAD, most_other: int = MOST_OTHER) -> None:
        self._source = source
        self._most = {True: most_bad, False: most_other}
        self._second = -1
        self._used = {True: 0, False: 0}
        self._groups: dict[tuple[str | None, ...], Row] = {}

    def take(self, line: LogLine, mono_ns: int) -> list[Row]:
        """Rows to write now, on account of this line."""
        rows = self.close(mono_ns)
        bad = line.level in _BAD
        row = self._row(line, mono_ns)
        if self._used[bad] < self._most[bad]:
            self._used[bad] += 1
            rows.append(row)
        else:
            self._add(row)
        return rows

    def close(self, mono_ns: int) -> list[Row]:
        """The sums of the seconds before that of ``mono_ns``."""
        second = mono_ns // 1_000_000_000
        if second == self._second:
            return []
        self._second = second
        self._used = {True: 0, False: 0}
        return self.flush()

    def flush(self) -> list[Row]:
        """All sums so far."""
        rows, self._groups = list(self._groups.values()), {}
        return rows

    def _add(self, row: Row) -> None:
        key: tuple[str | None, ...] = (row["level"], row["action"], row["error_type"])
        if key not in self._groups and len(self._groups) >= _MOST_GROUPS:
            key = (row["level"],)
            row = {**row, "action": None, "error_type": None}
        group = self._groups.setdefault(key, {**row, "count": 0, "trace_id": None, "span_id": None})
        group["count"] += 1

    def _row(self, line: LogLine, mono_ns: int) -> Row:
        return {
            "wall_ns": line.wall_ns,
            "mono_ns": mono_ns,
            "source": self._source,
            "level": line.level,
            "action": line.action,
            "error_type": line.error_type,
            "message": line.message,
            "trace_id": line.trace_id,
            "span_id": line.span_id,
            "count": 1,
        }


class LogTail:
    """A collector of ``logs``.

    Args:
        path: the file; it may appear later, and then is read from its beginning.
        source: name of the component, for the rows.
        sink: takes the rows.
        note: takes the findings ``logs-lost``, ``logs-missing`` and ``logs-skipped``.
        secrets: texts that must not be written, whatever they look like.
    """

    def __init__(
        self,
        path: Path,
        source: str,
        *,
        sink: Sink,
        note: Notes,
        secrets: Iterable[str] = (),
        every_s: float = EVERY_S,
    ) -> None:
        self.name = f"logs of {source}"
        self._path = path
        self._source = source
        self._sink = sink
        self._note = note
        self._secrets = tuple(secret for secret in secrets if secret)
        self._budget = Budget(source)
        self._file: BinaryIO | None = None
        self._position = 0
        self._partial = b""
        self._overlong = False
        self._seen = False
        self._skipped = 0
        self._started = False
        self._outage = Outage(note, "logs-lost", f"The log of {source}", "its lines", tolerate=2)
        self._periodic = Periodic(self._step, every_s, self._outage)

    async def start(self) -> None:
        """See Collector. A file that is not there yet is waited for."""
        try:
            self._open()
            if self._file is not None:
                self._position = self._file.seek(0, os.SEEK_END)
        except OSError:
            pass  # the first step meets it again, and then it is a finding
        self._started = True
        self._periodic.start()

    async def stop(self) -> None:
        """See Collector."""
        await self._periodic.stop()
        if self._started:
            self._started = False
            await self._periodic.once(final=True)
            self._finish()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _finish(self) -> None:
        rows = self._lines([self._partial]) if self._partial else []
        self._partial = b""
        rows += self._budget.flush()
        if rows:
            self._sink.append("logs", rows)
        evidence = {"file": self._path.name}
        if not self._seen and not self._outage.lasting:
            what = f"The log of {self._source} never appeared."
            self._note(Finding("logs-missing", Severity.WARNING, what, evidence))
        if self._skipped:
            what = (
                f"{self._skipped} bytes of the log of {self._source} came faster than they could "
                "be read and were passed over."
            )
            self._note(Finding("logs-skipped", Severity.WARNING, what, evidence))

    def _open(self) -> None:
        try:
            self._file = self._path.open("rb", buffering=0)
        except FileNotFoundError:
            return
        self._seen = True
        self._position = 0

    async def _step(self) -> None:
        if self._file is None:
            self._open()
        elif self._rotated():
            self._drain()  # what was written between the last look and the rotation
            self._file.close()
            self._file = None
            self._open()
        self._drain()
        rows = self._budget.close(time.monotonic_ns())
        if rows:
            self._sink.append("logs", rows)

    def _rotated(self) -> bool:
        assert self._file is not None
        ours = os.fstat(self._file.fileno())
        if ours.st_size < self._position:  # cut in place
            self._position, self._partial, self._overlong = 0, b"", False
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return False  # moved away, and nothing in its place yet
        return (named.st_dev, named.st_ino) != (ours.st_dev, ours.st_ino)

    def _drain(self) -> None:
        if self._file is None:
            return
        size = os.fstat(self._file.fileno()).st_size
        if size - self._position > _BEHIND_BYTES:
            self._skipped += size - self._position
            self._position, self._partial, self._overlong = size, b"", True
        self._file.seek(self._position)
        # As much as there was when the step began, and a bounded amount of it: a log that grows
        # while it is read must not keep the others waiting.
        data = self._file.read(min(size - self._position, _READ_BYTES))
        self._position += len(data)
        if data:
            rows = self._lines(self._whole(data))
            if rows:
                self._sink.append("logs", rows)

    def _whole(self, data: bytes) -> list[bytes]:
        *lines, self._partial = (self._partial + data).split(b"\n")
        if self._overlong and lines:
            lines, self._overlong = lines[1:], False  # the end of a line that was cut already
        if self._overlong:
            self._partial = b""
        elif len(self._partial) > _LONGEST_LINE:
            lines.append(self._partial)
            self._partial, self._overlong = b"", True
        return lines

    def _lines(self, lines: Iterable[bytes]) -> list[Row]:
        mono_ns = time.monotonic_ns()
        rows: list[Row] = []
        for line in lines:
            text = line.decode("utf-8", "replace").strip()
            if not text:
                continue
            for secret in self._secrets:
                text = text.replace(secret, REMOVED)
            rows += self._budget.take(logline.parse(text), mono_ns)
        return rows


def from_given(given: Given, sink: Sink, note: Notes) -> list[LogTail]:
    """A collector for each log file of a run."""
    return [
        LogTail(path, source, sink=sink, note=note, secrets=given.secrets)
        for source, path in given.logs.items()
    ]
