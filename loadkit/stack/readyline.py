"""The JSON line by which a child of ours says that it is ready, and where it listens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def ready_line(output: Path, pid: int) -> dict[str, Any] | None:
    """The line ``{"ready": true, "pid": PID, ...}`` of that process; None when it is not there.

    The file is appended to, so the line of an earlier start is passed over.
    """
    try:
        lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        if not line.startswith("{"):
            continue
        try:
            told = json.loads(line)
        except ValueError:  # half a line yet
            continue
        if told.get("ready") is True and told.get("pid") == pid:
            return dict(told)
    return None
