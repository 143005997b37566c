"""Which core a generator gets, and which its server."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loadkit.errors import UsageError

_TOPOLOGY = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True)
class Cores:
    """Numbers of cores; ``note`` says it when the two share the parts of one physical core."""

    generator: int
    server: int
    note: str | None = None


def siblings(core: int) -> frozenset[int]:
    """Cores that are threads of the same physical one, itself among them."""
    file = _TOPOLOGY / f"cpu{core}" / "topology" / "thread_siblings_list"
    try:
        return frozenset(_listed(file.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return frozenset({core})


def choose(
    allowed: frozenset[int] | None = None, same: Callable[[int], frozenset[int]] = siblings
) -> Cores:
    """Two cores that this process may use, of different physical ones where there are such.

    The last ones: the system's own work tends to be on the first.

    Raises:
        UsageError: there is only one.
    """
    usable = sorted(os.sched_getaffinity(0) if allowed is None else allowed, reverse=True)
    if len(usable) < 2:
        raise UsageError(
            "a benchmark needs two cores, one for the generator and one for the server; "
            f"this process may use {len(usable)}",
            remedy="Run it on a machine, or in a container, with two cores or more.",
        )
    generator = usable[0]
    apart = [core for core in usable[1:] if core not in same(generator)]
    if apart:
        return Cores(generator, apart[0])
    return Cores(
        generator,
        usable[1],
        f"cores {generator} and {usable[1]} are threads of one physical core: "
        "generator and server slow each other down",
    )


def _listed(text: str) -> list[int]:
    found: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found
