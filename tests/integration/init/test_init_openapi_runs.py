"""What ``loadkit init --openapi`` writes passes ruff and runs: three documents, three styles."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import init_services
import pytest
from init_helpers import refused
from openapi_spec_validator import validate
from run_helpers import judged, loadkit, reference_service, report_json

from loadkit.config import load_config
from loadkit.init.document import Document

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
ENVIRONMENT: Any = init_services.ENVIRONMENT


@contextlib.contextmanager
def service(kind: str) -> Iterator[str]:
    """One of the small services, as a process; gives its URL."""
    process = subprocess.Popen(
        [sys.executable, init_services.__file__, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def run(cwd: Path, **secrets: Any) -> dict[str, Any]:
    """Runs the scenario for a few seconds; every request must have been answered well."""
    plan = loadkit("plan", "scenarios/first.py", cwd=cwd, **secrets)
    assert plan.returncode == 0, plan.stdout + plan.stderr
    settings = ("--set", "warm-up.duration=1", "--set", "steady.duration=3")
    rate = ("--set", "steady.rate=20")
    done = loadkit("run", "scenarios/first.py", *settings, *rate, "--stack", "none", cwd=cwd,
                   **secrets)  # fmt: skip
    for secret in secrets.values():
        assert secret not in done.stdout + done.stderr + plan.stdout + plan.stderr
    report = report_json(judged(done, cwd))
    books = report["accounting"]
    assert books["ok"] == books["sent"] > 40, report["errors"]
    return report


def operations(report: dict[str, Any]) -> set[str]:
    return {row["operation"] for row in report["operations"]}


def test_the_document_of_the_reference_service(tmp_path: Path) -> None:
    with reference_service(tmp_path) as found:
        source = f"{found.url}/openapi.json"
        made = loadkit("init", "--openapi", source, cwd=tmp_path)
        assert made.returncode == 0, made.stderr
        assert "export BEARER_TOKEN=…" in made.stdout
        assert refused(tmp_path / "scenarios" / "first.py") == ""
        assert load_config(tmp_path).service.url == found.url
        report = run(tmp_path, BEARER_TOKEN="demo-pro-key-1")
    assert operations(report) <= {
        "POST /api/v1/costs",
        "GET /api/v1/costs",
        "GET /api/v1/costs/{cost_id}",
        "GET /api/v1/usage/summary",
        "GET /api/v1/pricing",
        "GET /api/v1/health",
        "GET /api/v1/ready",
    }
    assert {"POST /api/v1/costs", "GET /api/v1/costs/{cost_id}"} <= operations(report)


def test_a_document_with_security_and_references(tmp_path: Path) -> None:
    text = (HERE / "documents" / "shop.yaml").read_text(encoding="utf-8")
    validate(dict(Document.read(text, "shop.yaml").root))
    with service("shop") as url:
        made = loadkit("init", url, "--openapi", f"{url}/shop.yaml", cwd=tmp_path)
        assert made.returncode == 0, made.stderr
        assert refused(tmp_path / "scenarios" / "first.py") == ""
        missing = loadkit("plan", "scenarios/first.py", cwd=tmp_path)
        assert missing.returncode == 2
        assert "CLERK_PASSWORD" in missing.stderr
        report = run(tmp_path, **ENVIRONMENT)
    assert {"POST /v1/orders", "GET /v1/items/{sku}"} <= operations(report)
    scenario = (tmp_path / "scenarios" / "first.py").read_text(encoding="utf-8")
    assert "shop.example" not in scenario
    assert not any(value in scenario for value in init_services.ENVIRONMENT.values())


def test_a_document_of_3_1_found_by_itself(tmp_path: Path) -> None:
    text = (HERE / "documents" / "tickets.json").read_text(encoding="utf-8")
    validate(dict(Document.read(text, "tickets.json").root))
    with service("tickets") as url:
        made = loadkit("init", url, cwd=tmp_path)
        assert made.returncode == 0, made.stderr
        assert f"document   {url}/openapi.json, 3 operations" in made.stdout
        assert refused(tmp_path / "scenarios" / "first.py") == ""
        report = run(tmp_path)
    assert operations(report) == {"POST /tickets", "GET /tickets/{number}", "PUT /trees/root"}


def test_a_document_that_names_a_server_elsewhere_sends_it_nothing(tmp_path: Path) -> None:
    made = loadkit("init", "--openapi", HERE / "documents" / "shop.yaml", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "service    https://eu.shop.example, not looked at" in made.stdout
    assert load_config(tmp_path).allowed_targets == ("127.0.0.1", "::1", "localhost")
    run_ = loadkit("run", "scenarios/first.py", cwd=tmp_path, **ENVIRONMENT)
    assert run_.returncode == 2
    assert "eu.shop.example is not on this machine" in run_.stderr
