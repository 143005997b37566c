"""Memory tracked in runs: a leak and its size, a healthy stage, a foreign process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from run_helpers import ROOT, bundle_of, loadkit, report_json

from loadkit.bundle.reader import load_run

pytestmark = pytest.mark.integration

SCENARIO = """
import sys
sys.path.insert(0, {folder!r})
from cost_users import CostUser
from loadkit import Fault, Rate, Scenario, Stage
__all__ = ["CostUser", "scenario"]
FAULTS = (
    ("lock", 0.04, "calculate_total"),
    ("pricing_slow", 0.15, None),
    ("loop_blocked", 0.3, None),
    ("db_unavailable", 0.25, None),
    ("cache_evicted", 1, None),
)
scenario = Scenario(
    [
        Stage("calm", load=Rate(20), duration=4),
        *(Stage(kind, load=Rate(15), duration=4) for kind, _, _ in FAULTS),
        Stage("healthy-memory", load=Rate(25), duration=14),
        Stage("leaking-memory", load=Rate(25), duration=14),
    ],
    faults=[
        *(Fault(kind, value, kind, step) for kind, value, step in FAULTS),
        Fault("leak", 1024, "leaking-memory"),
    ],
    stack="embedded",
)
"""
PLANTED = "planted-password-77f1"
SERVICE = """
import asyncio, sys
kept = []
def keep_for_ever(size):
    kept.append(b"\\xa5" * (size - 33 - 8))
async def handle(reader, writer):
    while await reader.readline():
        while await reader.readline() not in (b"\\r\\n", b""):
            pass
        keep_for_ever(2048)
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
        await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()
asyncio.run(main())
"""
FOREIGN = """
from locust import task
from loadkit import HttpUser, Rate, Scenario, Stage
scenario = Scenario(
    [
        Stage("steady", load=Rate(25), duration=2),
        Stage("tracked", load=Rate(30), duration=18, profile="memory"),
    ]
)
class Visitor(HttpUser):
    @task
    def look(self) -> None:
        self.client.get("/")
"""


def growth_of(report: dict[str, Any], stage: str) -> dict[str, Any]:
    (run,) = [run for run in report["memory"]["runs"] if run["stage"] == stage]
    assert run["message"] is None
    growth: dict[str, Any] = run["growth"]
    return growth | {"functions": {one["what"]: one for one in run["functions"]}, "run": run}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Bundle and report of a run with one fault after another, memory tracked at its end."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "s.py").write_text(SCENARIO.format(folder=str(ROOT / "scenarios")))
    bundle = bundle_of(loadkit("run", "s.py", cwd=folder, timeout=400), folder)
    return bundle, report_json(bundle)


def test_a_leak_is_found_by_size_and_function_and_a_healthy_stage_is_not(
    broken: tuple[Path, dict[str, Any]],
) -> None:
    bundle, report = broken
    leaking, healthy = (growth_of(report, f"{kind}-memory") for kind in ("leaking", "healthy"))
    leak = leaking["functions"]["leak_bytes (loadkit/reference/faults/leak.py)"]
    assert leak["verdict"] == "growth"
    assert leak["bytes_a_request"] == pytest.approx(1024, rel=0.15)
    # All together may wander on a machine that is busy with other things, and then says so.
    assert leaking["verdict"] != "none"
    assert leaking["low"] <= 1024 * 1.15
    assert leaking["high"] >= 1024 * 0.85
    assert healthy["verdict"] != "growth"
    assert not any("leak_bytes" in name for name in healthy["functions"])
    # memray's own file and page are there, with no command line in them.
    for stage in ("healthy", "leaking"):
        assert (bundle / f"memory/{stage}-memory-service.html").stat().st_size > 1_000_000
        assert b"--fault-port" not in (bundle / f"memory/{stage}-memory-service.bin").read_bytes()
    page = (bundle / "report.html").read_text()
    assert 'id="memory"' in page
    assert "leak_bytes" in page


@contextmanager
def foreign_service(folder: Path) -> Iterator[tuple[int, int]]:
    """(pid, port) of a service that keeps 2 KiB a request, with a password in its command line."""
    file = folder / "service.py"
    file.write_text(SERVICE)
    process = subprocess.Popen(
        [sys.executable, str(file), f"--password={PLANTED}"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.pid, int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@pytest.mark.skipif(shutil.which("gdb") is None, reason="attaching needs gdb")
def test_a_foreign_process_is_attached_to_measured_and_let_go(tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text(FOREIGN)
    with foreign_service(tmp_path) as (pid, port):
        done = loadkit(
            "run", "s.py", "--host", f"http://127.0.0.1:{port}", "--memory-attach", str(pid),
            cwd=tmp_path,
        )  # fmt: skip
        assert ".bin" not in Path(f"/proc/{pid}/maps").read_text()
    bundle = bundle_of(done, tmp_path)
    report = report_json(bundle)
    growth = growth_of(report, "tracked")
    assert growth["verdict"] != "none"
    (kept,) = [one for name, one in growth["functions"].items() if "keep_for_ever" in name]
    assert kept["bytes_a_request"] == pytest.approx(2048, rel=0.15)
    run = growth["run"]
    assert run["how"] == "attach"
    assert 0 < run["stall_s"] < 60
    assert run["worst_response_s"] > 0
    assert any(f["slug"].startswith("memory-growth") for f in report["findings"])
    for file in bundle.rglob("*"):
        if file.is_file():
            assert PLANTED.encode() not in file.read_bytes(), file
    assert PLANTED not in done.stdout + done.stderr


def test_what_cannot_be_tracked_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text(FOREIGN)
    host = ("--host", "http://127.0.0.1:9")
    nobody = loadkit("run", "s.py", *host, "--memory", cwd=tmp_path)
    assert nobody.returncode == 2
    assert "no process whose memory could be tracked" in nobody.stderr
    gone = loadkit("run", "s.py", *host, "--memory-attach", "99999999", cwd=tmp_path)
    assert gone.returncode == 2
    assert "--memory-attach 99999999: there is no such process" in gone.stderr
    assert not (tmp_path / "reports").exists()


def test_every_fault_is_seen_where_one_would_look(broken: tuple[Path, dict[str, Any]]) -> None:
    bundle, report = broken
    run = load_run(bundle)
    starts = {stage["name"]: stage["start_s"] for stage in report["stages"]}
    ends = {stage["name"]: stage["start_s"] + stage["duration_s"] for stage in report["stages"]}
    others = {"calm", "healthy-memory", "leaking-memory"}
    assert {fault["kind"] for fault in report["faults"]} == starts.keys() - others | {"leak"}
    assert all(fault["end_s"] is not None for fault in report["faults"])

    def values(name: str, stage: str) -> list[float]:
        of_name = run.series[run.series["name"] == name]["series"]
        rows = run.metrics[run.metrics["series"].isin(of_name)].sort_values("t_s")
        inside = rows[(rows["t_s"] > starts[stage]) & (rows["t_s"] <= ends[stage] + 1)]
        return [float(value) for value in inside["value"]]

    def rise(name: str, stage: str) -> float:
        seen = values(name, stage)
        return seen[-1] - seen[0]

    def spans(name: str, stage: str) -> list[float]:
        rows = run.spans[(run.spans["name"] == name) & (run.spans["t_s"] > starts[stage])]
        return [float(ns) / 1e9 for ns in rows[rows["t_s"] < ends[stage]]["duration_ns"]]

    # Those at the edges came before the fault, or after it.
    assert median(spans("calculate_total", "lock")) >= 0.04
    lines = {line["name"]: line for line in report["series"]["saturation"]}
    lock = lines["step lock busy"]
    assert max(y for y in lock["y"] if y is not None) > 0.1
    assert median(spans("fetch_pricing_data", "pricing_slow")) >= 0.15
    assert max(values("event_loop_lag_max_seconds", "loop_blocked")) > 0.2
    refused = [kind for kind in report["errors"] if "503" in kind["kind"]]
    assert refused and min(kind["first_s"] for kind in refused) >= starts["db_unavailable"] - 1
    failed = [group for group in report["logs"] if group["error_type"] == "StorageFailed"]
    assert sum(group["count"] for group in failed) > 0
    assert rise("pricing_cache_misses_total", "cache_evicted") > 10
    calm = values("pricing_cache_misses_total", "calm")
    assert calm[-1] - calm[0] <= 8  # as many as there are models
