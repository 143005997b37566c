"""Coordinated omission: what a frozen server costs is seen in full."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import load_harness as harness
import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timed]

FREEZE_S, RATE, DURATION_S = 6.0, 100, 11
TEXT = f"""
from locust import task
from loadkit import HttpUser, Rate, Scenario, Stage
scenario = Scenario([Stage("s", Rate({RATE}), {DURATION_S})])
class U(HttpUser):
    @task
    def t(self):
        self.client.get("/ok")
"""


def test_a_server_frozen_for_six_seconds(tmp_path: Path) -> None:
    result, frozen_s, received = run_against_a_server_that_freezes(tmp_path)
    flow = result.flow()
    assert flow["planned"] == flow["completed"] == flow["ok"] == received == RATE * DURATION_S
    assert flow["late"] == 0
    found = result.histogram("response")
    for q in (0.95, 0.99, 1.0):
        # Of all arrivals the share 1 - q waited longer than this: due evenly while it was frozen.
        expected = frozen_s - (1 - q) * DURATION_S
        assert (found.quantile(q) or 0) / 1e9 == pytest.approx(expected, rel=0.03), q
    assert (found.quantile(0.3) or 0) / 1e9 < 0.05


def run_against_a_server_that_freezes(tmp_path: Path) -> tuple[harness.Run, float, int]:
    """What was recorded, for how long it was frozen, and how many requests it has seen."""
    window: list[int] = []

    def freeze(pid: int, at_ns: int) -> None:
        time.sleep(max(0.0, (at_ns - time.monotonic_ns()) / 1e9))
        window.append(time.monotonic_ns())
        os.kill(pid, signal.SIGSTOP)
        time.sleep(FREEZE_S)
        os.kill(pid, signal.SIGCONT)
        window.append(time.monotonic_ns())

    with harness.serving() as server:
        threads: list[threading.Thread] = []

        def on_frame(frame: harness.Frame, _: subprocess.Popen[bytes]) -> None:
            if frame["type"] == "begin":
                args = (server.process.pid, frame["t0_ns"] + 2_000_000_000)
                threads.append(threading.Thread(target=freeze, args=args))
                threads[0].start()

        result = harness.run(tmp_path, TEXT, host=server.url, on_frame=on_frame)
        threads[0].join()
        received = sum(server.stats()["received"].values())
    return result, (window[1] - window[0]) / 1e9, received
