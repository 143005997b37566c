"""Finds a process by its id, a part of its command line, or the port it listens on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from loadkit.config import Process
from loadkit.errors import UsageError
from loadkit.scrub import scrub

MOST_WORKERS = 16
_SHOWN = 8
_HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")


@dataclass(frozen=True, slots=True)
class Found:
    """A process as it was found.

    Attributes:
        name: as shown.
        pid: the process, or the master of several.
        workers: its children that run the same program, those that have worked most first.
        profiled: the one whose stacks are sampled.
        how: what was taken, as a sentence without its end.
        user: whose it is, when it is somebody else's.
    """

    name: str
    pid: int
    workers: tuple[int, ...]
    profiled: int
    how: str
    user: str | None = None

    @property
    def watched(self) -> dict[str, int]:
        """Name → process, for everything that is watched."""
        shown = self.workers[:MOST_WORKERS]
        return {self.name: self.pid} | {
            f"{self.name} worker {number}": pid for number, pid in enumerate(sorted(shown), 1)
        }


def find(wanted: Process, where: str) -> Found:
    """The process that a setting means.

    Args:
        wanted: exactly one of ``pid``, ``command`` and ``port`` is set.
        where: the setting, for messages.

    Raises:
        UsageError: there is none, or several that do not belong together; lists them.
    """
    if wanted.pid is not None:
        if not psutil.pid_exists(wanted.pid):
            raise UsageError(f"there is no process {wanted.pid}", where=where,
                             remedy="See ps aux; or name it by command or port.")  # fmt: skip
        # Who names a process by its id means that one.
        return Found(wanted.name, wanted.pid, (), wanted.pid, f"pid {wanted.pid}",
                     _foreign(wanted.pid))  # fmt: skip
    if wanted.command is not None:
        told = f"with {wanted.command!r} in its command line"
        roots = _by_command(wanted.command)
    else:
        assert wanted.port is not None
        told = f"listening on port {wanted.port}"
        roots = _by_port(wanted.port, where)
    if not roots:
        raise UsageError(
            f"there is no process {told}",
            where=where,
            remedy="Start it first. In a container it may have to be named by its pid on this "
            "machine (docs/external.md).",
        )
    if len(roots) > 1:
        raise UsageError(
            f"{len(roots)} processes {told.replace('its command line', 'their command lines')}:\n"
            + "\n".join(_candidates(roots)),
            where=where,
            remedy="Name one of them by pid, or write more of its command line.",
        )
    return _found(wanted, roots[0], told)


def _found(wanted: Process, root: psutil.Process, told: str) -> Found:
    workers = _workers(root)
    profiled = workers[0] if workers else root.pid
    how = f"pid {root.pid}, {told}"
    if workers:
        how += f", and its {len(workers)} worker{'s' * (len(workers) > 1)}"
    if workers and (wanted.profile or wanted.memory):
        how += f"; what is profiled is pid {profiled}, the worker that has worked most so far"
    if len(workers) > MOST_WORKERS:
        how += f"; {MOST_WORKERS} of the workers are watched"
    return Found(wanted.name, root.pid, tuple(workers), profiled, how, _foreign(root.pid))


def _by_command(text: str) -> list[psutil.Process]:
    ours = _ourselves()
    matching = {
        process.pid: process
        for process in psutil.process_iter()
        if process.pid not in ours and text in _command(process)
    }
    return _roots(_without_wrappers(matching))


def _by_port(port: int, where: str) -> list[psutil.Process]:
    pids, hidden = _listeners(port)
    if not pids and hidden:
        raise UsageError(
            f"something listens on port {port}, but which process it is cannot be seen",
            where=where,
            remedy="It belongs to another user or a container: name it by pid, or run loadkit as "
            "that user.",
        )
    found = {}
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = _holder(psutil.Process(pid), port)
            found[process.pid] = process
    return _roots(found)


def _listeners(port: int) -> tuple[set[int], bool]:
    """(processes that listen on a port, whether there are any that cannot be seen)."""
    try:
        connections: list[tuple[Any, int | None]] = [
            (c, c.pid) for c in psutil.net_connections("tcp")
        ]
    except psutil.AccessDenied:  # macOS tells root only; one's own processes can be asked
        connections = [
            (c, process.pid) for process in psutil.process_iter() for c in _connections(process)
        ]
    listening = [pid for connection, pid in connections if _listens(connection, port)]
    return {pid for pid in listening if pid}, any(pid is None for pid in listening)


def _listens(connection: Any, port: int) -> bool:
    listening: bool = connection.status == psutil.CONN_LISTEN
    return listening and connection.laddr.port == port


def _connections(process: psutil.Process) -> Sequence[Any]:
    try:
        return process.net_connections("tcp")
    except psutil.Error:
        return ()


def _holder(process: psutil.Process, port: int) -> psutil.Process:
    """The eldest that holds the listening socket: the kernel names any of a prefork server's."""
    while (parent := _parent(process)) is not None and any(
        _listens(connection, port) for connection in _connections(parent)
    ):
        process = parent
    return process


def _without_wrappers(matching: dict[int, psutil.Process]) -> dict[int, psutil.Process]:
    """Without ``sh -c``, ``timeout`` and the like, which have the command in their own line."""
    wrappers = set()
    for pid, process in matching.items():
        children = [child for child in _children(process) if child.pid in matching]
        if len(children) == 1 and _program(children[0]) != _program(process):
            wrappers.add(pid)
    return {pid: process for pid, process in matching.items() if pid not in wrappers}


def _roots(found: dict[int, psutil.Process]) -> list[psutil.Process]:
    """Those that descend from none of the others, by pid."""
    roots = []
    for process in found.values():
        above = process
        while (parent := _parent(above)) is not None and parent.pid not in found:
            above = parent
        if parent is None:
            roots.append(process)
    return sorted(roots, key=lambda process: process.pid)


def _workers(root: psutil.Process) -> list[int]:
    """Children that run the same program, the one with the most CPU time first."""
    program = _program(root)
    spent: dict[int, float] = {}
    for child in _children(root, recursive=True):
        with contextlib.suppress(psutil.Error):
            helper = any(word in _command(child) for word in _HELPERS)
            if program and _program(child) == program and not helper:
                times = child.cpu_times()
                spent[child.pid] = times.user + times.system
    return sorted(spent, key=lambda pid: (-spent[pid], pid))


def _candidates(processes: Sequence[psutil.Process]) -> Iterable[str]:
    for process in processes[:_SHOWN]:
        yield f"pid {process.pid} ({_user(process) or 'unknown user'}): {_line(process)}"
    if len(processes) > _SHOWN:
        yield f"and {len(processes) - _SHOWN} more"


def _line(process: psutil.Process) -> str:
    return scrub(" ".join(_command(process).split()), 90)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _program(process: psutil.Process) -> str:
    """Its executable; of somebody else's process, whose link is secret, its first word."""
    try:
        return process.exe() or process.name()
    except psutil.AccessDenied:
        return Path((_command(process).split() or [""])[0]).name
    except psutil.Error:
        return ""


def _children(process: psutil.Process, *, recursive: bool = False) -> list[psutil.Process]:
    try:
        return process.children(recursive=recursive)
    except psutil.Error:
        return []


def _parent(process: psutil.Process) -> psutil.Process | None:
    try:
        return process.parent()
    except psutil.Error:
        return None


def _user(process: psutil.Process) -> str | None:
    try:
        return process.username()
    except (psutil.Error, KeyError):
        return None


def _foreign(pid: int) -> str | None:
    """Whose process it is, unless it is ours or we are root."""
    try:
        process = psutil.Process(pid)
        if os.geteuid() in (0, process.uids().effective):
            return None
    except psutil.Error:
        return None
    return _user(process) or "another user"


def _ourselves() -> set[int]:
    """This process and those above it, whose command lines may hold what is looked for."""
    own = psutil.Process()
    with contextlib.suppress(psutil.Error):
        return {own.pid, *(parent.pid for parent in own.parents())}
    return {own.pid}
