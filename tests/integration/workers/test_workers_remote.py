"""Workers that come by themselves: the token, cut links, silence, a master that is gone."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import workers_harness as harness
from workers_harness import Frame, Master
from workers_proxy import Proxy

from loadkit.model import Rate, Scenario, Stage
from loadkit.scenario.schedule import Schedule

pytestmark = pytest.mark.integration
STAGES = (Stage("steady", Rate(120, max_users=12), 4),)


class Crew:
    """Workers that are started once the master listens."""

    def __init__(self, file: Path, cut_at_ticks: tuple[int, ...] = ()) -> None:
        self.file = file
        self.workers: dict[str, subprocess.Popen[str]] = {}
        self.strangers: dict[str, subprocess.Popen[str]] = {}
        self.proxy: Proxy | None = None
        self.door: Proxy | None = None  # closed until the first tick
        self.cut_at_ticks = cut_at_ticks
        self.port = 0

    def on_frame(self, frame: Frame, master: Master) -> None:
        if frame["type"] == "listening":
            self.port = frame["port"]
            self.arrive()
        if frame["type"] == "tick" and self.proxy is not None:
            self.on_tick(len(master.run.of("tick")), master)

    def arrive(self) -> None:
        self.proxy = Proxy(self.port)
        for name in ("near", "far"):
            port = self.proxy.port if name == "far" else self.port
            self.workers[name] = harness.start_worker(self.file, port, name=name)

    def on_tick(self, number: int, master: Master) -> None:
        assert self.proxy is not None
        if number == 1 and self.door is not None:
            self.door.open()
        if number in self.cut_at_ticks:
            self.proxy.cut()

    @contextlib.contextmanager
    def cared_for(self) -> Iterator[None]:
        try:
            yield
        finally:
            for proxy in filter(None, (self.proxy, self.door)):
                proxy.close()
            for process in (*self.workers.values(), *self.strangers.values()):
                process.kill()
                process.communicate()

    def said(self, name: str) -> tuple[str, int]:
        """What a worker printed, and its exit status."""
        process = {**self.workers, **self.strangers}[name]
        text, _ = process.communicate(timeout=60)
        return text, process.returncode


def elsewhere(file: Path, server: harness.Server, **plan: object) -> Master:
    master = {"workers": 2, "local": False, "host": "127.0.0.1", "port": 0, "token": harness.TOKEN}
    return Master(file, Scenario(stages=STAGES), host=server.url, master=master, **plan)


class WithStrangers(Crew):
    """Those who are refused come first; each has its say before the others come."""

    def arrive(self) -> None:
        other = self.file.parent / "other" / self.file.name
        other.parent.mkdir()
        other.write_text(self.file.read_text() + "\n# one byte more\n")
        start = harness.start_worker
        self.strangers["wrong token"] = start(self.file, self.port, token="quite another token")
        self.strangers["wrong file"] = start(other, self.port)
        for process in self.strangers.values():
            process.wait(60)
        super().arrive()
        # Made ready beforehand, so that it is too late by little.
        self.door = Proxy(self.port, closed=True)
        self.strangers["too late"] = start(self.file, self.door.port)


def test_strangers_are_refused_at_both_ends_and_a_cut_link_loses_nothing(tmp_path: Path) -> None:
    crew = WithStrangers(harness.write(tmp_path), cut_at_ticks=(1, 2, 3))
    with harness.serving() as server, crew.cared_for():
        master = elsewhere(crew.file, server, samples=True)
        run = master.follow(lambda frame: crew.on_frame(frame, master))
        received = server.received()
        assert crew.proxy is not None
        # One for data and one for Locust at first, and again after each cut.
        assert crew.proxy.connections >= 6
        wrong, late = crew.said("wrong token"), crew.said("too late")
        other = crew.said("wrong file")
        assert crew.said("near") == ("", 0)
        assert crew.said("far") == ("", 0)
    assert run.end["reason"] == "finished", run.errors
    assert run.dues("steady") == list(Schedule(STAGES))
    assert run.flow()["sent"] == run.flow()["ok"] == received == 480
    assert [(w["name"], w["state"]) for w in sorted(run.crew, key=lambda w: w["name"])] == [
        ("far", "ended"),
        ("near", "ended"),
    ]
    assert "error: " in wrong[0]
    assert "the master refused this worker: its token is not the master's" in wrong[0]
    assert wrong[1] == 2
    assert "its users.py is not the master's users.py" in other[0]
    assert other[1] == 2
    assert "the run has begun without it" in late[0]
    assert late[1] == 1
    reasons = [f["evidence"]["reason"] for f in run.of("finding")]
    assert "its token is not the master's" in reasons
    assert {f["slug"] for f in run.of("finding")} == {"worker-refused"}
    told = f"{run.errors}{run.frames}{wrong}{other}{late}"
    assert harness.TOKEN not in told
    assert "quite another token" not in told


class Silent(Crew):
    """The link of one stands still, and neither end is told; another one stands still itself."""

    stalled_at = 0.0

    def arrive(self) -> None:
        super().arrive()
        self.workers["frozen"] = harness.start_worker(self.file, self.port, name="frozen")

    def on_tick(self, number: int, master: Master) -> None:
        assert self.proxy is not None
        if number == 1:
            self.proxy.stall()
            self.workers["frozen"].send_signal(signal.SIGSTOP)
            self.stalled_at = time.monotonic()

    def on_frame(self, frame: Frame, master: Master) -> None:
        super().on_frame(frame, master)
        if len(master.run.of("finding")) == 2:
            self.workers["frozen"].send_signal(signal.SIGCONT)


def test_silence_is_said_within_ten_seconds_and_the_silent_send_no_more(tmp_path: Path) -> None:
    crew = Silent(harness.write(tmp_path))
    stages = (Stage("steady", Rate(90, max_users=12), 9),)
    with harness.serving() as server, crew.cared_for():
        setup = {"workers": 3, "local": False, "port": 0, "token": harness.TOKEN}
        master = Master(crew.file, Scenario(stages=stages), host=server.url, master=setup)
        run = master.follow(lambda frame: crew.on_frame(frame, master))
        received = server.received()
        far, frozen = crew.said("far"), crew.said("frozen")
        assert crew.said("near") == ("", 0)
    findings = run.of("finding")
    assert [finding["slug"] for finding in findings] == ["worker-lost", "worker-lost"]
    for finding in findings:
        assert 3 < run.at[run.frames.index(finding)] - crew.stalled_at < 10
        assert "nothing was heard of it for 5 s" in finding["summary"]
    assert "nothing was heard of the master for 4 s; this worker sends nothing more" in far[0]
    assert "this process stood still for" in frozen[0]
    assert (far[1], frozen[1]) == (1, 1)
    flow = run.flow()
    assert flow["planned"] == 810 == flow["started"] + flow["never_started"] + flow["unknown"]
    lost = {w["name"]: w for w in run.crew if w["state"] == "lost"}
    assert set(lost) == {"far", "frozen"}
    assert 0 < flow["unknown"] == sum(worker["unknown"] for worker in lost.values())
    assert flow["never_started"] > 0
    # What stood still sent nothing of what had become overdue when it went on.
    assert flow["sent"] <= received <= flow["sent"] + lost["far"]["unknown"] + 30


class Orphans(Crew):
    """The master is killed."""

    def on_tick(self, number: int, master: Master) -> None:
        if number == 1:
            master.process.kill()


def test_workers_of_a_killed_master_end_by_themselves(tmp_path: Path) -> None:
    crew = Orphans(harness.write(tmp_path))
    with harness.serving() as server, crew.cared_for():
        master = elsewhere(crew.file, server)
        master.follow(lambda frame: crew.on_frame(frame, master))
        for name in ("near", "far"):
            text, status = crew.said(name)
            assert "this worker sends nothing more" in text
            assert status == 1
        before = server.received()
        time.sleep(0.5)
        assert server.received() == before > 0


def test_too_few_workers_end_the_run_with_nothing_sent(tmp_path: Path) -> None:
    crew = Crew(harness.write(tmp_path))
    with harness.serving() as server, crew.cared_for():
        setup = {"workers": 3, "local": False, "port": 0, "token": harness.TOKEN, "timeout": 10}
        master = Master(crew.file, Scenario(stages=STAGES), host=server.url, master=setup)
        run = master.follow(lambda frame: crew.on_frame(frame, master))
        assert server.received() == 0
        assert (run.end["reason"], run.status) == ("error", 0)
        assert run.end["message"] == "2 of 3 workers came within 10 s; nothing was sent"
        text, status = crew.said("near")
        assert "the master ended the run before it began" in text
        assert status == 1
