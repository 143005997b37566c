"""The last measurement of what observing costs, kept between runs so that reports can cite it.

``loadkit bench observing`` keeps it, ``loadkit run`` puts it into the manifest of its bundle. It
lies in ``$XDG_STATE_HOME/loadkit/observing.json``, by default below ``~/.local/state``.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FORMAT = "loadkit-observing/1"
_FIELDS = frozenset({"date", "machine", "pairs", "cpu_ratio", "p99_ratio"})


def keep(values: Mapping[str, Any]) -> Path | None:
    """Replaces what was kept; the file, or None where there is no place for it."""
    path = _path()
    if path is None:
        return None
    text = json.dumps({"format": FORMAT, **values}, ensure_ascii=False, indent=1) + "\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".observing.", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        return None
    return path


def last() -> dict[str, Any] | None:
    """What was kept last: ``date``, ``machine``, ``pairs``, ``cpu_ratio`` and ``p99_ratio`` (each
    with ``low``, ``median`` and ``high``); None when it was never measured, or cannot be read."""
    path = _path()
    try:
        values = None if path is None else json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
        return None
    return values if values.keys() >= _FIELDS else None


def _path() -> Path | None:
    named = os.environ.get("XDG_STATE_HOME", "")
    if named and Path(named).is_absolute():
        return Path(named) / "loadkit" / "observing.json"
    try:
        return Path.home() / ".local" / "state" / "loadkit" / "observing.json"
    except RuntimeError:
        return None
