"""`db_unavailable`: a share of the calls to the database is refused, spread evenly."""

from typing import ClassVar

from loadkit.reference.faults.base import BadFault, Fault
from loadkit.reference.faults.evenly import Evenly


class DbUnavailable(Fault):
    """Call n since the start is refused when the whole part of n·value steps up; 1 refuses all.

    A request makes one or two calls, so that more requests fail than the share says.
    """

    kind: ClassVar[str] = "db_unavailable"

    def __init__(self, value: float, duration: float | None, step: str | None) -> None:
        super().__init__(value, duration, step)
        self._turns = Evenly(value)

    def check(self, value: float) -> None:
        """A share."""
        if not 0 < value <= 1:
            raise BadFault("db_unavailable needs a value above 0 and at most 1 (share of calls)")

    def refuses(self) -> bool:
        """Count this call; True if it is its turn."""
        turn = self._turns.next()
        self.struck += turn
        return turn
