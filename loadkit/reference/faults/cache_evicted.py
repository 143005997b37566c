"""`cache_evicted`: the pricing cache is emptied over and over."""

from typing import ClassVar

from loadkit.reference.faults.base import BadFault, Fault


class CacheEvicted(Fault):
    """Empties the cache before the look-up of each `value`-th request; 1: of each."""

    kind: ClassVar[str] = "cache_evicted"

    def __init__(self, value: float, duration: float | None, step: str | None) -> None:
        super().__init__(value, duration, step)
        self._seen = 0

    def check(self, value: float) -> None:
        """A number of requests."""
        if value != int(value) or not 1 <= value <= 1_000_000:
            raise BadFault("cache_evicted needs a whole number of requests, 1 or more")

    def evicts(self) -> bool:
        """Count this look-up; True if the cache is to be emptied first."""
        self._seen += 1
        turn = self._seen % int(self.value) == 0
        self.struck += turn
        return turn
