"""The tests share their machine, with one another and with whoever else uses it.

They may run side by side (``pytest -n``), but beside one that is marked ``timed`` no other.
One that starts servers or a browser and fails is tried once more, and the summary says so (RERUN):
machines stand still for a second at times. ``-p no:rerunfailures`` shows which can't stand that.

Loaded by pytest (pyproject.toml), for all tests.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_SIDE_BY_SIDE = "PYTEST_XDIST_WORKER" in os.environ
# Held open for as long as pytest lives; whoever wants the room comes through the gate, so that one
# who waits for the whole room is not overtaken again and again.
_GATE, _ROOM = (os.open(path, os.O_RDONLY) for path in (HERE, HERE.parent))


@contextmanager
def _room(alone: bool) -> Iterator[None]:
    fcntl.flock(_GATE, fcntl.LOCK_EX)
    try:
        fcntl.flock(_ROOM, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    finally:
        fcntl.flock(_GATE, fcntl.LOCK_UN)
    try:
        yield
    finally:
        fcntl.flock(_ROOM, fcntl.LOCK_UN)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if not _SIDE_BY_SIDE:
        return (yield)
    with _room(alone=item.get_closest_marker("timed") is not None):
        return (yield)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.pluginmanager.hasplugin("rerunfailures"):
        return
    for item in items:
        if item.get_closest_marker("integration") or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))
