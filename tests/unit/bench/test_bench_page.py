"""docs/benchmarks.md and what fills it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from loadkit.bench import accuracy, arrivals, generators, memory, observing, servers, soak
from loadkit.bench.result import Result
from loadkit.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
BENCHES = ("generators", "accuracy", "arrivals", "memory", "observing", "soak")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_docs", ROOT / "tools" / "bench_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("bench", BENCHES)
def test_every_bench_has_its_place(bench: str, tool: ModuleType) -> None:
    page = tool.with_result(PAGE, Result(bench, notes=["a note of this test"]))
    assert page.count("a note of this test") == 1
    assert page.index(f"## {bench}\n") < page.index("a note of this test")
    # Again into the same place.
    assert tool.with_result(page, Result(bench, notes=["another"])).count("a note of this") == 0
    assert f"loadkit bench {bench}" in PAGE


def test_a_bench_without_a_place_is_refused(tool: ModuleType) -> None:
    with pytest.raises(UsageError, match="no single place"):
        tool.with_result("nothing", Result("memory"))


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    plain = re.sub(r"\s+", " ", PAGE)
    assert generators.WANTED == {"locust-fast": 4.0, "k6": 2.0}
    assert "at least 4 × Locust's FastHttpUser and 2 × k6, from 9 rounds on" in plain
    assert generators.DECIDING_ROUNDS == 9
    assert f"POST sends {len(servers.BODY)} bytes" in plain
    assert (accuracy.WITHIN, accuracy.FREEZE_RATE, accuracy.FREEZE_S) == (0.03, 500, 6)
    assert (arrivals.LATENESS_RATE, arrivals.LATENESS_S, arrivals.RATE_ERROR) == (2000, 1e-3, 1e-3)
    assert (memory.FLAT_BYTES, memory.OURS_NS, memory.COUNT) == (5e6, 1000, 10**8)
    assert (observing.MOST, observing.DECIDING_ROUNDS, observing.RATE) == (1.05, 8, 100)
    assert (soak.RATE, soak.DURATION_S) == (1000, 1200)
    tolerances = {name: value for name, (_, value, _) in soak.TOLERANCES.items()}
    assert tolerances == {"rss_bytes": 5e6, "open_files": 1, "late_p99": 0.0002}
