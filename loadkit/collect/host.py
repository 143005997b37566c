"""Watches the machine and processes, once a second, through psutil."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from loadkit.collect.periodic import Outage, Periodic
from loadkit.collect.sources import Given
from loadkit.model import Finding, Severity
from loadkit.ports import Notes, Sink

EVERY_S = 1.0


class HostWatch:
    """A collector of ``host`` and ``processes``.

    Args:
        pids: name → process id of what is to be watched from the start.
        sink: takes the rows.
        note: takes the findings ``process-gone`` and ``host-lost``.
        disk: a folder on the disk whose free space matters.
        every_s: how often it looks, in seconds.
    """

    name = "host"

    def __init__(
        self,
        pids: Mapping[str, int],
        *,
        sink: Sink,
        note: Notes,
        disk: Path,
        every_s: float = EVERY_S,
    ) -> None:
        self._sink = sink
        self._note = note
        self._disk = disk
        self._wanted = dict(pids)
        self._watched: dict[str, _Watched] = {}
        self._busy, self._total = 0.0, 0.0
        self._latest: dict[str, float | None] = {}
        self._running = False
        outage = Outage(note, "host-lost", "The operating system", "host and process values")
        self._periodic = Periodic(self._step, every_s, outage)

    @property
    def latest(self) -> dict[str, float | None]:
        """Resource → share in use: ``host CPU``, ``memory``, and ``NAME CPU`` (of one core)."""
        return dict(self._latest)

    def watch(self, name: str, pid: int) -> None:
        """Also watches this process from now on; another of that name is no longer watched."""
        self._wanted[name] = pid
        if self._running:
            self._open(name, pid)

    def unwatch(self, name: str) -> None:
        """Stops watching a process, which may then end without a finding."""
        self._wanted.pop(name, None)
        self._watched.pop(name, None)
        self._latest.pop(f"{name} CPU", None)

    async def start(self) -> None:
        """See Collector. A process that is gone already becomes a finding."""
        self._busy, self._total = _cpu_times()
        for name, pid in list(self._wanted.items()):
            self._open(name, pid)
        self._running = True
        self._periodic.start()

    async def stop(self) -> None:
        """See Collector."""
        await self._periodic.stop()
        self._running = False
        self._watched.clear()

    def _open(self, name: str, pid: int) -> None:
        try:
            self._watched[name] = _Watched(pid)
        except psutil.Error as error:
            self._gone(name, pid, error)

    def _gone(self, name: str, pid: int, error: psutil.Error) -> None:
        self.unwatch(name)
        who = f"Process {name} (pid {pid})"
        evidence = {"pid": str(pid), "mono_ns": str(time.monotonic_ns())}
        if isinstance(error, psutil.AccessDenied):
            what = f"{who} belongs to somebody else and cannot be watched."
            self._note(Finding("process-unreadable", Severity.WARNING, what, evidence))
        else:
            what = f"{who} ended; its values from then on are missing."
            self._note(Finding("process-gone", Severity.WARNING, what, evidence))

    async def _step(self) -> None:
        # A disk that hangs (a network file system) must not hold up the loop.
        free = await asyncio.to_thread(_free_bytes, self._disk)
        mono_ns = time.monotonic_ns()
        self._sink.append("host", [self._host_row(mono_ns, free)])
        rows = [
            row
            for name, watched in list(self._watched.items())
            if (row := self._process_row(name, watched, mono_ns)) is not None
        ]
        if rows:
            self._sink.append("processes", rows)

    def _host_row(self, mono_ns: int, free: int | None) -> dict[str, Any]:
        busy, total = _cpu_times()
        elapsed = total - self._total
        ratio = min(1.0, max(0.0, (busy - self._busy) / elapsed)) if elapsed > 0 else None
        self._busy, self._total = busy, total
        memory = psutil.virtual_memory().percent / 100
        self._latest |= {"host CPU": ratio, "memory": memory}
        return {
            "mono_ns": mono_ns,
            "cpu_ratio": ratio,
            "memory_ratio": memory,
            "disk_free_bytes": free,
            "load_1m": os.getloadavg()[0],
        }

    def _process_row(self, name: str, watched: _Watched, mono_ns: int) -> dict[str, Any] | None:
        try:
            row = watched.row(mono_ns)
        except psutil.Error as error:
            self._gone(name, watched.pid, error)
            return None
        self._latest[f"{name} CPU"] = row["cpu_ratio"]
        return {"mono_ns": mono_ns, "process": name, "pid": watched.pid, **row}


class _Watched:
    """A process and its CPU time at the row before.

    Raises:
        psutil.Error: it is not there or may not be read; also from :meth:`row`.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._process = psutil.Process(pid)
        self._mono_ns = time.monotonic_ns()
        self._cpu_s = self._cpu()

    def _cpu(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def row(self, mono_ns: int) -> dict[str, Any]:
        """The columns that are its own."""
        with self._process.oneshot():
            # A zombie still has a pid, and a new process may have got it: neither is the one.
            if not self._process.is_running() or self._process.status() == psutil.STATUS_ZOMBIE:
                raise psutil.NoSuchProcess(self.pid)
            cpu_s = self._cpu()
            rss, threads = self._process.memory_info().rss, self._process.num_threads()
        elapsed = (mono_ns - self._mono_ns) / 1e9
        ratio = max(0.0, (cpu_s - self._cpu_s) / elapsed) if elapsed > 0 else None
        self._mono_ns, self._cpu_s = mono_ns, cpu_s
        return {
            "cpu_ratio": ratio,
            "rss_bytes": rss,
            "threads": threads,
            "open_files": self._open_files(),
        }

    def _open_files(self) -> int | None:
        try:
            return int(self._process.num_fds())
        except psutil.AccessDenied:  # the rest of somebody else's process can be read
            return None


def _cpu_times() -> tuple[float, float]:
    times: Mapping[str, float] = psutil.cpu_times()._asdict()
    # guest time is part of user time already
    total = sum(value for name, value in times.items() if not name.startswith("guest"))
    return total - times["idle"] - times.get("iowait", 0.0), total


def _free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def from_given(given: Given, sink: Sink, note: Notes) -> list[HostWatch]:
    """The collector of a run."""
    return [HostWatch(given.pids, sink=sink, note=note, disk=given.directory)]
