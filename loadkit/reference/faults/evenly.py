"""A share spread evenly instead of at random: the same requests each time."""

from fractions import Fraction


class Evenly:
    """Of n turns the whole part of n·share are hits, never further apart than they must be."""

    def __init__(self, share: float) -> None:
        # Of the decimal that was written: 0.29 in binary would miss its hundredth turn.
        self._share = Fraction(str(share))
        self._seen = 0

    def next(self) -> bool:
        """Whether this turn is a hit."""
        top, bottom = self._share.numerator, self._share.denominator
        before = self._seen * top // bottom
        self._seen += 1
        return self._seen * top // bottom > before
