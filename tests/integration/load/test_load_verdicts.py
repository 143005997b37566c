"""A generator that is disturbed says so. Many runs of each kind: benchmarks/verdicts.py."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timed]

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "verdicts.py"


def test_a_blocked_loop_and_a_burnt_cpu_are_called(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--runs", "1", "--kinds", "blocked,burning", "--json"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=90, cwd=tmp_path)
    assert process.returncode == 0, process.stdout + process.stderr
    answer = json.loads(process.stdout)
    assert answer["wrong"] == 0
    (blocked,), (burning,) = answer["runs"]["blocked"], answer["runs"]["burning"]
    assert blocked["verdict"] in ("degraded", "invalid")
    assert any("its event loop lagged" in reason for reason in blocked["reasons"])
    assert burning["verdict"] in ("degraded", "invalid")
    assert any("had to wait for a CPU" in reason for reason in burning["reasons"])
