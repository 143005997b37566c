"""Tests of a user's own that run a load: a passing and a failing objective, as JUnit shows them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from answering import answering
from run_helpers import check_status

pytestmark = pytest.mark.integration

TESTS = """
import pytest

pytestmark = pytest.mark.loadkit(url="http://127.0.0.1:PORT/", rate=20, duration="2s")

def test_quick(loadkit):
    run = loadkit.run(slo=["p95 < 5 s", "errors < 1 %"])
    run.check()
    assert 0 < run.response("p50") <= run.response("max") < 5
    assert sum(stage.count for stage in run.analysis.stages) == 40

@pytest.mark.loadkit(rate=10)
def test_too_slow(loadkit):
    run = loadkit.run(slo="p95 < 1 us")
    assert sum(stage.count for stage in run.analysis.stages) == 20
    run.check()

def test_wrong_usage(loadkit):
    loadkit.run(slo="p95 is good")
"""


@pytest.fixture
def port() -> Iterator[str]:
    """A service that answers at once."""
    with answering() as url:
        yield url.rpartition(":")[2]


def as_expected(case: ElementTree.Element, folder: Path, status: int) -> bool:
    """The load of a test case ended so; False where the machine was too busy for it."""
    told = {p.get("name"): p.get("value") or "" for p in case.findall(".//property")}
    report = folder / told["loadkit_report"]
    assert report.is_file()
    return check_status(int(told["loadkit_exit_status"]), report.parent, status)


def test_objectives_are_test_results(tmp_path: Path, port: str) -> None:
    (tmp_path / "test_load.py").write_text(TESTS.replace("PORT", port))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider"),
            *("--strict-markers", "--junitxml=out.xml", "--loadkit-reports=kept", "-q"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    quick, slow, wrong = ElementTree.parse(tmp_path / "out.xml").getroot().iter("testcase")
    failure = quick.find("failure")
    assert (failure is None) == as_expected(quick, tmp_path, 0)
    as_expected(slow, tmp_path, 3)
    failure = slow.find("failure")
    assert failure is not None
    text = failure.text or ""
    assert "p95 < 1 us in " in text
    assert ": failed, p95 " in text
    failure = wrong.find("failure")
    assert failure is not None
    assert "p95 is good" in (failure.text or "")
    assert "Traceback" not in (failure.text or "")
    assert len(list((tmp_path / "kept").iterdir())) >= 2
