"""Logs that grow and rotate, processes that end, a profile of a real process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from collect_servers import Tables, until

from loadkit.collect.host import HostWatch
from loadkit.collect.logs import LogTail
from loadkit.collect.profiler import Profiler

pytestmark = pytest.mark.integration

BUSY = """
import threading

def burn():
    while True:
        sum(range(2000))

threading.Thread(target=burn, daemon=True).start()
print("ready", flush=True)
burn()
"""


@contextlib.contextmanager
def _python(code: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


# -- logs -----------------------------------------------------------------------------------


def _tail(path: Path, tables: Tables) -> LogTail:
    return LogTail(
        path, "service", sink=tables, note=tables.note, every_s=0.02, secrets=["sEcReT-value"]
    )


def _messages(tables: Tables) -> list[str]:
    return [row["message"] for row in tables.of("logs")]


def test_log_is_followed_from_its_end_through_rotation_and_cutting(tmp_path: Path) -> None:
    path, tables = tmp_path / "service.log", Tables()
    path.write_text('{"message":"before"}\n')

    async def scenario() -> None:
        tail = _tail(path, tables)
        await tail.start()
        with path.open("a") as log:
            log.write('{"level":"error","message":"one","error_type":"E"}\n{"mess')
            log.flush()
            await until(lambda: _messages(tables) == ["one"])
            log.write('age":"two"}\nplain WARNING sEcReT-value\n')
            log.flush()
            await until(lambda: len(_messages(tables)) == 3)
            log.write('{"message":"last of the old file"}\n')
        path.rename(tmp_path / "service.log.1")
        path.write_text('{"message":"first of the new file"}\n')
        await until(lambda: len(_messages(tables)) == 5)
        path.write_text('{"message":"cut"}\n')
        await until(lambda: len(_messages(tables)) == 6)
        with path.open("a") as log:
            log.write("no line break at the end")
        await tail.stop()
        await tail.stop()

    asyncio.run(scenario())
    assert _messages(tables) == [
        "one",
        "two",
        "plain WARNING [removed]",
        "last of the old file",
        "first of the new file",
        "cut",
        "no line break at the end",
    ]
    first, third = tables.of("logs")[0], tables.of("logs")[2]
    assert (first["level"], first["error_type"], first["source"]) == ("error", "E", "service")
    assert third["level"] == "warning"
    assert tables.findings == []


def test_log_that_appears_later_is_read_from_its_beginning(tmp_path: Path) -> None:
    path, tables = tmp_path / "late.log", Tables()

    async def scenario() -> None:
        tail = _tail(path, tables)
        await tail.start()
        await asyncio.sleep(0.05)
        path.write_text('{"message":"hello"}\n')
        await until(lambda: _messages(tables) == ["hello"])
        await tail.stop()

    asyncio.run(scenario())
    assert tables.findings == []


def test_log_that_never_appears_and_one_that_cannot_be_read(tmp_path: Path) -> None:
    tables = Tables()

    async def scenario() -> None:
        missing, folder = _tail(tmp_path / "none.log", tables), _tail(tmp_path, tables)
        for tail in (missing, folder):
            await tail.start()
        await asyncio.sleep(0.3)
        for tail in (missing, folder):
            await tail.stop()

    asyncio.run(scenario())
    assert sorted(tables.slugs()) == ["logs-lost", "logs-missing"]


def test_flood_is_added_up_and_no_line_is_lost(tmp_path: Path) -> None:
    path, tables = tmp_path / "service.log", Tables()
    path.touch()
    line = json.dumps({"level": "info", "action": "request", "message": "m" * 80}) + "\n"

    async def scenario() -> None:
        tail = _tail(path, tables)
        await tail.start()
        with path.open("a") as log:
            log.write(line * 20_000)
        await until(lambda: sum(row["count"] for row in tables.of("logs")) > 0)
        await asyncio.sleep(0.5)
        await tail.stop()

    asyncio.run(scenario())
    rows = tables.of("logs")
    assert sum(row["count"] for row in rows) == 20_000
    assert len(rows) < 200


# -- processes ------------------------------------------------------------------------------


def test_host_and_a_process_that_ends(tmp_path: Path) -> None:
    tables = Tables()

    async def scenario(process: subprocess.Popen[bytes]) -> dict[str, float | None]:
        watch = HostWatch(
            {"busy": process.pid, "ghost": 2**22 + 1},
            sink=tables,
            note=tables.note,
            disk=tmp_path,
            every_s=0.2,
        )
        await watch.start()
        watch.watch("self", os.getpid())
        await until(lambda: len(tables.of("processes")) >= 8)
        latest = watch.latest
        process.kill()  # and not waited for: it stays as a zombie
        await until(lambda: tables.slugs().count("process-gone") == 2)
        rows = len(tables.of("host"))
        await until(lambda: len(tables.of("host")) > rows + 1)
        await watch.stop()
        return latest

    with _python(BUSY) as process:
        latest = asyncio.run(scenario(process))
    assert set(latest) == {"host CPU", "memory", "busy CPU", "self CPU"}
    busy = [row["cpu_ratio"] for row in tables.of("processes") if row["process"] == "busy"]
    assert max(busy) > 0.2
    row = next(row for row in tables.of("processes") if row["process"] == "busy")
    assert row["pid"] == process.pid
    assert row["rss_bytes"] > 1 << 20
    assert row["threads"] == 2
    assert row["open_files"] >= 2
    host = tables.of("host")[-1]
    assert 0 < host["memory_ratio"] < 1
    assert 0 <= host["cpu_ratio"] <= 1
    assert host["disk_free_bytes"] > 0
    gone = [finding.summary for finding in tables.findings]
    assert sorted(text.split()[1] for text in gone) == ["busy", "ghost"]


# -- profiles -------------------------------------------------------------------------------


@pytest.mark.parametrize("blocking", [True, False])
def test_profile_of_a_real_process(tmp_path: Path, blocking: bool) -> None:
    tables = Tables()
    with _python(BUSY) as process:
        profiler = Profiler(tables, tables.note, run_id="collect-tests", rate_hz=50)
        good = asyncio.run(
            profiler.profile("base-profile", "service", process.pid, 1, tmp_path, blocking=blocking)
        )
        assert process.poll() is None
    if not good and "may not be sampled" in str(tables.findings):
        pytest.skip("this machine does not let processes be sampled")
    assert good
    (run,) = tables.of("profile_runs")
    assert (run["stage"], run["process"], run["pid"]) == ("base-profile", "service", process.pid)
    assert (run["rate_hz"], run["blocking"], run["message"]) == (50, blocking, None)
    held, looked = _by_kind(tables)
    assert run["samples"] == sum(row["count"] for row in held) > 20
    assert {row["state"] for row in held} == {"running_gil"}
    burning = [row for row in held if "burn (" in row["stack"] and row["rooted"]]
    assert sum(row["count"] for row in burning) > 10
    assert {row["thread"] for row in held} <= {row["thread"] for row in looked}
    raw = (tmp_path / run["file"]).read_text()
    assert "burn (" in raw and raw.startswith(("MainThread (", "Thread-1 (burn) ("))
    assert sorted(path.name for path in (tmp_path / "profiles").iterdir()) == [
        "base-profile-service-states.txt",
        "base-profile-service.speedscope.json",
        "base-profile-service.txt",
    ]
    seconds = sum(
        sum(profile["weights"])
        for profile in json.loads(
            (tmp_path / "profiles" / "base-profile-service.speedscope.json").read_text()
        )["profiles"]
    )
    assert seconds == pytest.approx(run["samples"] / 50)


def _by_kind(tables: Tables) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows seen with the lock, and rows of looks at all threads."""
    looks = {row["slice"] for row in tables.of("profile_slices") if row["kind"] == "states"}
    rows = tables.of("profiles")
    return (
        [row for row in rows if row["slice"] not in looks],
        [row for row in rows if row["slice"] in looks],
    )


THREADS = """
import hashlib, threading, time

def burn():
    while True:
        sum(range(2000))

def native():
    while True:
        hashlib.pbkdf2_hmac("sha256", b"x", b"y", 300_000)

def wait():
    threading.Event().wait()

for work in (burn, native, wait):
    threading.Thread(target=work, name=work.__name__, daemon=True).start()
print("ready", flush=True)
time.sleep(600)
"""


def test_threads_with_the_lock_without_it_and_idle_are_told_apart(tmp_path: Path) -> None:
    tables = Tables()
    with _python(THREADS) as process:
        good = asyncio.run(
            Profiler(tables, tables.note).profile("s", "p", process.pid, 6, tmp_path)
        )
    if not good and "may not be sampled" in str(tables.findings):
        pytest.skip("this machine does not let processes be sampled")
    _, looked = _by_kind(tables)
    seen: dict[str, Counter[str]] = {}
    for row in looked:
        seen.setdefault(row["thread"].split()[0], Counter())[row["state"]] += row["count"]
    assert set(seen) == {"MainThread", "burn", "native", "wait"}
    slices = tables.of("profile_slices")
    assert [row["slice"] for row in slices] == list(range(len(slices)))
    assert [row["kind"] for row in slices[:2]] == ["gil", "states"]
    looks = sum(row["samples"] for row in slices if row["kind"] == "states")
    assert {sum(counts.values()) for counts in seen.values()} == {looks}
    assert seen["burn"].most_common(1)[0][0] == "running_gil"
    assert seen["native"].most_common(1)[0][0] == "running"
    assert seen["wait"]["idle"] >= 0.8 * looks and seen["MainThread"]["idle"] >= 0.8 * looks
    cpu = {row["thread"].split()[0]: row["cpu_ratio"] for row in tables.of("profile_threads")}
    assert min(cpu["burn"], cpu["native"]) > 0.05 > max(cpu["wait"], cpu["MainThread"])


def test_profile_of_a_process_that_waits_is_empty(tmp_path: Path) -> None:
    tables = Tables()
    with _python("print('ready', flush=True)\nimport time\ntime.sleep(60)") as process:
        asyncio.run(Profiler(tables, tables.note).profile("s", "idle", process.pid, 1, tmp_path))
    if "profile-failed" in tables.slugs():
        pytest.skip("this machine does not let processes be sampled")
    assert tables.slugs() == ["profile-empty"]
    held, looked = _by_kind(tables)
    assert held == []
    assert looked and {row["state"] for row in looked} == {"idle"}
    run = tables.of("profile_runs")[0]
    assert (run["message"], run["samples"], run["file"]) == (None, 0, None)


def test_profile_of_nothing_is_a_finding_with_a_remedy(tmp_path: Path) -> None:
    tables = Tables()
    profiler = Profiler(tables, tables.note)
    assert not asyncio.run(profiler.profile("../peak", "gone", 2**22 + 1, 1, tmp_path))
    assert tables.slugs() == ["profile-failed"]
    assert "running process" in tables.findings[0].evidence["remedy"]
    (run,) = tables.of("profile_runs")
    assert run["samples"] == 0
    assert "is not there" in run["message"]
    assert not list(tmp_path.parent.glob("peak*"))


def test_profile_that_is_cancelled_leaves_nothing_running(tmp_path: Path) -> None:
    tables = Tables()

    async def scenario(pid: int) -> float:
        task = asyncio.create_task(
            Profiler(tables, tables.note).profile("peak", "service", pid, 60, tmp_path)
        )
        await asyncio.sleep(1)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    with _python(BUSY) as process:
        assert asyncio.run(scenario(process.pid)) < 5
        spies = [
            entry
            for entry in Path("/proc").glob("[0-9]*/cmdline")
            if f"--pid\0{process.pid}\0".encode() in _read(entry)
        ]
        assert spies == []
        assert process.poll() is None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
