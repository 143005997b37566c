"""How a child process of Python finds the very loadkit that starts it."""

from __future__ import annotations

import os
from pathlib import Path


def python_path() -> str:
    """A PYTHONPATH that begins with this loadkit, also when it runs from a source folder."""
    ours = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([ours, *filter(None, [os.environ.get("PYTHONPATH")])])
