"""A service that is not ours: what its metrics are for is found by itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_helpers import judged, loadkit, report_json

from loadkit.stack import binaries
from loadkit.stack.freeports import free_port
from loadkit.stack.http import answers
from loadkit.stack.process import ManagedProcess

pytestmark = pytest.mark.integration

SCENARIO = """\
from locust import task

from loadkit import HttpUser, Rate, Scenario, Stage

scenario = Scenario(
    [Stage("base", load=Rate(5), duration=6), Stage("peak", load=Rate(40), duration=8)],
    name="asked",
)


class Asker(HttpUser):
    @task
    def query(self) -> None:
        self.client.get("/api/v1/query?query=up", name="/api/v1/query")
"""

CONFIG = """\
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
scrape_configs:
  - job_name: itself
    static_configs: [{targets: ["127.0.0.1:PORT"]}]
"""


@contextlib.contextmanager
def prometheus(directory: Path) -> Iterator[str]:
    """One that scrapes itself, in a loop of its own."""
    port = free_port()
    program = binaries.ensure(lambda _: None, ["prometheus"])["prometheus"]
    (directory / "prometheus.yml").write_text(CONFIG.replace("PORT", str(port)))
    process = ManagedProcess(
        "prometheus",
        [
            str(program.path),
            f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        run_id="signals-tests",
        output=directory / "prometheus.log",
        directory=directory,
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> None:
        await process.start()
        await process.until(lambda: answers(port, "/-/ready"), deadline_s=60)

    try:
        asyncio.run_coroutine_threadsafe(start(), loop).result(90)
        yield f"http://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(process.stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[str]:
    with prometheus(tmp_path) as url:
        yield url


def test_a_prometheus_under_test_has_all_golden_signals(tmp_path: Path, watched: str) -> None:
    """Load goes to its query API, and it watches itself."""
    (tmp_path / "asked.py").write_text(SCENARIO)
    (tmp_path / "loadkit.toml").write_text(
        f'[service]\nurl = "{watched}"\n[run]\nstack = "external"\n'
        f'[prometheus]\nurl = "{watched}"\n'
    )
    done = loadkit("run", "asked.py", cwd=tmp_path)
    report = report_json(judged(done, tmp_path))
    taken = {role["role"]: role["metric"] for role in report["roles"]}
    assert taken["rate"] == "prometheus_http_requests_total"
    assert taken["errors"] == 'prometheus_http_requests_total{code=~"5.."}'
    assert taken["duration"] == "prometheus_http_request_duration_seconds"
    served = {
        signal["name"]: signal
        for signal in report["signals"]
        if signal["method"] == "golden" and "client" not in signal["source"]
        and "machine" not in signal["resource"]
    }  # fmt: skip
    assert set(served) == {"Latency", "Traffic", "Errors", "Saturation"}
    for signal in served.values():
        assert signal["base"] and signal["peak"], signal
    assert "prometheus_http_request_duration_seconds" in served["Latency"]["source"]
    assert "mean" in served["Latency"]["peak"]
    assert served["Errors"]["peak"] == "0 %"
    rate = float(served["Traffic"]["peak"].removesuffix("/s"))
    assert rate > 0.5 * 40  # what loadkit itself asks comes on top
    shares = [line["name"] for line in report["series"]["saturation"]]
    assert "itself CPU" in shares
    assert "prometheus engine queries" in shares
    routes = {
        signal["resource"]
        for signal in report["signals"]
        if signal["method"] == "RED" and signal["source"].startswith("service: rate of")
    }
    assert {"all requests", "/api/v1/query"} <= routes


def test_an_exposition_is_read_without_a_prometheus_and_corrected(
    tmp_path: Path, watched: str
) -> None:
    """``--metrics``: the same signals from the exposition, with [signals] laid over them."""
    (tmp_path / "asked.py").write_text(SCENARIO)
    (tmp_path / "loadkit.toml").write_text(
        '[signals]\nerrors = "prometheus_http_requests_total{code=~\\"4..\\"}"\n'
        'duration = "prometheus_http_request_duration"\n'
        'saturation = ["prometheus_engine_queries / prometheus_engine_queries_concurrent_max"]\n'
    )
    done = loadkit(
        "run", "asked.py", "--host", watched, "--metrics", f"{watched}/metrics", cwd=tmp_path
    )
    bundle = judged(done, tmp_path)
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert set(manifest["signals"]) == {"errors", "duration", "saturation"}
    report = report_json(bundle)
    taken = {role["role"]: (role["metric"], role["said"]) for role in report["roles"]}
    assert taken == {
        "rate": ("prometheus_http_requests_total", False),
        "errors": ('prometheus_http_requests_total{code=~"4.."}', True),
        "duration": ("prometheus_http_request_duration_seconds", False),
        "saturation": (
            "prometheus_engine_queries / prometheus_engine_queries_concurrent_max",
            True,
        ),
    }
    (unknown,) = [f for f in report["findings"] if f["slug"] == "signals-unknown"]
    assert "prometheus_http_request_duration_seconds" in unknown["summary"]
    traffic = [s for s in report["signals"] if s["name"] == "Traffic" and "service" in s["source"]]
    assert float(traffic[0]["peak"].removesuffix("/s")) > 0.5 * 40
