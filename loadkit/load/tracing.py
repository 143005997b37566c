"""Trace ids: a number a request, turned into the header's bytes and, later, into text.

A trace id is 128 bits: the upper half is drawn once a process, the lower half is a one-to-one
mixture of a serial number with a random key, so that ids never repeat, look random to samplers
that read the lower half, and can be made again from the serial number alone. A recorder thus
keeps one integer a request.
"""

from __future__ import annotations

import secrets

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15  # odd, so that multiples are distinct modulo 2^64
_STIR = 0xD6E8FEB86659FD93  # odd


class TraceIds:
    """The trace ids of one process."""

    __slots__ = ("_all", "_bound", "_high", "_key", "_serial", "ratio")

    def __init__(self, ratio: float = 1.0, *, seed: int | None = None) -> None:
        """Of all ids the share ``ratio`` (0 to 1) is marked as sampled; ``seed`` is for tests.

        Raises:
            ValueError: The ratio is not between 0 and 1.
        """
        if not 0 <= ratio <= 1:
            raise ValueError(f"a sampling ratio lies between 0 and 1, not {ratio}")
        self.ratio = ratio
        self._all = ratio >= 1
        self._bound = round(ratio * (1 << 64))
        drawn = secrets.randbits(128) if seed is None else (seed * _STIR) & ((1 << 128) - 1)
        self._high = f"{(drawn >> 64) or 1:016x}"
        self._key = drawn & _MASK
        self._serial = 0

    def next(self) -> int:
        """The next serial number; the first is 1."""
        self._serial += 1
        return self._serial

    def _low(self, serial: int) -> int:
        mixed = (serial * _STEP + self._key) & _MASK
        # 0 would be no valid span id; one serial number in 2^64 gives it.
        return ((mixed ^ (mixed >> 32)) * _STIR) & _MASK or 1

    def sampled(self, serial: int) -> bool:
        """Whether this one is marked: by its lower half, as samplers by ratio decide."""
        return self._all or self._low(serial) < self._bound

    def text(self, serial: int) -> str:
        """The trace id, 32 hexadecimal digits."""
        return f"{self._high}{self._low(serial):016x}"

    def value(self, serial: int) -> str:
        """The value of a ``traceparent`` header; its span id is the lower half of the trace id."""
        return self.line(serial)[13:-2].decode()

    def line(self, serial: int) -> bytes:
        """A whole header line with its end."""
        # _low(), written out: the call would cost as much as what it does.
        mixed = (serial * _STEP + self._key) & _MASK
        low = ((mixed ^ (mixed >> 32)) * _STIR) & _MASK or 1
        span = low.to_bytes(8, "big").hex()  # half the time of formatting it
        flag = "01" if self._all or low < self._bound else "00"
        return f"traceparent: 00-{self._high}{span}-{span}-{flag}\r\n".encode()


def trace_id_of(header: str) -> str | None:
    """The trace id within a ``traceparent`` header; None if it is not one."""
    parts = header.strip().split("-")
    if len(parts) < 4 or len(parts[1]) != 32:
        return None
    return parts[1] if all(c in "0123456789abcdef" for c in parts[1]) else None
