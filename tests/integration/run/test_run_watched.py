"""A run that is looked on: its live page, and its own metrics scraped by a real Prometheus."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from run_helpers import ROOT, check_status, members, reference_service, report_json, start_loadkit

from loadkit.stack.binaries import ensure
from loadkit.stack.freeports import free_port

pytestmark = pytest.mark.integration

SCENARIO = """
from loadkit import HttpUser, Rate, Scenario, Stage
from locust import task


class Visitor(HttpUser):
    @task
    def pricing(self):
        self.client.get("/api/v1/pricing", headers={"Authorization": "Bearer demo-pro-key-1"})


scenario = Scenario(
    [Stage("warm-up", load=Rate(20), duration=3), Stage("steady", load=Rate(40), duration=SECONDS)],
    slos=["p95 < 5 s", "errors < 50 %"],
)
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with reference_service(tmp_path) as service:
        yield service.url


def _until(check: Callable[[], Any], limit_s: float = 120) -> Any:
    end = time.monotonic() + limit_s
    while True:
        try:
            found = check()
        except OSError:
            found = None
        if found:
            return found
        assert time.monotonic() < end
        time.sleep(0.2)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        text: str = answer.read().decode()
        return text


class Watched:
    """loadkit with a live page; what it says is read as it comes."""

    def __init__(self, cwd: Path, url: str, seconds: int, *options: str) -> None:
        (cwd / "watched.py").write_text(SCENARIO.replace("SECONDS", str(seconds)))
        self.process = start_loadkit(
            *("run", "watched.py", "--host", url, "--stack", "none", "--live", *options), cwd=cwd
        )
        assert self.process.stderr is not None
        self.lines: list[str] = []
        for line in self.process.stderr:
            self.lines.append(line)
            if line.startswith("live: "):
                break
        self.live = self.lines[-1].split()[1]
        found = re.search(r"reports/\S+", self.lines[0])
        assert found is not None
        self.bundle = cwd / found[0]


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """A real one that scrapes a port of loopback once a second: (its address, that port)."""
    binary = ensure(lambda text: None, ["prometheus"])["prometheus"].path
    own, scraped = free_port(), free_port()
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [
            {"job_name": "loadkit", "static_configs": [{"targets": [f"127.0.0.1:{scraped}"]}]}
        ],
    }
    (tmp_path / "prometheus.yml").write_text(json.dumps(config))
    process = subprocess.Popen(
        [
            binary,
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{own}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{own}", scraped
    finally:
        process.terminate()
        process.wait(20)


def _ask(prometheus: str, query: str) -> list[dict[str, Any]]:
    text = _get(f"{prometheus}/api/v1/query?query={urllib.parse.quote(query)}")
    result: list[dict[str, Any]] = json.loads(text)["data"]["result"]
    return result


def _panels() -> list[str]:
    board = json.loads((ROOT / "config" / "grafana" / "loadkit.json").read_text())
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def test_a_run_is_followed_and_scraped(
    tmp_path: Path, url: str, prometheus: tuple[str, int]
) -> None:
    server, port = prometheus
    run = Watched(tmp_path, url, 20, "--metrics-listen", f"127.0.0.1:{port}")
    first = _until(lambda: _get(f"{run.live}report"))
    assert 'data-state="running"' in first
    _until(lambda: "of load in steady" in _get(f"{run.live}report").replace("\u00a0", " "))
    stage = _until(lambda: _ask(server, 'loadkit_stage_info{stage="steady"}'))
    assert stage[0]["metric"]["kind"] == "measured"
    for expression in _panels():
        query = expression.replace("$__rate_interval", "5s").replace("$loadkit", "loadkit")
        assert _answered(server, query.replace("$service", "loadkit")) == "success", expression
    assert _until(lambda: _ask(server, "loadkit_objective_met == 1"))

    out, err = run.process.communicate(timeout=180)
    check_status(run.process.returncode, run.bundle, said=err)
    assert (tmp_path / out.strip()) == run.bundle
    report = report_json(run.bundle)
    query = "sum(max_over_time(loadkit_requests_total[10m]))"
    counted = float(_ask(server, query)[0]["value"][1])
    # The last scrape may have been a second or two before the last request.
    total = report["accounting"]["completed"]
    assert 0.85 * total <= counted <= total


def _answered(server: str, query: str) -> str:
    text = _get(f"{server}/api/v1/query?query={urllib.parse.quote(query)}")
    return str(json.loads(text)["status"])


def test_who_watches_gets_the_final_report_and_a_hold_ends_with_an_interrupt(
    tmp_path: Path, url: str
) -> None:
    run = Watched(tmp_path, url, 2, "--live-hold", "10m")
    final = _until(lambda: _final(run.live))
    assert final == (run.bundle / "report.html").read_bytes()
    page = _get(run.live)
    assert '"final": true' in page and "connect-src 'self'" in page
    os.kill(run.process.pid, signal.SIGINT)
    _, err = run.process.communicate(timeout=60)
    check_status(run.process.returncode, run.bundle, said=err)


def _final(live: str) -> bytes | None:
    with urllib.request.urlopen(f"{live}final", timeout=60) as answer:
        content: bytes = answer.read()
        return content if answer.headers["X-Loadkit-State"] == "final" else None


def test_nothing_serves_on_when_loadkit_is_killed(tmp_path: Path, url: str) -> None:
    run = Watched(tmp_path, url, 60)
    _until(lambda: _get(f"{run.live}report"))
    run_id = json.loads((run.bundle / "manifest.json").read_text())["run_id"]
    assert any("loadkit.live" in _command(pid) for pid in members(run_id))
    run.process.kill()
    run.process.communicate()
    _until(lambda: not members(run_id), 30)


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
