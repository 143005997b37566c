"""What every bench is given: cores, a scratch folder, a voice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from loadkit.bench.cores import Cores


def _silent(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Bench:
    """A bench at work.

    ``only`` are the tools that were asked for, all without any. ``say`` takes a line of progress.
    ``notes`` go into the result.
    """

    cores: Cores
    directory: Path
    only: tuple[str, ...] = ()
    warm_up_s: float = 2.0
    say: Callable[[str], None] = _silent
    notes: list[str] = field(default_factory=list)
