"""Faults by themselves: spacing, magnitudes, several at once."""

import asyncio
import gc
import sys
import time
import tracemalloc
from decimal import Decimal
from itertools import pairwise
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.reference.faults import KINDS, STEPS, BadFault, Faults, make_fault
from loadkit.reference.faults import leak as leaking
from loadkit.reference.faults.cpu import burn_cpu
from loadkit.reference.faults.error_rate import ErrorRate


@given(share=st.integers(1, 1000), count=st.integers(1, 3000))
def test_after_n_requests_the_whole_part_of_n_times_e_have_failed(share: int, count: int) -> None:
    fault = ErrorRate(share / 1000, None, None)
    failed = sum(fault.fails() for _ in range(count))
    assert failed == floor(count * Decimal(share) / 1000)
    assert fault.struck == failed


def test_the_decimal_is_meant_not_its_binary_neighbour() -> None:
    # 0.29 × 100 is 28.999999999999996 in floating point.
    fault = ErrorRate(0.29, None, None)
    assert [fault.fails() for _ in range(100)][-1] is True


@given(share=st.floats(0.001, 1))
def test_failures_are_never_further_apart_than_they_must_be(share: float) -> None:
    fault = ErrorRate(share, None, None)
    failed = [number for number in range(1, 3001) if fault.fails()]
    gaps = {after - before for before, after in pairwise(failed)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_each_kind_is_listed_once_by_its_name() -> None:
    assert [kind.kind for kind in KINDS] == [
        "error_rate",
        "latency",
        "cpu",
        "pool_slots",
        "leak",
        "lock",
        "pricing_slow",
        "loop_blocked",
        "db_unavailable",
        "cache_evicted",
    ]


def test_the_steps_are_the_guides() -> None:
    assert len(STEPS) == 12
    assert STEPS[0] == "POST /api/v1/costs"


@pytest.mark.parametrize(
    ("kind", "value", "duration", "step"),
    [
        (None, 1, None, None),
        ("cpu", None, None, None),
        ("cpu", float("inf"), None, None),
        ("cpu", 11, None, None),
        ("latency", 61, None, None),
        ("latency", 1, -1, None),
        ("latency", 1, float("nan"), None),
        ("latency", 1, None, 5),
        ("pool_slots", -1, None, None),
        ("error_rate", True, None, None),
        ("leak", 63, None, None),
        ("leak", 100.5, None, None),
        ("leak", 2**25, None, None),
        ("lock", 0, None, None),
        ("pricing_slow", 0, None, None),
        ("pricing_slow", 1, None, "fetch_pricing_data"),
        ("loop_blocked", 11, None, None),
        ("db_unavailable", 1.1, None, None),
        ("cache_evicted", 0, None, None),
        ("cache_evicted", 1.5, None, None),
    ],
)
def test_nonsense_is_refused(kind: object, value: object, duration: object, step: object) -> None:
    with pytest.raises(BadFault):
        make_fault(kind, value, duration, step)


def test_several_faults_act_together() -> None:
    told: list[str] = []
    faults = Faults(lambda action, fault: told.append(f"{action} {fault['kind']}"))
    assert faults.any_active is False
    first = faults.add(make_fault("pool_slots", 3, None, None))
    faults.add(make_fault("pool_slots", 5, None, None))
    faults.add(make_fault("error_rate", 0.5, None, None))
    faults.add(make_fault("error_rate", 0.25, None, None))
    assert [faults.slots(size) for size in (2, 4, 8)] == [2, 3, 3]
    assert [faults.fails() for _ in range(8)] == [False, True] * 4
    assert faults.remove(first["id"]) is not None
    assert faults.remove(first["id"]) is None
    assert faults.slots(8) == 5
    faults.close()
    assert faults.any_active is False
    assert faults.slots(8) == 8
    listing = faults.listing()
    assert listing["active"] == []
    assert [entry["end_reason"] for entry in listing["history"]] == ["removed"] + ["shutdown"] * 3
    assert [entry["requests"] for entry in listing["history"]] == [0, 0, 4, 2]
    assert told.count("fault_ended error_rate") == 2


def test_the_deadline_is_kept_even_if_nobody_ends_the_fault() -> None:
    fault = make_fault("error_rate", 1, 0.02, None)
    fault.begin()
    assert fault.active()
    time.sleep(0.03)
    assert not fault.active()


def test_latency_waits_at_its_step_only() -> None:
    async def scenario() -> tuple[float, float]:
        fault = make_fault("latency", 0.05, None, "store_cost")
        began = time.perf_counter()
        await fault.at("validate_request")
        between = time.perf_counter()
        await fault.at("store_cost")
        return between - began, time.perf_counter() - between

    elsewhere, here = asyncio.run(scenario())
    assert elsewhere < 0.05
    assert here >= 0.05


def test_burning_uses_the_threads_own_processor_time() -> None:
    before = time.thread_time()
    assert burn_cpu(0.02) > 0
    assert 0.02 <= time.thread_time() - before < 0.04


def test_a_leak_keeps_as_many_bytes_as_it_says() -> None:
    size, requests = 1024, 4000
    fault = make_fault("leak", size, None, None)
    before = len(leaking._kept)
    gc.collect()
    tracemalloc.start()
    try:
        first = tracemalloc.get_traced_memory()[0]

        async def many() -> None:
            for _ in range(requests):
                await fault.at(STEPS[0])
                await fault.at(STEPS[1])

        asyncio.run(many())
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] - first
    finally:
        tracemalloc.stop()
    assert fault.struck == requests == len(leaking._kept) - before
    assert sys.getsizeof(leaking._kept[-1]) == size - 8
    # The list holds up to an eighth more places than it needs.
    assert size * requests <= kept <= 1.01 * size * requests


def test_a_leak_stops_before_the_machine_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaking, "MOST", 10 * 128)
    fault = make_fault("leak", 128, None, None)

    async def many() -> None:
        for _ in range(50):
            await fault.at(STEPS[0])

    asyncio.run(many())
    assert fault.struck == 10


def test_a_lock_lets_one_request_at_a_time_through_and_all_when_it_ends() -> None:
    async def through(number: int, wait: float) -> tuple[float, int]:
        fault = make_fault("lock", 0.05, wait, "store_cost")
        fault.begin()
        began = time.perf_counter()
        await asyncio.gather(*(fault.at("store_cost") for _ in range(number)))
        return time.perf_counter() - began, fault.struck

    took, struck = asyncio.run(through(6, 60))
    assert took >= 0.3
    assert struck == 6
    took, struck = asyncio.run(through(200, 0.1))
    assert took < 5  # and not 10
    assert struck == 200


def test_refusals_and_evictions_come_evenly() -> None:
    faults = Faults()
    faults.add(make_fault("db_unavailable", 0.25, None, None))
    faults.add(make_fault("cache_evicted", 3, None, None))
    assert [faults.refuses() for _ in range(8)] == [False, False, False, True] * 2
    assert [faults.evicts() for _ in range(6)] == [False, False, True] * 2
    assert faults.price_wait_s() == 0
    faults.add(make_fault("pricing_slow", 0.5, None, None))
    assert faults.price_wait_s() == 0.5
    faults.close()
    assert not faults.refuses()
    assert faults.price_wait_s() == 0


def test_the_loop_stands_still_once_a_second_until_the_end() -> None:
    async def lags() -> tuple[int, list[float]]:
        faults = Faults()
        faults.bind(asyncio.get_running_loop())
        added = await asyncio.to_thread(faults.add, make_fault("loop_blocked", 0.2, None, None))
        late: list[float] = []
        while len([lag for lag in late if lag > 0.15]) < 2:
            began = time.perf_counter()
            await asyncio.sleep(0.01)
            late.append(time.perf_counter() - began - 0.01)
        faults.remove(added["id"])
        return faults.listing()["history"][0]["requests"], late

    struck, late = asyncio.run(asyncio.wait_for(lags(), 30))
    # The first may come before this begins to look.
    assert 2 <= struck <= 3
    assert len(late) > 20  # and in between it runs
