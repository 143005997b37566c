"""Faults by themselves: spacing, magnitudes, several at once."""

import asyncio
import time
from decimal import Decimal
from itertools import pairwise
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.reference.faults import KINDS, STEPS, BadFault, Faults, make_fault
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
    assert [kind.kind for kind in KINDS] == ["error_rate", "latency", "cpu", "pool_slots"]


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
