"""One recorder or eight: the same latencies give the same histograms, to the last count."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
LATENCIES = 6_000


def test_histograms_of_one_and_of_eight_workers_are_identical() -> None:
    script = Path(__file__).parent / "workers_merge.py"
    done = subprocess.run(
        [sys.executable, str(script), "8", str(LATENCIES)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["cuts"] >= 3
    assert found["many"] == found["one"]
    response = {k: v for k, v in found["one"]["histograms"].items() if k.endswith("|response")}
    assert sum(histogram["count"] for histogram in response.values()) == LATENCIES
    assert len(response) > 40  # two stages, ten seconds, three operations, two outcomes
    assert sum(c for k, c in found["one"]["flow"].items() if k.endswith("|sent")) == LATENCIES
