"""Folders for single runs."""

from __future__ import annotations

from pathlib import Path


def scratch(parent: Path, name: str) -> Path:
    """A fresh folder for one run."""
    folder = parent / name
    number = 0
    while folder.exists():
        number += 1
        folder = parent / f"{name}-{number}"
    folder.mkdir(parents=True)
    return folder
