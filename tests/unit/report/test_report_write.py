"""The writer that owns files."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from loadkit.errors import LoadkitError
from loadkit.report.write import write


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert write(path, "one ρ\n") == path
    write(path, "two")
    assert path.read_text(encoding="utf-8") == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_missing_folder_is_one_clear_message(tmp_path: Path) -> None:
    path = tmp_path / "no" / "report.html"
    with pytest.raises(LoadkitError) as caught:
        write(path, "x")
    assert caught.value.where == str(path)
    assert "No such file or directory" in caught.value.what
    assert caught.value.remedy


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(LoadkitError, match="this is a folder"):
        write(tmp_path, "x")


def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    write(path, "old")

    def full(descriptor: int, mode: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(LoadkitError, match="No space left on device"):
        write(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
