"""The analytic answer about a frozen server, the truth of a server, checkpoints, growth."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.bench import recording, soak
from loadkit.bench.accuracy import frozen_quantile
from loadkit.bench.result import FAILED, INCONCLUSIVE, PASSED
from loadkit.bench.stats import Interval
from loadkit.bench.truth import Record, quantiles
from loadkit.load.recorder import OK, Recorder


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0.5, 8),
    st.integers(10, 60),
    st.integers(50, 1000),
    st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.999]),
)
def test_the_analytic_answer_is_that_of_a_simulated_freeze(
    freeze: float, duration: int, rate: int, q: float
) -> None:
    begin, end = duration / 3, duration / 3 + freeze
    due = [(n + 0.5) / rate for n in range(rate * duration)]
    took = sorted(max(0.0, end - at) if begin <= at else 0.0 for at in due)
    simulated = took[math.ceil(round(q * len(took), 9)) - 1]
    expected = frozen_quantile(q, freeze, duration, rate)
    assert simulated == pytest.approx(expected or 0.0, abs=2 / rate)
    highest = frozen_quantile(1.0, freeze, duration, rate)
    assert highest is not None
    assert took[-1] == pytest.approx(highest, abs=0.51 / rate)


def test_six_seconds_in_thirty() -> None:
    assert frozen_quantile(0.95, 6, 30, 500) == pytest.approx(4.5)
    assert frozen_quantile(0.99, 6, 30, 500) == pytest.approx(5.7)
    assert frozen_quantile(1, 6, 30, 500) == pytest.approx(5.999)
    assert frozen_quantile(0.5, 6, 30, 500) is None


def test_the_truth_is_by_nearest_rank() -> None:
    values = [n * 1_000_000_000 for n in range(1, 101)]
    random.Random(1).shuffle(values)
    assert quantiles(values) == {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    assert quantiles([7_000_000]) == dict.fromkeys(("p50", "p95", "p99", "max"), 0.007)
    assert quantiles([]) == dict.fromkeys(("p50", "p95", "p99", "max"))


def test_delays_are_the_same_each_time_and_some_are_slow() -> None:
    first, second = Record(0.005, 0.02, 0.08), Record(0.005, 0.02, 0.08)
    delays = [first.delay_s() for _ in range(5000)]
    assert delays == [second.delay_s() for _ in range(5000)]
    assert 60 <= sum(delay >= 0.08 for delay in delays) <= 140
    assert sorted(delays)[2500] == pytest.approx(0.005, rel=0.1)
    assert Record(0, 0, 0.1).delay_s() == 0


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (100_000_000, [10**6, 3 * 10**6, 10**7, 3 * 10**7, 10**8]),
        (100_000, [10_000, 30_000, 100_000]),
        (25_000, [10_000, 25_000]),
        (5, [5]),
    ],
)
def test_checkpoints_end_with_everything(count: int, expected: list[int]) -> None:
    assert recording.checkpoints(count) == expected


def test_each_latency_is_recorded_once() -> None:
    seen: list[int] = []
    rows = list(recording.record(lambda number, batch: seen.extend(batch), 25_000))
    assert [row["count"] for row in rows] == [10_000, 25_000]
    assert seen == recording.latencies()[:25_000]
    assert all(row["rss_bytes"] > 1_000_000 and row["ns"] > 0 for row in rows)


def test_a_simulated_second_reaches_the_recorder() -> None:
    recorder = Recorder(["run"], [0, 0])
    second = recording.loadkit_second(recorder)
    kept: list[dict[str, object]] = []
    drain = recorder.drain

    def listening() -> dict[str, list[dict[str, object]]]:
        rows = drain()
        kept.extend(rows["intervals"])
        return rows

    recorder.drain = listening  # type: ignore[method-assign]
    second(3, [5_000_000, 8_000_000])
    assert {(row["measure"], row["count"], row["outcome"]) for row in kept} == {
        ("service", 2, "ok"),
        ("response", 2, "ok"),
    }
    assert {row["second"] for row in kept} == {3}
    assert max(int(str(row["max_ns"])) for row in kept) == 8_000_000
    assert recorder.in_flight == 0
    assert OK == 0


def points(slope: float, noise: float, seconds: int = 240) -> list[soak.Point]:
    draw = random.Random(5)
    return [(float(at), 100 + slope * at + draw.gauss(0, noise)) for at in range(seconds)]


def test_growth_is_that_over_the_whole_run() -> None:
    found = soak.grown(points(0.5, 0.0))
    assert found.median == pytest.approx(0.5 * 239)
    noisy = soak.grown(points(0.0, 1.0))
    assert noisy.low < 1
    assert noisy.high > -1
    with pytest.raises(ValueError, match="too few"):
        soak.grown([(0.0, 1.0)])


@pytest.mark.parametrize(
    ("growth", "status"),
    [
        (Interval(-2, 0, 0.9, 24), PASSED),
        (Interval(0.5, 2, 3, 24), INCONCLUSIVE),
        (Interval(1.1, 2, 3, 24), FAILED),
    ],
)
def test_growth_is_judged_by_its_whole_interval(growth: Interval, status: str) -> None:
    found = soak.judge("open files", 1.0, "files", growth)
    assert found.status == status
    assert found.limit == "≤ +1.00"


def test_memory_is_read_from_the_system() -> None:
    resident = recording.resident_bytes()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    assert 5_000_000 < resident < pages * 65_536
