"""What a process of the load says of itself."""

from __future__ import annotations

import contextlib
import sys
from importlib.metadata import version
from pathlib import Path

import loadkit


def versions() -> dict[str, str]:
    """Versions of what makes the load."""
    return {
        "loadkit": loadkit.__version__,
        "python": sys.version.split()[0],
        "locust": version("locust"),
        "gevent": version("gevent"),
    }


def boot_id() -> str | None:
    """The same for all who run on one kernel since its start; None where it cannot be known."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return None
