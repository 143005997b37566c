"""Interrupts, killed processes and a full disk: nothing lives on, the bundle stays readable."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from run_helpers import (
    check_status,
    loadkit,
    members,
    reference_service,
    report_json,
    start_loadkit,
)

from loadkit import load_run

pytestmark = pytest.mark.integration

SCENARIO = """
from locust import FastHttpUser, task

from loadkit import Rate, Scenario, Stage


class Visitor(FastHttpUser):
    @task
    def pricing(self):
        self.client.get("/api/v1/pricing", headers={"Authorization": "Bearer demo-pro-key-1"})


scenario = Scenario(
    [Stage("steady", load=Rate(40), duration=60)], slos=["p95 < 300 ms"], stack="STACK"%s
)
"""
FORBID = ', forbid=["HighErrorRate"]'


@contextlib.contextmanager
def running(
    cwd: Path, stack: str, *arguments: str, seconds: float = 4.0
) -> Iterator[tuple[subprocess.Popen[str], Path, str]]:
    """loadkit in the middle of its load: (process, bundle, run id)."""
    text = (SCENARIO % (FORBID if stack == "embedded" else "")).replace("STACK", stack)
    (cwd / "long.py").write_text(text)
    process = start_loadkit("run", "long.py", *arguments, cwd=cwd)
    try:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            for path in cwd.glob("reports/*/manifest.json"):
                manifest = json.loads(path.read_text())
                if manifest["t0_mono_ns"]:
                    time.sleep(seconds)
                    yield process, path.parent, manifest["run_id"]
                    return
            time.sleep(0.1)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def nothing_lives(run_id: str, within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while members(run_id):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with reference_service(tmp_path) as service:
        yield service.url


def test_one_interrupt_ends_in_order(tmp_path: Path, url: str) -> None:
    with running(tmp_path, "none", "--host", url) as (process, bundle, run_id):
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert out.strip() == str(bundle.relative_to(tmp_path))
    assert nothing_lives(run_id, 0)
    report = report_json(bundle)
    assert report["exit_status"] == 130
    books = report["accounting"]
    assert books["sent"] == books["ok"] + books["cancelled"] + books["failed"] > 100
    assert report["verdict"] == "interrupted"
    assert (bundle / "report.html").stat().st_size > 10_000


def test_two_interrupts_end_quickly_and_the_bundle_reads(tmp_path: Path, url: str) -> None:
    with running(tmp_path, "none", "--host", url) as (process, bundle, run_id):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=15)
    assert process.returncode == 130
    assert nothing_lives(run_id)
    assert load_run(bundle).histogram().count > 50


def test_an_interrupt_before_the_load_still_gives_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text((SCENARIO % FORBID).replace("STACK", "embedded"))
    process = start_loadkit("run", "long.py", cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("reports/*/stack/prometheus")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    report = report_json(tmp_path / out.strip())
    assert (report["verdict"], report["accounting"]["ok"]) == ("interrupted", 0)


def test_kill_9_of_loadkit_leaves_nothing_but_a_readable_bundle(tmp_path: Path) -> None:
    with running(tmp_path, "embedded") as (process, bundle, run_id):
        assert len(members(run_id)) >= 6
        process.kill()
        process.wait()
        assert nothing_lives(run_id)
    assert load_run(bundle).histogram().count > 50
    report = report_json(bundle)
    assert report["exit_status"] == 1
    assert any(finding["slug"] == "supervisor-died" for finding in report["findings"])
    assert loadkit("report", bundle, cwd=tmp_path).returncode == 0
    assert (bundle / "report.html").exists()


def test_kill_9_of_the_load_child_is_said(tmp_path: Path, url: str) -> None:
    with running(tmp_path, "none", "--host", url) as (process, bundle, run_id):
        child = next(
            pid
            for pid in members(run_id)
            if "loadkit.load" in " ".join(psutil.Process(pid).cmdline())
        )
        os.kill(child, signal.SIGKILL)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1, err
    assert nothing_lives(run_id)
    report = report_json(bundle)
    assert any(finding["slug"] == "load-child-died" for finding in report["findings"])
    assert report["accounting"]["ok"] > 50
    assert all(slo["verdict"] != "passed" for slo in report["slos"])


def test_kill_9_of_prometheus_makes_its_verdicts_inconclusive_and_no_others(
    tmp_path: Path,
) -> None:
    options = ("--set", "steady.duration=12")
    with running(tmp_path, "embedded", *options) as (process, bundle, run_id):
        manifest = json.loads((bundle / "manifest.json").read_text())
        os.kill(manifest["stack"]["components"]["prometheus"]["pid"], signal.SIGKILL)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 5, err
    assert nothing_lives(run_id)
    report = report_json(bundle)
    assert any(finding["slug"] == "component-died" for finding in report["findings"])
    alert = next(row for row in report["alerts"] if row["name"] == "HighErrorRate")
    assert alert["verdict"] == "inconclusive"
    assert [slo["verdict"] for slo in report["slos"]] == ["passed"]
    assert report["accounting"]["ok"] == 480


def test_a_disk_that_fills_up_in_mid_run_costs_nothing_and_is_said(
    tmp_path: Path, url: str
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a small disk can only be mounted as root")
    try:
        options = ("--host", url, "--reports", str(disk), "--set", "steady.duration=10")
        text = (SCENARIO % "").replace("STACK", "none")
        (tmp_path / "long.py").write_text(text)
        process = start_loadkit("run", "long.py", *options, cwd=tmp_path)
        while not list(disk.glob("*/tables/intervals.arrows")):
            time.sleep(0.1)
            assert process.poll() is None, process.communicate()[1]
        time.sleep(2)
        with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 4096)
        out, err = process.communicate(timeout=60)
        assert "cannot be written" in err
        bundle = Path(out.strip())
        check_status(process.returncode, bundle, said=err)
        assert (bundle / "report.html").stat().st_size > 10_000
        report = report_json(bundle)
        assert any(finding["slug"] == "disk-full" for finding in report["findings"])
        # Nothing is lost: rows waited in memory for the space kept back for the end.
        assert report["accounting"]["ok"] == 400
        assert load_run(bundle).histogram().count == 400
    finally:
        subprocess.run(["umount", str(disk)], check=True)
