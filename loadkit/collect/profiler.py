"""Samples the stacks of a Python process with py-spy, for one stage, in slices.

Two kinds of slices take turns. In a *gil* slice py-spy records, many times a second, the stack
that holds the interpreter's lock: what the one interpreter did. In a *states* slice it looks at
all threads, a few times a second, each look telling for every thread whether it had the lock, ran
without it, or was idle. One recording cannot do both: told to include all threads it doesn't say
which state they were in, and told to leave idle ones out it takes threads that its own pauses
woke for running (as many as three of four samples).

The slices are the repetition that intervals rest on: samples within one resemble each other.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import loadkit
from loadkit.collect import stacks
from loadkit.collect.profile_files import collapsed, speedscope
from loadkit.collect.pyspy import PySpy, Recording, find_py_spy
from loadkit.collect.stacks import Sight, Stack, thread_name
from loadkit.model import Finding, Severity
from loadkit.ports import Notes, Sink

RATE_HZ = 100
GIL_SLICE_S = 1  # py-spy knows whole seconds only
STATES_SLICE_S = 0.5
_RUN_ID = "LOADKIT_RUN_ID"
_UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(slots=True)
class _Slice:
    kind: str
    mono_ns: int
    duration_s: float
    samples: int
    errors: int


@dataclass(slots=True)
class _Taken:
    """A profile under way, or why there is none."""

    seen: Counter[Sight] = field(default_factory=Counter)
    slices: list[_Slice] = field(default_factory=list)
    message: str | None = None
    remedy: str | None = None

    def of(self, kind: str) -> list[Stack]:
        """The stacks of one kind of slices."""
        numbers = {n for n, one in enumerate(self.slices) if one.kind == kind}
        return [stack for stack in stacks.stacks(self.seen) if stack.sight.slice in numbers]

    def total(self, kind: str) -> tuple[int, int]:
        """(samples, errors) of one kind of slices."""
        chosen = [one for one in self.slices if one.kind == kind]
        return sum(one.samples for one in chosen), sum(one.errors for one in chosen)


class Profiler:
    """Writes ``profiles`` and the tables beside it; a failure is the finding ``profile-failed``.

    Args:
        sink: takes the rows.
        note: takes findings.
        run_id: put into the environment of py-spy, for whoever cleans up after a killed run.
        rate_hz: samples a second in gil slices.
    """

    def __init__(
        self, sink: Sink, note: Notes, *, run_id: str | None = None, rate_hz: int = RATE_HZ
    ) -> None:
        self._sink = sink
        self._note = note
        self._run_id = run_id or os.environ.get(_RUN_ID, "")
        self._rate_hz = rate_hz

    async def profile(
        self,
        stage: str,
        process: str,
        pid: int,
        duration_s: float,
        directory: Path,
        *,
        blocking: bool = True,
    ) -> bool:
        """Samples for ``duration_s`` seconds; whether there is a profile. Never raises for it.

        Args:
            stage: name of the stage, for the rows.
            process: name of the process, likewise.
            pid: its id.
            duration_s: how long; at least one slice is taken.
            directory: the bundle; collapsed stacks go to ``profiles/STAGE-PROCESS.txt`` in it,
                those of all threads to ``…-states.txt``, and both are kept beside
                ``….speedscope.json``.
            blocking: pauses the process for each sample. That is truer, and slower.
        """
        begun, cpu = time.monotonic_ns(), _cpu(pid)
        folder, taken = directory / "profiles", _Taken()
        file = folder / f"{_safe(stage)}-{_safe(process)}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            await self._slices(taken, pid, begun / 1e9 + duration_s, file, blocking)
            spent_s = (time.monotonic_ns() - begun) / 1e9
            self._files(taken, file, f"{process} in {stage}")
        except OSError as error:
            spent_s = (time.monotonic_ns() - begun) / 1e9
            taken.message = f"py-spy could not be run: {error.strerror or error}"
            taken.remedy = "Is the disk full?"
        row = {
            "stage": stage, "process": process, "pid": pid, "mono_ns": begun,
            "duration_s": spent_s, "rate_hz": self._rate_hz, "blocking": blocking,
            "samples": taken.total("gil")[0], "errors": taken.total("gil")[1],
            "message": taken.message,
            "file": f"profiles/{file.name}.txt" if taken.total("gil")[0] else None,
        }  # fmt: skip
        self._sink.append("profile_runs", [row])
        self._write(stage, process, taken)
        self._threads(stage, process, taken, _used(cpu, _cpu(pid), spent_s))
        self._tell(stage, process, taken)
        return taken.message is None

    async def _slices(
        self, taken: _Taken, pid: int, deadline_s: float, file: Path, blocking: bool
    ) -> None:
        program = find_py_spy()
        if program is None:
            taken.message, taken.remedy = (
                "py-spy is not installed",
                "Install it: pip install py-spy",
            )
            return
        spy = PySpy(program, pid, blocking=blocking, run_id=self._run_id)
        raw = file.with_name(f".{file.name}.raw")
        while not taken.slices or time.monotonic() + GIL_SLICE_S <= deadline_s:
            begun, number = time.monotonic_ns(), len(taken.slices)
            found = await spy.record(number, GIL_SLICE_S, self._rate_hz, raw)
            if found.message is not None:
                # A process that ended in the middle leaves what was seen of it until then.
                if not taken.slices:
                    taken.message, taken.remedy = found.message, found.remedy
                return
            self._keep(taken, "gil", begun, float(GIL_SLICE_S), found)
            await self._look(spy, taken)

    def _keep(
        self, taken: _Taken, kind: str, begun: int, duration_s: float, found: Recording
    ) -> None:
        taken.seen += found.seen
        samples = sum(found.seen.values())
        taken.slices.append(_Slice(kind, begun, duration_s, samples, found.errors))

    async def _look(self, spy: PySpy, taken: _Taken) -> None:
        """A slice of looks at all threads, one after the other."""
        begun, number = time.monotonic_ns(), len(taken.slices)
        looks = errors = 0
        while time.monotonic_ns() - begun < STATES_SLICE_S * 1e9:
            found = await spy.look(number)
            if found.message is not None:
                errors += 1
                break
            looks += 1
            taken.seen += found.seen
        spent_s = (time.monotonic_ns() - begun) / 1e9
        taken.slices.append(_Slice("states", begun, spent_s, looks, errors))

    def _files(self, taken: _Taken, file: Path, title: str) -> None:
        held, looked = taken.of("gil"), taken.of("states")
        if held:
            text = speedscope(title, loadkit.__version__, held, self._rate_hz)
            _save(file, ".txt", collapsed(held))
            _save(file, ".speedscope.json", text)
        if looked:
            _save(file, "-states.txt", collapsed(looked, states=True))

    def _write(self, stage: str, process: str, taken: _Taken) -> None:
        rows: list[dict[str, Any]] = [
            {
                "stage": stage, "process": process, "stack": stack.sight.frames,
                "count": stack.count, "rooted": stack.rooted, "thread": stack.sight.thread,
                "state": stack.sight.state, "slice": stack.sight.slice,
            }
            for stack in stacks.stacks(taken.seen)
        ]  # fmt: skip
        self._sink.append("profiles", rows)
        slices: list[dict[str, Any]] = [
            {
                "stage": stage, "process": process, "slice": number, "kind": one.kind,
                "mono_ns": one.mono_ns, "duration_s": one.duration_s, "samples": one.samples,
                "errors": one.errors,
            }
            for number, one in enumerate(taken.slices)
        ]  # fmt: skip
        self._sink.append("profile_slices", slices)

    def _threads(self, stage: str, process: str, taken: _Taken, cpu: dict[int, float]) -> None:
        """Processor time of the threads that were seen: known by the id at the end of the name."""
        names = {sight.thread for sight in taken.seen if sight.thread}
        rows = [
            {"stage": stage, "process": process, "thread": name, "cpu_ratio": ratio}
            for number, ratio in sorted(cpu.items())
            for name in sorted(names)
            if name.endswith(f"({number})") or name == thread_name(number, None)
        ]
        self._sink.append("profile_threads", rows)

    def _tell(self, stage: str, process: str, taken: _Taken) -> None:
        if taken.message is not None:
            self._note(
                Finding(
                    "profile-failed",
                    Severity.WARNING,
                    f"There is no profile of {process} in stage {stage}: {taken.message}.",
                    {"remedy": taken.remedy or ""},
                )
            )
        elif not taken.total("gil")[0]:
            self._note(
                Finding(
                    "profile-empty",
                    Severity.WARNING,
                    f"py-spy saw {process} run no Python in stage {stage}.",
                    {"samples that failed": str(taken.total("gil")[1])},
                )
            )


def _cpu(pid: int) -> dict[int, float]:
    """Seconds of processor time a thread; empty where it cannot be read."""
    try:
        return {t.id: t.user_time + t.system_time for t in psutil.Process(pid).threads()}
    except (psutil.Error, OSError):
        return {}


def _used(before: dict[int, float], after: dict[int, float], seconds: float) -> dict[int, float]:
    """Share of one core a thread, of those that were there all the time."""
    return {
        number: max(0.0, after[number] - spent) / seconds
        for number, spent in before.items()
        if number in after and seconds > 0
    }


def _save(file: Path, ending: str, text: str) -> None:
    file.with_name(file.name + ending).write_text(text, encoding="utf-8")


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name).strip("._") or "unnamed"
