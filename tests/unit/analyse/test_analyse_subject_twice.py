"""One exposition read by loadkit and by a Prometheus is one."""

from __future__ import annotations

import numpy as np

from loadkit.analyse.series import Series
from loadkit.analyse.subject import subject

ADDRESS = "127.0.0.1:8000"
NAMES = ("shop_orders_total", "shop_queue_depth", "shop_queue_capacity", "up")


def series(name: str, job: str, instance: str = ADDRESS) -> Series:
    nothing = np.array([], dtype=np.float64)
    return Series(name, {"job": job, "instance": instance}, nothing, nothing)


def test_the_one_of_the_prometheus_stays() -> None:
    both = [series(name, ADDRESS) for name in NAMES]
    both += [series(name, "shop", "localhost:8000") for name in NAMES]
    found = subject(both, f"http://{ADDRESS}")
    assert found.jobs == frozenset({"shop"})
    assert not any(found.near(one) for one in both if one.job == ADDRESS)


def test_another_instance_of_the_same_service_is_not_the_same() -> None:
    both = [series(name, ADDRESS) for name in NAMES]
    both += [series(name, "shop", "127.0.0.1:8001") for name in NAMES]
    assert subject(both, None).jobs == frozenset({ADDRESS, "shop"})


def test_what_is_read_only_directly_stays() -> None:
    alone = [series(name, ADDRESS) for name in NAMES]
    assert subject(alone, f"http://{ADDRESS}").jobs == frozenset({ADDRESS})


def test_another_exposition_of_the_same_address_stays() -> None:
    """Only `up` is in both."""
    other = [series(name, "probe") for name in ("probe_success", "probe_seconds", "up")]
    both = [*(series(name, ADDRESS) for name in NAMES), *other]
    assert subject(both, f"http://{ADDRESS}").jobs == frozenset({ADDRESS, "probe"})


def test_two_services_read_directly_both_stay() -> None:
    two = [series(name, at, at) for at in (ADDRESS, "127.0.0.1:8001") for name in NAMES]
    assert subject(two, None).jobs == frozenset({ADDRESS, "127.0.0.1:8001"})
