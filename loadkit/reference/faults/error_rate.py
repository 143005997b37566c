"""`error_rate`: a share of the API's requests fails with 500, spread evenly."""

from typing import ClassVar

from loadkit.reference.faults.base import BadFault, Fault
from loadkit.reference.faults.evenly import Evenly


class ErrorRate(Fault):
    """Request n since the start fails when the whole part of n·value steps up."""

    kind: ClassVar[str] = "error_rate"

    def __init__(self, value: float, duration: float | None, step: str | None) -> None:
        super().__init__(value, duration, step)
        self._turns = Evenly(value)

    def check(self, value: float) -> None:
        """A share."""
        if not 0 < value <= 1:
            raise BadFault("error_rate needs a value above 0 and at most 1 (the share that fails)")

    def fails(self) -> bool:
        """Count this request; True if it is its turn."""
        turn = self._turns.next()
        self.struck += turn
        return turn
