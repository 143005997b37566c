"""`error_rate`: a share of the API's requests fails with 500, spread evenly."""

from fractions import Fraction
from typing import ClassVar

from loadkit.reference.faults.base import BadFault, Fault


class ErrorRate(Fault):
    """Request n since the start fails when the whole part of n·value steps up."""

    kind: ClassVar[str] = "error_rate"

    def __init__(self, value: float, duration: float | None, step: str | None) -> None:
        super().__init__(value, duration, step)
        # Of the decimal that was written: 0.29 in binary would miss its hundredth request.
        self._share = Fraction(str(value))
        self._seen = 0

    def check(self, value: float) -> None:
        """A share."""
        if not 0 < value <= 1:
            raise BadFault("error_rate needs a value above 0 and at most 1 (the share that fails)")

    def fails(self) -> bool:
        """Count this request; True if it is its turn."""
        top, bottom = self._share.numerator, self._share.denominator
        before = self._seen * top // bottom
        self._seen += 1
        turn = self._seen * top // bottom > before
        self.struck += turn
        return turn
