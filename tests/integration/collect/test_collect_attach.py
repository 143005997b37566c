"""memray attached to what is no Python, is gone, or where there is no debugger."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loadkit.bundle.writer import BundleWriter
from loadkit.collect import attach
from loadkit.collect.memory import MemoryTables, Tracked, file_of
from loadkit.model import Finding

pytestmark = pytest.mark.integration


@pytest.mark.skipif(shutil.which("gdb") is None, reason="attaching needs gdb")
def test_what_is_no_python_is_told_from_what_is_gone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            made = asyncio.run(attach.attach(process.pid, tmp_path / "a.bin"))
            assert process.poll() is None
        finally:
            process.kill()
    assert made.message == f"process {process.pid} is no Python that memray knows"
    assert made.remedy is not None and "interpreter" in made.remedy
    gone = asyncio.run(attach.attach(process.pid, tmp_path / "b.bin"))
    assert gone.message == f"process {process.pid} is not there"


def test_without_a_debugger_the_remedy_is_to_install_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if hasattr(sys, "remote_exec"):
        pytest.skip("this Python needs no debugger")
    monkeypatch.setenv("PATH", str(tmp_path))
    made = asyncio.run(attach.attach(1, tmp_path / "a.bin"))
    assert made.message == "attaching needs gdb or lldb, and neither is there"
    assert made.remedy is not None and "apt-get install gdb" in made.remedy


def test_a_file_that_cannot_be_read_is_a_finding_and_gone(tmp_path: Path) -> None:
    file = file_of(tmp_path, "x-memory", "my service/1")
    assert file == (tmp_path / "memory/x-memory-my_service_1.bin").absolute()
    file.parent.mkdir()
    file.write_bytes(b"memray\0 but not really, and --password=planted")
    noted: list[Finding] = []
    writer = BundleWriter(tmp_path)
    (tmp_path / "tables").mkdir()
    tables = MemoryTables(writer, noted.append)
    tracked = Tracked("x-memory", "my service/1", 1, "attach", file, file, 0)
    assert asyncio.run(tables.record(tracked)) is False
    writer.close()
    assert [finding.slug for finding in noted] == ["memory-not-tracked"]
    assert "what memray wrote cannot be read" in noted[0].summary
    assert not file.exists()
