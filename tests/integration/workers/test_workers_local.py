"""Several processes of one machine: the plan exactly, each arrival once; deaths are said."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest
import workers_harness as harness
from workers_harness import Frame, Master

from loadkit.model import Rate, Scenario, Stage, Users
from loadkit.scenario.schedule import Schedule

pytestmark = pytest.mark.integration
S = 1_000_000_000


def test_the_union_of_all_workers_is_exactly_the_plan(tmp_path: Path) -> None:
    stages = (
        Stage("even", Rate(101, max_users=12), 1),
        Stage("ramp", Rate(5, to=211), 1.3),
        Stage("closed", Users(5), 1.2),
    )
    with harness.serving() as server:
        run = harness.local(tmp_path, Scenario(stages=stages), 3, host=server.url, samples=True)
        received = server.received()
    assert (run.end["reason"], run.status) == ("finished", 0), run.errors
    planned = list(Schedule(stages))
    assert run.dues("even", "ramp") == planned
    flow = run.flow()
    assert flow["planned"] == flow["started"] == len(planned)
    assert flow["sent"] == flow["ok"] == received > len(planned) + 20
    within = [r for r in run.rows("generator") if 2.4 * S < r["mono_ns"] - run.t0_ns < 3.4 * S]
    assert sorted(row["users"] for row in within) == [1, 2, 2]
    assert run.end["in_flight"] == 0
    assert [frame["name"] for frame in run.of("stage")] == ["even", "ramp", "closed"]
    assert {row["worker"] for row in run.rows("generator")} == {"1", "2", "3"}
    assert [(w["state"], w["offset_ns"], w["local"]) for w in run.crew] == [
        ("ended", "0", True)
    ] * 3
    assert harness.all_gone([w["pid"] for w in run.crew], 5)
    assert run.errors == ""


def test_a_plain_locustfile_is_distributed_by_locust(tmp_path: Path) -> None:
    with harness.serving() as server:
        plain = harness.local(
            tmp_path, None, 2, host=server.url, users=7, spawn_rate=7, duration=1.5
        )
        of_plain = server.received()
    assert (plain.end["reason"], plain.end["in_flight"]) == ("finished", 0), plain.errors
    assert plain.flow()["sent"] == plain.flow()["ok"] == of_plain > 20
    users: dict[str, int] = {}
    for row in plain.rows("generator"):
        users[row["worker"]] = max(row["users"], users.get(row["worker"], 0))
    assert sorted(users.values()) == [3, 4]
    assert plain.end["mono_ns"] - plain.t0_ns == pytest.approx(1.5 * S, abs=0.5 * S)


def test_a_shape_of_a_plain_locustfile_runs_in_the_master(tmp_path: Path) -> None:
    text = f"""{harness.USERS}
from locust import LoadTestShape, events

class Shape(LoadTestShape):
    def tick(self):
        seconds = self.get_run_time()
        return (4, 4) if seconds < 1.2 else (2, 4) if seconds < 2.2 else None

@events.test_stop.add_listener
def on_stop(environment, **_):
    print("stopped", type(environment.runner).__name__, flush=True)
"""
    with harness.serving() as server:
        run = harness.local(tmp_path, None, 2, host=server.url, text=text)
        received = server.received()
    assert (run.end["reason"], run.status) == ("finished", 0), run.errors
    flow = run.flow()
    assert flow["sent"] == flow["ok"] + flow["cancelled"] == received > 20
    assert sorted(run.errors.split("\n")) == [
        "", "stopped MasterRunner", "stopped WorkerRunner", "stopped WorkerRunner",
    ]  # fmt: skip
    assert max(row["users"] for row in run.rows("generator")) == 2


def test_the_books_balance_but_for_what_is_printed_when_workers_are_killed_or_sent_away(
    tmp_path: Path,
) -> None:
    stages = (Stage("steady", Rate(150, max_users=12), 5),)
    killed: list[float] = []

    def end_two(frame: Frame, master: Master) -> None:
        if frame["type"] != "tick":
            return
        ticks = len(master.run.of("tick"))
        if ticks == 2:
            os.kill(master.run.crew[1]["pid"], signal.SIGKILL)
            killed.append(time.monotonic())
        if ticks == 3:
            os.kill(master.run.crew[2]["pid"], signal.SIGTERM)

    with harness.serving() as server:
        run = harness.local(tmp_path, Scenario(stages=stages), 3, end_two, host=server.url)
        received = server.received()
    lost, left = run.of("finding")
    assert [lost["slug"], left["slug"]] == ["worker-lost", "worker-lost"]
    # Ten seconds are allowed; of a child of its own the master knows at once.
    assert run.at[run.frames.index(lost)] - killed[0] < 2.0
    states = [worker["state"] for worker in run.crew]
    assert states == ["ended", "lost", "ended"]
    worker = run.crew[1]
    assert 0 < worker["lost_until_s"] - worker["lost_from_s"] < 2.0
    unknown = f"{worker['lost_from_s']:.3f} s is unknown ({worker['unknown']} arrivals were due)"
    assert unknown in lost["summary"]
    flow = run.flow()
    assert flow["planned"] == len(Schedule(stages)) == 750
    assert flow["planned"] == flow["started"] + flow["never_started"] + flow["unknown"]
    assert 0 < flow["unknown"] == worker["unknown"] <= 50 * 2.0
    assert "All it sent is known" in left["summary"]
    later = [int(re.findall(r"the (\d+) arrivals", f["summary"])[0]) for f in (lost, left)]
    assert 0 <= flow["never_started"] - sum(later) <= 2  # the one sent away gave some up itself
    ended = flow["ok"] + flow["failed"] + flow["raised"] + flow["cancelled"]
    assert flow["sent"] == ended + run.end["in_flight"]
    assert flow["sent"] <= received <= flow["sent"] + flow["unknown"]
    assert run.end["reason"] == "finished"


def test_an_interrupt_reaches_all_workers(tmp_path: Path) -> None:
    stages = (Stage("steady", Rate(80), 60),)
    with harness.serving() as server:

        def interrupt(frame: Frame, master: Master) -> None:
            if frame["type"] == "tick" and server.received() > 40:
                master.process.send_signal(signal.SIGTERM)

        run = harness.local(tmp_path, Scenario(stages=stages), 2, interrupt, host=server.url)
        received = server.received()
    flow = run.flow()
    assert (run.end["reason"], run.end["in_flight"]) == ("interrupted", 0), run.errors
    assert flow["sent"] == flow["ok"] == received > 40
    assert flow["planned"] == flow["started"] + flow["never_started"]
    assert [w["state"] for w in run.crew] == ["ended", "ended"]
    assert not run.of("finding")
    assert run.at[-1] - run.at[0] < 20
    assert harness.all_gone([w["pid"] for w in run.crew], 5)


def test_workers_do_not_outlive_their_master(tmp_path: Path) -> None:
    with harness.serving() as server:

        def kill(frame: Frame, master: Master) -> None:
            if frame["type"] == "tick" and server.received():
                master.process.kill()

        run = harness.local(
            tmp_path, Scenario(stages=[Stage("steady", Rate(80), 60)]), 2, kill, host=server.url
        )
        assert harness.all_gone([w["pid"] for w in run.crew], 3)
        before = server.received()
        time.sleep(0.5)
        assert server.received() == before > 0
    assert run.status == -signal.SIGKILL


def test_a_worker_that_cannot_begin_ends_the_run_before_anything_is_sent(tmp_path: Path) -> None:
    text = harness.USERS + (
        "\nimport os, sys\nif 'worker' in ' '.join(sys.argv): raise RuntimeError('no luck')\n"
    )
    with harness.serving() as server:
        run = harness.local(
            tmp_path,
            Scenario(stages=[Stage("steady", Rate(80), 60)]),
            2,
            host=server.url,
            text=text,
        )
        assert server.received() == 0
    assert run.end["reason"] == "error"
    assert "no luck" in run.end["message"]
    assert not run.of("begin")
