"""What memray wrote, into the tables of the bundle; read in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadkit.model import Finding, Severity
from loadkit.ports import Notes, Sink
from loadkit.scrub import scrub

FOLDER = "memory"
_READ_S = 180.0
_DRAW_S = 60.0
_KEPT_BYTES = 128 << 20
_UNSAFE = re.compile(r"[^\w.-]+")
_RUN_ID = "LOADKIT_RUN_ID"


@dataclass(slots=True)
class Tracked:
    """One tracking: of what, when, and by which way. Times are CLOCK_MONOTONIC ns or seconds.

    ``file`` is where memray writes, ``kept`` where it goes when there is no secret in it any more.
    """

    stage: str
    process: str
    pid: int
    how: str
    file: Path
    kept: Path
    mono_ns: int
    end_mono_ns: int | None = None
    start_s: float | None = None
    stop_s: float | None = None
    stall_s: float | None = None
    message: str | None = None
    remedy: str | None = None
    roots: Sequence[str] = field(default=())

    def row(self) -> dict[str, Any]:
        """Of ``memory_runs``, before its file is read."""
        names = ("stage", "process", "pid", "how", "mono_ns", "end_mono_ns", "start_s", "stop_s",
                 "stall_s", "message")  # fmt: skip
        return {name: getattr(self, name) for name in names}


def file_of(bundle: Path, stage: str, process: str) -> Path:
    """Where memray's file of a stage and process goes; absolute."""
    name = _UNSAFE.sub("_", f"{stage}-{process}").strip("._") or "unnamed"
    return (bundle / FOLDER / f"{name}.bin").absolute()


class MemoryTables:
    """Writes ``memory_runs``, ``memory_stacks`` and ``memory_growth``.

    Args:
        sink: takes the rows.
        note: takes the finding ``memory-not-tracked``.
        run_id: put into the environment of the reader, for whoever cleans up after a killed run.
    """

    def __init__(self, sink: Sink, note: Notes, *, run_id: str = "") -> None:
        self._sink = sink
        self._note = note
        self._environment = {**os.environ, _RUN_ID: run_id}

    async def record(self, tracked: Tracked) -> bool:
        """Reads one file and writes its rows; whether there was something. Never raises for it."""
        row = tracked.row()
        found: Mapping[str, Any] | None = None
        if tracked.message is None:
            found = await self._read(tracked)
            row["message"] = tracked.message
        if found is not None:
            for name in ("allocations", "allocated_bytes", "peak_bytes", "left_bytes"):
                row[name] = found[name]
            self._rows(tracked, found)
            row["file"] = await self._keep(tracked)
        else:
            # A file that could not be read may still have a command line in it.
            tracked.file.unlink(missing_ok=True)
            self._note(
                Finding(
                    "memory-not-tracked",
                    Severity.WARNING,
                    f"Memory of {tracked.process} was not tracked in stage {tracked.stage}: "
                    f"{tracked.message}.",
                    {"remedy": tracked.remedy or ""},
                )
            )
        self._sink.append("memory_runs", [row])
        return found is not None

    async def _read(self, tracked: Tracked) -> Mapping[str, Any] | None:
        arguments = ("-m", "loadkit.collect.memory_read", str(tracked.file), *tracked.roots)
        status, out, said = await self._python(arguments, _READ_S)
        if status == 0:
            with contextlib.suppress(ValueError):
                document: Mapping[str, Any] = json.loads(out)
                return document
        lines = [line for line in said.splitlines() if line.strip()] or [f"exit status {status}"]
        tracked.message = scrub(f"what memray wrote cannot be read: {lines[-1]}", 300)
        tracked.remedy = "Was the process ended, or the disk full, while memory was tracked?"
        return None

    def _rows(self, tracked: Tracked, found: Mapping[str, Any]) -> None:
        of = {"stage": tracked.stage, "process": tracked.process}
        self._sink.append(
            "memory_stacks",
            [
                {**of, "kind": kind, "stack": stack, "bytes": size, "count": count}
                for kind, stack, size, count in found["stacks"]
            ],
        )
        self._sink.append(
            "memory_growth",
            [
                {**of, "wall_ns": ms * 1_000_000, "function": name, "heap_bytes": heap,
                 "lasting_bytes": lasting, "rss_bytes": rss}
                for ms, name, heap, lasting, rss in found["growth"]
            ],
        )  # fmt: skip

    async def _keep(self, tracked: Tracked) -> str | None:
        """Its name in the bundle, with memray's own flame graph beside it; None when too large."""
        file = tracked.kept
        if tracked.file.stat().st_size > _KEPT_BYTES:
            tracked.file.unlink()
            return None
        if tracked.file != file:
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(tracked.file, file)
        page = file.with_suffix(".html")
        arguments = ("-m", "memray", "flamegraph", "--no-web", "-o", str(page), str(file))
        status, _, _ = await self._python(arguments, _DRAW_S)
        if status != 0:
            page.unlink(missing_ok=True)
        return f"{FOLDER}/{file.name}"

    async def _python(
        self, arguments: Sequence[str], patience_s: float
    ) -> tuple[int | None, str, str]:
        """(status, output, errors) of a Python process, which is gone afterwards."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
        )
        try:
            out, said = await asyncio.wait_for(child.communicate(), patience_s)
        except TimeoutError:
            return None, "", f"it took more than {patience_s:g} s"
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                await child.wait()
        return child.returncode, out.decode("utf-8", "replace"), said.decode("utf-8", "replace")
