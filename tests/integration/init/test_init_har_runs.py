"""What ``loadkit init --har`` writes from a recorded browser session passes ruff and runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import init_site
import pytest
from init_helpers import refused
from init_record import CHROMIUM, PAUSES_MS, record, site
from run_helpers import judged, loadkit, report_json

pytestmark = pytest.mark.integration

RECORDED = Path(__file__).parent / "documents" / "session.har"
OPERATIONS = {
    "GET /",
    "POST /api/login",
    "POST /api/orders",
    "GET /api/orders/{id}",
    "GET /api/gone",
    "POST /subscribe",
    "GET /thanks",
}


def secrets_of(file: Path) -> set[str]:
    """Everything in a recording that must not be written: password, cookie, token."""
    text = file.read_text(encoding="utf-8")
    found = set(re.findall(r"session=([\w-]{20,})", text))
    found |= set(re.findall(r"Bearer ([\w-]{20,})", text))
    return found | {init_site.PASSWORD}


def check(file: Path, url: str, cwd: Path) -> None:
    """Makes a scenario for a fresh site and runs it: its cookie and token are not the old ones."""
    made = loadkit("init", url, "--har", file, cwd=cwd)
    assert made.returncode == 0, made.stderr
    assert "export PASSWORD=…" in made.stdout
    written = (cwd / "scenarios" / "first.py").read_text(encoding="utf-8")
    assert len(secrets_of(file)) >= 3
    for secret in secrets_of(file):
        assert secret not in written + made.stdout + (cwd / "loadkit.toml").read_text()
    assert refused(cwd / "scenarios" / "first.py") == ""
    waits = [float(found) for found in re.findall(r"sleep\(([\d.]+)\)", written)]
    assert waits[0] >= PAUSES_MS[0] / 1000
    assert max(waits[1:]) >= PAUSES_MS[1] / 1000

    password: Any = {"PASSWORD": init_site.PASSWORD}
    options = ("--set", "warm-up.duration=1", "--set", "steady.duration=7", "--stack", "none")
    done = loadkit("run", "scenarios/first.py", *options, cwd=cwd, **password)
    assert init_site.PASSWORD not in done.stdout + done.stderr
    report = report_json(judged(done, cwd))
    books = report["accounting"]
    assert {row["operation"] for row in report["operations"]} == OPERATIONS
    assert books["failed"] == 0, report["errors"]
    assert books["ok"] >= len(OPERATIONS)


@pytest.mark.browser
def test_a_session_recorded_now(tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH: no session was recorded")
    with site() as url:
        record(url, tmp_path / "session.har")
    with site() as url:
        check(tmp_path / "session.har", url, tmp_path)


def test_the_session_that_is_kept(tmp_path: Path) -> None:
    """The same without a browser, from a file that init_record.py wrote."""
    entries = json.loads(RECORDED.read_text(encoding="utf-8"))["log"]["entries"]
    assert len(entries) >= len(OPERATIONS)
    with site() as url:
        check(RECORDED, url, tmp_path)
