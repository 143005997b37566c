"""`pool_slots`: fewer database connections may be lent at once."""

from typing import ClassVar

from loadkit.reference.faults.base import BadFault, Fault


class PoolSlots(Fault):
    """Leaves `value` slots. Connections already lent are not taken away."""

    kind: ClassVar[str] = "pool_slots"

    def check(self, value: float) -> None:
        """A number of slots."""
        if value != int(value) or not 0 <= value <= 10_000:
            raise BadFault("pool_slots needs a whole number of slots, 0 or more")

    def slots(self, size: int) -> int:
        """The smaller of the two."""
        return min(size, int(self.value))
