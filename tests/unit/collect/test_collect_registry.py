"""What is given decides which collectors there are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loadkit.collect.registry import collectors
from loadkit.collect.sources import Given
from loadkit.model import Finding
from loadkit.ports import Collector


class _Nowhere:
    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        raise AssertionError("nothing was started")


def _note(finding: Finding) -> None:
    raise AssertionError(finding)


def _names(given: Given) -> list[str]:
    found = collectors(given, _Nowhere(), _note)
    assert all(isinstance(collector, Collector) for collector in found)

    async def stop() -> None:
        for collector in found:
            await collector.stop()  # safe without a start

    asyncio.run(stop())
    return [collector.name for collector in found]


def test_own_stack() -> None:
    given = Given(
        Path("/tmp"),
        prometheus="http://127.0.0.1:9",
        logs={"service": Path("/tmp/none.log")},
        secrets=["s3cret"],
    )
    assert _names(given) == ["prometheus", "alerts", "logs of service", "host"]
    assert "s3cret" not in repr(given)


def test_nothing_given() -> None:
    assert _names(Given(Path("/tmp"))) == ["host"]


def test_foreign_alertmanager_alone() -> None:
    assert _names(Given(Path("/tmp"), alertmanager="http://127.0.0.1:9")) == [
        "alertmanager",
        "host",
    ]
