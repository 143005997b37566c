"""Workers on hosts of their own: network namespaces, one of them with another clock."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import workers_harness as harness
from workers_harness import Frame, Master

from loadkit.model import Rate, Scenario, Stage
from loadkit.scenario.schedule import Schedule

pytestmark = pytest.mark.integration
AHEAD_S = 1_000


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)


def need(*words: str) -> None:
    """Runs a command that prepares the test; where it cannot, the test is skipped."""
    done = command(*words)
    if done.returncode:
        pytest.skip(f"this machine cannot: {' '.join(words)}: {done.stderr.strip()}")


class Hosts:
    """Two network namespaces, each at the end of a cable whose other end is here."""

    def __init__(self) -> None:
        self.names = [f"lkw{os.getpid()}{letter}" for letter in "ab"]
        self.net = f"10.203.{os.getpid() % 250}"

    def here(self, index: int) -> str:
        return f"{self.net}.{index * 4 + 1}"

    def there(self, index: int) -> str:
        return f"{self.net}.{index * 4 + 2}"

    def launcher(self, index: int) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.names[index])

    def make(self) -> None:
        for index, name in enumerate(self.names):
            near, far = f"{name}n", f"{name}f"
            need("ip", "netns", "add", name)
            need("ip", "link", "add", near, "type", "veth", "peer", "name", far)
            need("ip", "link", "set", far, "netns", name)
            need("ip", "address", "add", f"{self.here(index)}/30", "dev", near)
            need("ip", "link", "set", near, "up")
            inside = ("ip", "-n", name)
            need(*inside, "address", "add", f"{self.there(index)}/30", "dev", far)
            need(*inside, "link", "set", far, "up")
            need(*inside, "link", "set", "lo", "up")
            need(*inside, "route", "add", "default", "via", self.here(index))

    def remove(self) -> None:
        for name in self.names:
            command("ip", "link", "delete", f"{name}n")
            command("ip", "netns", "delete", name)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    if os.geteuid() or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and ip")
    found = Hosts()
    try:
        found.make()
        yield found
    finally:
        found.remove()


def clock_ahead() -> tuple[str, ...]:
    """Starts a command whose CLOCK_MONOTONIC is ahead; nothing where that cannot be."""
    words = ("unshare", "--time", "--monotonic", str(AHEAD_S), "--fork", "--kill-child")
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        if command(*words, "true").returncode == 0:
            return words
    return ()


def test_workers_on_other_hosts_make_the_plan_exactly_whatever_their_clocks(
    hosts: Hosts, tmp_path: Path
) -> None:
    stages = (Stage("steady", Rate(90, max_users=10), 2),)
    file = harness.write(tmp_path)
    ahead = clock_ahead()
    workers: list[subprocess.Popen[str]] = []

    def on_frame(frame: Frame) -> None:
        if frame["type"] == "listening":
            for index, name in enumerate(("first", "second")):
                launcher = hosts.launcher(index) + (ahead if index else ())
                at = {"host": hosts.here(0), "launcher": launcher, "name": name}
                workers.append(harness.start_worker(file, frame["port"], **at))  # type: ignore[arg-type]

    with harness.serving(hosts.here(0)) as server:
        setup = {"workers": 2, "local": False, "host": hosts.here(0), "port": 0}
        master = Master(
            file, Scenario(stages=stages), host=server.url, samples=True,
            allowed_hosts=[hosts.here(0)], master={**setup, "token": harness.TOKEN},
        )  # fmt: skip
        try:
            run = master.follow(on_frame)
            said = [worker.communicate(timeout=15)[0] for worker in workers]
        finally:
            for worker in workers:
                worker.kill()
        received = server.received()
    assert run.end["reason"] == "finished", f"{run.errors}{said}"
    assert said == ["", ""]
    assert run.dues("steady") == list(Schedule(stages))
    assert run.flow()["sent"] == run.flow()["ok"] == received == 180
    rows = Counter(row["worker"] for row in run.rows("generator"))
    assert set(rows) == {"first", "second"}
    first, second = sorted(run.crew, key=lambda worker: worker["name"])
    assert (first["offset_ns"], first["uncertainty_ns"]) == ("0", "0")
    if not ahead:
        pytest.skip("all but the other clock: this machine has no time namespaces")
    off = int(second["offset_ns"]) + AHEAD_S * 1_000_000_000
    assert 0 < int(second["uncertainty_ns"]) < 20_000_000
    assert abs(off) <= int(second["uncertainty_ns"])
    stamps = [row["mono_ns"] - run.t0_ns for row in run.rows("generator")]
    assert min(stamps) > -5e9  # its own clock is 1,000 s away; health is told before the load too
    assert max(stamps) < 20_000_000_000
