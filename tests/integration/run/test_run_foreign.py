"""A locustfile that knows nothing of loadkit, and a system that is watched from outside."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_helpers import bundle_of, judged, loadkit, reference_service, report_json

from loadkit import load_run
from loadkit.stack import binaries

pytestmark = pytest.mark.integration

FOREIGN = """
from locust import HttpUser, constant, events, tag, task


@events.init_command_line_parser.add_listener
def own(parser):
    parser.add_argument("--greeting", default="none")


@events.test_start.add_listener
def started(environment, **_):
    print("greeting", environment.parsed_options.greeting)


class Visitor(HttpUser):
    wait_time = constant(0.05)

    @tag("read")
    @task
    def pricing(self):
        self.client.get("/api/v1/pricing", headers={"Authorization": "Bearer demo-pro-key-1"})

    @tag("write")
    @task(50)
    def never(self):
        raise AssertionError("--tags read leaves this out")
"""


def test_a_foreign_locustfile_runs_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "users.py").write_text(FOREIGN)
    with reference_service(tmp_path) as service:
        done = loadkit(
            *("run", "users.py", "-H", service.url, "-u", "3", "-r", "3", "--run-time", "3s"),
            *("--greeting", "hunter2-secret", "--tags", "read", "--slo", "p95 < 2 s"),
            cwd=tmp_path,
        )
    bundle = judged(done, tmp_path)
    assert "greeting hunter2-secret\n" in done.stderr
    report = report_json(bundle)
    assert [stage["name"] for stage in report["stages"]] == ["run"]
    assert report["accounting"]["planned"] is None
    assert {row["operation"] for row in report["operations"]} == {"GET /api/v1/pricing"}
    assert report["accounting"]["ok"] == report["accounting"]["sent"] > 50
    assert "hunter2" not in (bundle / "manifest.json").read_text()


def test_the_same_bundle_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "users.py").write_text(FOREIGN)
    with reference_service(tmp_path) as service:
        options = ("-H", service.url, "-t", "2s", "--tags", "read")
        done = loadkit("run", "users.py", *options, cwd=tmp_path)
    bundle = bundle_of(done, tmp_path)
    first = (bundle / "report.html").read_bytes()
    again = loadkit("report", bundle, "--output", "again.html", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again.html").read_bytes() == first


@contextlib.contextmanager
def prometheus(directory: Path, target: str) -> Iterator[str]:
    """Somebody's Prometheus, which scrapes ``target`` every second."""
    found = binaries.ensure(lambda _: None, ("prometheus",))["prometheus"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = directory / "prometheus.yml"
    job = {"job_name": "shop", "static_configs": [{"targets": [target]}]}
    config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}))
    process = subprocess.Popen(
        [
            *(str(found.path), f"--config.file={config}"),
            f"--storage.tsdb.path={directory / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 30
        while not _is_up(url):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query?query=up", timeout=2) as answer:
            result = json.load(answer)["data"]["result"]
    except OSError:
        return False
    return bool(result) and result[0]["value"][1] == "1"


def test_a_prometheus_and_a_process_that_are_already_there(tmp_path: Path) -> None:
    (tmp_path / "users.py").write_text(FOREIGN)
    with (
        reference_service(tmp_path) as service,
        prometheus(tmp_path, service.metrics.split("/")[2]) as url,
    ):
        done = loadkit(
            *("run", "users.py", "-H", service.url, "-u", "3", "-r", "3", "-t", "8s"),
            *("--tags", "read", "--prometheus", url, "--pid", str(service.pid)),
            cwd=tmp_path,
            LOADKIT_PROMETHEUS_HEADERS="Authorization: Bearer planted-secret-7",
        )
    bundle = judged(done, tmp_path)
    run = load_run(bundle)
    assert set(run.series["job"].dropna()) == {"shop"}
    assert {"http_requests_total", "up"} <= set(run.series["name"])
    assert run.profile_runs["samples"].sum() > 20
    report = report_json(bundle)
    golden = {row["name"] for row in report["signals"] if row["method"] == "golden"}
    assert golden == {"Latency", "Traffic", "Errors", "Saturation"}
    for path in bundle.rglob("*"):
        if path.is_file():
            assert b"planted-secret-7" not in path.read_bytes(), path


def test_a_process_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "users.py").write_text(FOREIGN)
    gone = subprocess.Popen(["true"])
    gone.wait()
    done = loadkit(
        *("run", "users.py", "-H", "http://127.0.0.1:1", "--pid", str(gone.pid)), cwd=tmp_path
    )
    assert done.returncode == 2
    assert f"--pid: there is no process {gone.pid}" in done.stderr
    assert not (tmp_path / "reports").exists()
