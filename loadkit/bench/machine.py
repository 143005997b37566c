"""The machine and the programs that a result belongs to."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

import loadkit

_CPUINFO = Path("/proc/cpuinfo")


def describe() -> dict[str, Any]:
    """CPU, cores, memory, kernel, Python and how busy the machine was before the bench began."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def cpu_model() -> str:
    """The name the processor gives itself, or its architecture."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, text = line.partition(":")
        if key.strip() == "model name":
            return text.strip()
    return platform.machine()


def today() -> str:
    """Now, as an instant in UTC to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def package_version(name: str) -> str:
    """The version of a package of this interpreter, or ``?``."""
    if name == "loadkit":
        return loadkit.__version__
    try:
        return version(name)
    except PackageNotFoundError:
        return "?"
