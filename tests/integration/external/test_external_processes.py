"""Finding a process by its command line and its port, among real ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from external_servers import free_port, shop

from loadkit.collect.processes import find
from loadkit.config import Process
from loadkit.errors import UsageError

pytestmark = pytest.mark.integration


def test_a_prefork_server_by_port_and_by_command(tmp_path: Path) -> None:
    with shop(tmp_path) as service:
        by_port = find(Process(name="shop", port=service.port), "here")
        by_command = find(Process(name="shop", command=str(tmp_path / "prefork_shop")), "here")
    for found in (by_port, by_command):
        assert found.pid == service.pid
        assert set(found.workers) == set(service.workers)
        assert found.profiled in service.workers
        assert f"what is profiled is pid {found.profiled}, the worker that" in found.how
        assert set(found.watched) == {"shop", "shop worker 1", "shop worker 2"}


def test_by_its_id_it_is_that_one_alone(tmp_path: Path) -> None:
    with shop(tmp_path) as service:
        found = find(Process(name="shop", pid=service.pid), "here")
    assert (found.pid, found.workers, found.profiled) == (service.pid, (), service.pid)


def test_a_shell_around_the_command_is_not_taken(tmp_path: Path) -> None:
    word = f"marker-{os.getpid()}-{free_port()}"
    wait = f"import sys; print('up', flush=True); sys.stdin.read()  # {word}"
    # The shell has the whole text in its own command line; the `;` keeps it from replacing itself.
    command = f'"{sys.executable}" -c "{wait}"; true'
    with subprocess.Popen(
        ["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        found = find(Process(name="x", command=word), "here")
        assert found.pid != process.pid
        process.communicate("")


def test_several_that_do_not_belong_together_are_listed(tmp_path: Path) -> None:
    word = f"marker-{os.getpid()}-{free_port()}"
    wait = "import sys; print('up', flush=True); sys.stdin.read()"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", wait, word, "--password=hunter2"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        for process in both:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
        with pytest.raises(UsageError) as caught:
            find(Process(name="x", command=word), "loadkit.toml:3")
    finally:
        for process in both:
            process.communicate("")
    told = str(caught.value)
    assert told.startswith(f"loadkit.toml:3: 2 processes with {word!r} in their command lines:\n")
    for process in both:
        assert f"pid {process.pid} (" in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Process(name="x", command="no-process-has-this-in-it"), "there is no process with"),
        (Process(name="x", pid=2**31 - 1), "there is no process 2147483647"),
    ],
)
def test_nobody_there(wanted: Process, told: str) -> None:
    with pytest.raises(UsageError, match=f"^loadkit.toml:3: {told}"):
        find(wanted, "loadkit.toml:3")
    with pytest.raises(UsageError, match="listening on port"):
        find(Process(name="x", port=free_port()), "loadkit.toml:3")


# What another user is told of a process that is not his: run as one, by giving up being root.
STRANGER = """
import asyncio, concurrent.futures.thread, json, os, sys
from pathlib import Path
from loadkit.collect.host import HostWatch
from loadkit.collect.processes import find
from loadkit.collect.profiler import Profiler
from loadkit.config import Process

rows, notes = {}, []


class Sink:
    def append(self, table, more):
        rows.setdefault(table, []).extend(dict(row) for row in more)


async def look(pid, folder):
    sink = Sink()
    watch = HostWatch({"theirs": pid}, sink=sink, note=notes.append, disk=Path("/"), every_s=0.05)
    await watch.start()
    async with asyncio.timeout(30):
        while len(rows.get("processes", ())) < 3:
            await asyncio.sleep(0.05)
    await Profiler(sink, notes.append).profile("steady", "theirs", pid, 1, folder)
    await watch.stop()


# Whatever is imported late must be in before: the interpreter's own folder may be closed to him.
asyncio.run(asyncio.to_thread(os.getpid))
pid, folder = int(sys.argv[1]), Path(sys.argv[2])
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
found = find(Process(name="theirs", pid=pid), "here")
asyncio.run(look(pid, folder))
last = rows["processes"][-1]
print(json.dumps({
    "user": found.user,
    "cpu": last["cpu_ratio"],
    "rss": last["rss_bytes"],
    "notes": [[note.slug, note.summary, dict(note.evidence)] for note in notes],
}))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_process_of_another_user_is_watched_and_its_profile_is_missed(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    folder.chmod(0o777)
    for above in (tmp_path, *tmp_path.parents[:3]):
        if str(above).startswith("/tmp/"):
            above.chmod(above.stat().st_mode | 0o055)
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, str(os.getpid()), str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["user"] == "root"
    assert told["cpu"] >= 0
    assert told["rss"] > 1_000_000
    (slug, summary, evidence) = told["notes"][-1]
    assert slug == "profile-failed"
    assert summary.startswith("There is no profile of theirs in stage steady: ")
    assert evidence["remedy"]
