"""Slices of one run, watched and not."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from loadkit.bench.pausing import SLICE_S, Slice, order, slices, told
from loadkit.bundle.histogram import COARSE, bucket_of
from loadkit.bundle.reader import RunData
from loadkit.errors import StackError


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def state(pid: int) -> str:
    """T for a process that is stopped. A signal arrives a moment after it was sent."""
    time.sleep(0.05)
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_either_way_comes_first_as_often() -> None:
    assert order(3) == [True, False, False, True, True, False]


def test_watching_stops_in_its_slices_and_goes_on_at_the_end(
    sleeper: subprocess.Popen[bytes],
) -> None:
    clock, seen = iter(range(0, 1_000_000_000, 1_000_000)), []

    def at(mono_ns: int) -> int:
        seen.append((mono_ns, state(sleeper.pid)))
        return next(clock)

    found = slices([sleeper.pid], at, 7, 3, 1)
    assert [slice_.watched for slice_ in found] == [True, False]
    assert [slice_.first for slice_ in found] == [3, 3 + SLICE_S]
    assert [slice_.cpu_s for slice_ in found] == [0.001, 0.001]
    ends = [3, 3 + SLICE_S, 3 + SLICE_S, 3 + 2 * SLICE_S]
    assert [mono for mono, _ in seen] == [7 + second * 10**9 for second in ends]
    assert seen[-1][1] == "T"
    assert "T" not in [found for _, found in seen[:-1]]
    assert state(sleeper.pid) != "T"


def test_it_goes_on_also_when_the_service_is_lost(sleeper: subprocess.Popen[bytes]) -> None:
    calls = iter([0, 1, 2])
    with pytest.raises(StopIteration):
        slices([sleeper.pid], lambda mono_ns: next(calls), 0, 0, 1)
    assert state(sleeper.pid) != "T"
    sleeper.send_signal(signal.SIGCONT)


def run(failed: int = 0) -> RunData:
    def row(second: int, value: int) -> dict[str, Any]:
        where = {"second": second, "outcome": "ok", "measure": "response", "count": 10}
        both = {"sum_ns": 10 * value, "min_ns": value, "max_ns": value}
        return {**where, **both, "buckets": [bucket_of(value, COARSE)], "counts": [10]}

    flow = [{"second": second, "event": "completed", "count": 10} for second in range(10)]
    flow.append({"second": 2, "event": "failed", "count": failed})
    seconds = [row(second, 1_000_000 if second < 5 else 3_000_000) for second in range(10)]
    frames = SimpleNamespace(flow=pd.DataFrame(flow), seconds=pd.DataFrame(seconds))
    return cast(RunData, frames)


def test_a_slice_has_its_own_requests_and_latencies() -> None:
    first = told(run(), [Slice(True, 0, 0.1)])
    assert first == {"cpu_s": 0.1 / 50, "p50_s": 1e-3, "p99_s": 1e-3}
    later = told(run(), [Slice(False, 5, 0.2)])
    assert later == {"cpu_s": 0.2 / 50, "p50_s": 3e-3, "p99_s": 3e-3}


@pytest.mark.parametrize(("failed", "first"), [(1, 0), (0, 50)])
def test_failures_and_nothing_are_no_measurement(failed: int, first: int) -> None:
    with pytest.raises(StackError, match="requests failed"):
        told(run(failed), [Slice(True, first, 0.1)])
