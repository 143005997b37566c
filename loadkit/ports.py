"""What rooms ask of each other, as Protocols, so that no room imports its neighbour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from loadkit.model import Finding


@runtime_checkable
class Sink(Protocol):
    """Takes rows for a table of the bundle."""

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows; keys are the table's columns, a missing key is null. Never raises for I/O."""


class Notes(Protocol):
    """Takes findings that arise while measuring."""

    def __call__(self, finding: Finding, /) -> None: ...


@runtime_checkable
class Collector(Protocol):
    """A source read while the load runs. What it raises becomes a finding; the rest goes on."""

    @property
    def name(self) -> str: ...

    async def start(self) -> None:
        """Begins reading; returns when the source answers.

        Raises:
            CollectError: the source does not.
        """

    async def stop(self) -> None:
        """Reads what is left, writes it and releases everything. Safe after a failed start."""
