"""`leak`: each request leaves memory behind that nobody will ever use or free."""

import sys
from typing import ClassVar

from loadkit.reference.faults.base import ROOT, BadFault, Fault

SMALLEST = 64
LARGEST = 16 << 20
MOST = 1 << 30
"""Bytes that one fault keeps at most: the machine has to outlive it."""

_SLOT = 8  # what the list itself needs for each thing in it
_HEADER = sys.getsizeof(b"")

_kept: list[bytes] = []


class Leak(Fault):
    """Keeps `value` bytes a request: the object, its header and its place in the list together.

    They stay when the fault ends, as they would in a real leak; only no more are added.
    """

    kind: ClassVar[str] = "leak"

    def check(self, value: float) -> None:
        """Bytes."""
        if value != int(value) or not SMALLEST <= value <= LARGEST:
            raise BadFault(f"leak needs a whole number of bytes a request, {SMALLEST} to {LARGEST}")

    async def at(self, step: str) -> None:
        """Keep some, once a request."""
        if step == ROOT and (self.struck + 1) * self.value <= MOST:
            self.struck += 1
            leak_bytes(int(self.value))


def leak_bytes(size: int) -> None:
    """Keep an object that, with its header and its place in the list, has this many bytes."""
    # Written to, not only reserved: memory that nobody has touched is not resident.
    _kept.append(b"\xa5" * (size - _HEADER - _SLOT))
