"""The tutorial, executed: every block of docs/tutorial.md in an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from init_helpers import refused
from run_helpers import environment, report_json
from tutorial_page import Block, blocks, script

from loadkit.config import load_config
from loadkit.errors import LoadkitError
from loadkit.stack import binaries
from loadkit.stack.freeports import free_port

pytestmark = pytest.mark.integration

QUEUE = "shop_queue_depth / shop_queue_capacity"


@dataclass(frozen=True, slots=True)
class Session:
    """What the tutorial left behind."""

    folder: Path
    steps: list[Block]
    page: list[Block]

    def step(self, words: str) -> int:
        """The number of the first step that has these words in it."""
        return next(n for n, block in enumerate(self.steps) if words in block.text)

    def out(self, words: str) -> str:
        return (self.folder / f"step-{self.step(words)}.out").read_text(encoding="utf-8")

    def err(self, words: str) -> str:
        return (self.folder / f"step-{self.step(words)}.err").read_text(encoding="utf-8")

    def status(self, words: str) -> int:
        return int((self.folder / f"step-{self.step(words)}.status").read_text())

    def bundle(self, ending: str) -> Path:
        (found,) = (self.folder / "reports").glob(f"*-{ending}")
        return found


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("shop")
    page = blocks({"8000": free_port(), "9090": free_port()})
    path = [str(Path(sys.executable).parent)]
    try:
        server = binaries.ensure(lambda _: None, ("prometheus",))["prometheus"].path
        path.append(str(server.parent))
    except LoadkitError:
        server = None
    text, steps = script(page, server is not None)
    process = subprocess.Popen(
        [shutil.which("bash") or "bash", "-c", text],
        cwd=folder,
        env=environment(PATH=os.pathsep.join([*path, os.environ["PATH"]])),
        start_new_session=True,
    )
    try:
        process.wait(900)
    finally:
        for one in ("-TERM", "-KILL"):
            subprocess.run(["kill", one, "--", f"-{process.pid}"], check=False, capture_output=True)
    yield Session(folder, steps, page)


def test_every_step_ends_as_the_page_says(session: Session) -> None:
    for step in ("loadkit init", "loadkit plan"):
        assert session.status(step) == 0, session.err(step)
    ended = {name: _ending(session, name) for name in ("first", "rush", "gate")}
    assert ended["first"] in (0, 5), session.err("loadkit run scenarios/first.py\n")
    assert session.status("loadkit run scenarios/first.py\n") == ended["first"]
    assert ended["rush"] in (3, 5), session.err("--name rush")
    assert f"exit status {ended['rush']}\n" in session.out("--name rush")
    assert session.status("sh gate.sh") == (0 if ended["gate"] == 0 else 1)
    assert re.search("^gate: ", session.out("sh gate.sh"), re.M)


def _ending(session: Session, name: str) -> int:
    """The exit status of a run; 5 only where the machine was too busy for a verdict."""
    report = report_json(session.bundle(name))
    status = int(report["exit_status"])
    if status == 5:
        assert report["generator"]["verdict"] == "invalid"
    return status


def test_what_init_says_is_what_the_page_shows(session: Session) -> None:
    (shown,) = (block.text for block in session.page if block.mark == "output: init")
    assert _plain(session.out("loadkit init")) == _plain(shown)


def _plain(text: str) -> str:
    return re.sub(r"pid \d+", "pid N", re.sub(r" +$", "", text, flags=re.M)).strip()


def test_what_init_wrote_is_good(session: Session) -> None:
    assert refused(session.folder / "scenarios" / "first.py") == ""
    config = load_config(session.folder, {})
    assert config.run.stack == "external"
    assert config.metrics.urls == (f"{config.service.url}/metrics",)
    assert [process.port for process in config.processes]


def test_the_four_golden_signals_of_the_service_are_there(session: Session) -> None:
    report = report_json(session.bundle("rush"))
    roles = {(one["role"], one["metric"]) for one in report["roles"]}
    assert not any(one["said"] for one in report["roles"])
    assert ("rate", "shop_orders_handled_total") in roles
    assert ("duration", "shop_handle_seconds") in roles
    assert ("saturation", QUEUE) in roles
    (errors,) = (metric for role, metric in roles if role == "errors")
    assert errors.startswith("shop_orders_handled_total{result")
    assert any(row["source"] == QUEUE for row in _golden(report) if row["name"] == "Saturation")
    own = {row["name"]: row for row in _golden(report) if row["source"].startswith("service")}
    assert own.keys() >= {"Latency", "Traffic", "Errors"}
    assert all(row["peak"] for row in own.values())


def _queue(report: dict[str, Any]) -> list[dict[str, Any]]:
    """How full the queue was, of the resources that were found."""
    return [row for row in report["signals"] if row["source"] == QUEUE and row["method"] == "USE"]


def _golden(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in report["signals"] if row["method"] == "golden"]


def test_its_saturation_was_found_from_the_exposition(session: Session) -> None:
    """Eighty cups a second for 120 orders: the queue is full, and nobody had to say which it is."""
    for name, least, most in (("first", 0, 20), ("rush", 60, 100)):
        (row,) = _queue(report_json(session.bundle(name)))
        mean = float(re.findall(r"mean ([\d.]+) %", row["peak"])[0])
        assert least <= mean <= most, (name, row)


def test_a_prometheus_of_ones_own(session: Session) -> None:
    if not any("--prometheus-job" in block.text for block in session.steps):
        pytest.skip("no Prometheus on this machine: that part of the tutorial was not run")
    assert session.status("--prometheus-job shop") in (0, 5), session.err("--prometheus-job shop")
    report = report_json(session.bundle("watched"))
    assert ("saturation", QUEUE) in {(one["role"], one["metric"]) for one in report["roles"]}
    assert len(_queue(report)) == 1
    (traffic,) = (
        row["peak"]
        for row in _golden(report)
        if row["name"] == "Traffic" and row["source"].startswith("service")
    )
    # Read directly as well: one request must not be counted twice.
    assert 4 <= float(traffic.removesuffix("/s")) <= 6
