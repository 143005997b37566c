"""The generator under suspicion: loop lag, CPU, waiting for one, collections, files, ports."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent

_PERIOD_S = 0.025
_NS = 1_000_000_000


class Health:
    """Watches its own process; ``row`` gives what happened since the row before."""

    def __init__(self) -> None:
        self._lag_ns = 0
        self._pause_ns = 0
        self._collections = 0
        self._collecting_since = 0
        self._cpu_ns = time.process_time_ns()
        self._delay_ns = _run_delay_ns()
        self._mono_ns = self._from_ns = time.monotonic_ns()
        self._greenlet: Any = None

    def start(self) -> None:
        """Begins to watch."""
        gc.callbacks.append(self._on_gc)
        self._greenlet = gevent.spawn(self._measure_lag)

    def stop(self) -> None:
        """Watches no more."""
        with contextlib.suppress(ValueError):
            gc.callbacks.remove(self._on_gc)
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def reset(self) -> None:
        """Forgets what was so far: preparations are not the load's."""
        self._from_ns = self._mono_ns = time.monotonic_ns()
        self._cpu_ns = time.process_time_ns()
        self._delay_ns = _run_delay_ns()
        self._lag_ns = self._pause_ns = self._collections = 0

    def _on_gc(self, phase: str, info: Mapping[str, int]) -> None:
        now = time.perf_counter_ns()
        if phase == "start":
            self._collecting_since = now
        else:
            self._pause_ns += now - self._collecting_since
            self._collections += 1

    def _measure_lag(self) -> None:
        timer = gevent.get_hub().loop.timer
        while True:
            # Not gevent.sleep, which the gate watches for think time.
            due = time.monotonic_ns() + int(_PERIOD_S * _NS)
            gevent.get_hub().wait(timer(_PERIOD_S))
            if due > self._from_ns:
                self._lag_ns = max(self._lag_ns, time.monotonic_ns() - due)

    def row(self, *, users: int, in_flight: int) -> dict[str, Any]:
        """A row of the table ``generator``."""
        now, cpu, delay = time.monotonic_ns(), time.process_time_ns(), _run_delay_ns()
        row = {
            "mono_ns": now,
            "users": users,
            "in_flight": in_flight,
            "cpu_ratio": (cpu - self._cpu_ns) / max(1, now - self._mono_ns),
            "run_delay_ns": _since(self._delay_ns, delay),
            "loop_lag_ns": self._lag_ns,
            "gc_pause_ns": self._pause_ns,
            "gc_count": self._collections,
            "rss_bytes": _rss_bytes(),
            "open_files": _open_files(),
            "max_files": _max_files(),
            "free_ports": _free_ports(),
        }
        self._mono_ns, self._cpu_ns, self._delay_ns = now, cpu, delay
        self._lag_ns = self._pause_ns = self._collections = 0
        return row


def _run_delay_ns() -> int | None:
    """How long the main thread has been ready to run without a CPU; None where nobody counts."""
    try:
        found = int(Path("/proc/self/schedstat").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return found or None  # a kernel that does not count says 0


def _since(before: int | None, now: int | None) -> int | None:
    return None if before is None or now is None else max(0, now - before)


def _max_files() -> int | None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def _rss_bytes() -> int | None:
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _open_files() -> int | None:
    try:
        # Newer kernels count them: reading the names of thousands would hold the loop up.
        counted = os.stat("/proc/self/fd").st_size  # noqa: PTH116 - no Path objects here
        if counted:
            return counted
        return len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208 - no Path objects here
    except OSError:
        return None


def _free_ports() -> int | None:
    """Ephemeral ports that no TCP socket of this host can be holding."""
    try:
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
        for line in Path("/proc/net/sockstat").read_text().splitlines():
            if line.startswith("TCP:"):
                words = line.split()
                used = int(words[words.index("inuse") + 1]) + int(words[words.index("tw") + 1])
                return max(0, int(high) - int(low) + 1 - used)
    except (OSError, ValueError):
        return None
    return None
