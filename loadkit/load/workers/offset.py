"""How far another machine's CLOCK_MONOTONIC is from ours. Pure.

Of a question and its answer four instants are known: sent and back by our clock, got and answered
by the other's. Half the difference of the two ways is the offset, and it cannot be wrong by more
than half the time that the ways took together; so the quickest exchange knows best.
"""

from __future__ import annotations

from collections import deque

WINDOW = 60


class Offset:
    """The best estimate of the last WINDOW exchanges."""

    def __init__(self) -> None:
        self._exchanges: deque[tuple[int, int]] = deque(maxlen=WINDOW)  # (uncertainty, offset)

    def add(self, sent: int, got: int, answered: int, back: int) -> None:
        """Takes an exchange: sent and back by our clock, the others by the other one (ns).

        One that contradicts itself (back before it can have been) is not believed.
        """
        ways = (back - sent) - (answered - got)
        if ways >= 0:
            self._exchanges.append(((ways + 1) // 2, ((got - sent) + (answered - back)) // 2))

    def __bool__(self) -> bool:
        """Whether there is an estimate."""
        return bool(self._exchanges)

    def estimate(self, *, same_host: bool = False) -> tuple[int, int]:
        """(offset, uncertainty) in ns: the other clock minus ours.

        Two processes that booted with one kernel read one clock, unless they live in time
        namespaces: there the exchanges tell.

        Raises:
            ValueError: there was no exchange.
        """
        if not self._exchanges:
            raise ValueError("no exchange yet")
        uncertainty, offset = min(self._exchanges)
        if same_host and abs(offset) <= uncertainty:
            return 0, 0
        return offset, uncertainty
