"""Which file of the user's a call comes from: paths in a scenario start where the scenario is."""

from __future__ import annotations

import sys
from pathlib import Path

_OWN = "loadkit."


def folder() -> Path:
    """The folder of the file that called loadkit; the current one where there is no file."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        if not str(frame.f_globals.get("__name__", "")).startswith(_OWN):
            break
        frame = frame.f_back
    file = frame.f_globals.get("__file__")
    return Path(file).resolve().parent if file else Path.cwd()
