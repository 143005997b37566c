from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from loadkit.errors import StackError
from loadkit.stack.guard import Guard
from loadkit.stack.interpreter import python_path
from loadkit.stack.process import RUN_ID, ManagedProcess, describe_exit

pytestmark = pytest.mark.integration

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('deaf', flush=True); time.sleep(600)"
)


def make(tmp_path: Path, code: str, run_id: str = "test", **extra: str) -> ManagedProcess:
    return ManagedProcess(
        "thing",
        [sys.executable, "-c", code],
        run_id=run_id,
        output=tmp_path / "output.log",
        directory=tmp_path,
        environment=extra,
    )


def members(run_id: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN_ID) == run_id:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def run_id() -> Iterator[str]:
    name = f"test-{uuid.uuid4()}"
    yield name
    left = members(name)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


async def says(process: ManagedProcess, word: str) -> None:
    async def check() -> bool:
        return word in process.tail()

    await process.until(check, deadline_s=10, what=f"saying {word}")


def test_end_status_group_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid")
    code = (
        "import os; print(os.getpgrp() == os.getpid() == os.getsid(0), os.environ['A'], "
        f"os.environ['{RUN_ID}'], 'HTTP_PROXY' in os.environ); raise SystemExit(7)"
    )

    async def run() -> None:
        process = make(tmp_path, code, "some run", A="b")
        await process.start()
        assert await asyncio.wait_for(process.died, 10) == 7
        assert not process.running
        assert await process.stop() == 7  # harmless afterwards

    asyncio.run(run())
    assert (tmp_path / "output.log").read_text() == "True b some run False\n"


def test_a_child_is_asked_first_and_killed_when_it_does_not_listen(tmp_path: Path) -> None:
    async def run() -> tuple[int, int]:
        polite = make(tmp_path, "print('up', flush=True); import time; time.sleep(600)")
        await polite.start()
        await says(polite, "up")
        asked = await polite.stop(grace_s=30)
        deaf = make(tmp_path, STUBBORN)
        await deaf.start()
        await says(deaf, "deaf")
        return asked, await deaf.stop(grace_s=0.2)

    assert asyncio.run(run()) == (-signal.SIGTERM, -signal.SIGKILL)


def test_a_cancelled_stop_kills_at_once(tmp_path: Path) -> None:
    async def run() -> int:
        deaf = make(tmp_path, STUBBORN)
        await deaf.start()
        await says(deaf, "deaf")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(deaf.stop(grace_s=600), 0.2)
        return await asyncio.wait_for(deaf.died, 5)

    assert asyncio.run(run()) == -signal.SIGKILL


async def never() -> bool:
    return False


def test_a_deadline_and_an_early_end_show_the_last_lines(tmp_path: Path) -> None:
    async def run(code: str) -> str:
        process = make(tmp_path, code)
        await process.start()
        try:
            with pytest.raises(StackError) as error:
                await process.until(never, deadline_s=0.5)
        finally:
            await process.stop()
        return str(error.value)

    slow = asyncio.run(run("print('still thinking', flush=True); import time; time.sleep(600)"))
    assert "thing was not healthy within 0.5 s" in slow
    assert "still thinking" in slow
    assert str(tmp_path / "output.log") in slow
    dead = asyncio.run(run("raise SystemExit('no such luck')"))
    assert "thing ended with exit status 1; its last lines:" in dead
    assert "no such luck" in dead


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    process = ManagedProcess("thing", ["/no/such"], run_id="x", output=tmp_path / "o")
    with pytest.raises(StackError, match="/no/such: thing could not be started: No such file"):
        asyncio.run(process.start())
    assert not process.has_started


def test_exits_are_described() -> None:
    assert describe_exit(3) == "exit status 3"
    assert describe_exit(-9) == "signal SIGKILL"


SUPERVISOR = f"""
import asyncio, os, sys, time
from pathlib import Path
from loadkit.stack.guard import Guard
from loadkit.stack.process import ManagedProcess

async def main(run_id, folder):
    async with Guard(run_id) as guard:
        for number, code in enumerate(["import time; time.sleep(600)", {STUBBORN!r}, CHILD]):
            process = ManagedProcess("p", [sys.executable, "-c", code], run_id=run_id,
                                     output=Path(folder, f"{{number}}.log"))
            await process.start()
        while not ("deaf" in Path(folder, "1.log").read_text()
                   and "born" in Path(folder, "2.log").read_text()):
            await asyncio.sleep(0.02)
        print(guard.pid, flush=True)
        await asyncio.sleep(600)

CHILD = ("import subprocess, sys; subprocess.Popen([sys.executable, '-c', "
         "'import time; time.sleep(600)'], start_new_session=True); print('born', flush=True)")
asyncio.run(main(*sys.argv[1:]))
"""


def test_nothing_outlives_a_supervisor_killed_with_minus_nine(tmp_path: Path, run_id: str) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, run_id, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": python_path()},
        start_new_session=True,
    )
    assert supervisor.stdout is not None
    guard = int(supervisor.stdout.readline())
    # Two children and a grandchild in a session of its own, once its parent is gone.
    deadline = time.monotonic() + 10
    while len(members(run_id)) != 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(members(run_id)) == 3
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(guard, number)  # deaf to what a terminal sends
    os.killpg(supervisor.pid, signal.SIGKILL)
    killed = time.monotonic()
    supervisor.wait()
    supervisor.stdout.close()
    while members(run_id) or psutil.pid_exists(guard):
        assert time.monotonic() < killed + 15
        time.sleep(0.05)
    assert time.monotonic() - killed < 15


def test_a_farewell_leaves_the_living_alone(tmp_path: Path, run_id: str) -> None:
    async def run() -> None:
        process = make(tmp_path, "import time; time.sleep(600)", run_id)
        async with Guard(run_id) as guard:
            pid = guard.pid
            await process.start()
        assert pid is not None
        assert not psutil.pid_exists(pid)
        assert process.running
        await process.stop()

    asyncio.run(run())


def test_an_exception_sweeps_and_others_are_left_alone(tmp_path: Path, run_id: str) -> None:
    async def run() -> None:
        mine = make(tmp_path, "import time; time.sleep(600)", run_id)
        other = make(tmp_path, "import time; time.sleep(600)", f"{run_id}-other")
        with pytest.raises(KeyError):
            async with Guard(run_id):
                await mine.start()
                await other.start()
                raise KeyError("boom")
        assert await asyncio.wait_for(mine.died, 5) == -signal.SIGTERM
        assert other.running
        await other.stop()

    asyncio.run(run())


def test_a_group_led_by_somebody_else_is_not_ended(tmp_path: Path, run_id: str) -> None:
    # As when a shell or make started loadkit and a child stayed in its group.
    code = (
        "import os, subprocess, sys, time; "
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], "
        f"env={{**os.environ, '{RUN_ID}': {run_id!r}}}); "
        "print('born', flush=True); time.sleep(600)"
    )

    async def run() -> None:
        leader = make(tmp_path, code, f"{run_id}-leader")
        with pytest.raises(KeyError):
            async with Guard(run_id):
                await leader.start()
                await says(leader, "born")
                assert len(members(run_id)) == 1
                raise KeyError("boom")
        assert members(run_id) == []
        assert leader.running
        await leader.stop()

    asyncio.run(run())
