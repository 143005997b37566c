"""Which class of users comes next, by weight, evenly and without chance."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Mix(Generic[K]):
    """Smooth weighted round robin: of n turns a key gets n·weight/total, give or take 1."""

    def __init__(self, weights: Mapping[K, float]) -> None:
        """Keys with a weight of 0 or below never get a turn unless all have.

        Raises:
            ValueError: there are no keys.
        """
        if not weights:
            raise ValueError("nothing to choose from")
        positive = {key: float(weight) for key, weight in weights.items() if weight > 0}
        self._weights = positive or dict.fromkeys(weights, 1.0)
        self._total = sum(self._weights.values())
        self._credit = dict.fromkeys(self._weights, 0.0)

    def next(self) -> K:
        """Whose turn it is."""
        credit = self._credit
        if len(credit) == 1:
            return next(iter(credit))
        for key, weight in self._weights.items():
            credit[key] += weight
        chosen = max(credit, key=credit.__getitem__)
        credit[chosen] -= self._total
        return chosen
