"""Prices in memory for a while. Redis takes this place in the full stack."""

import time

from loadkit.reference.pricing import Price

CAPACITY = 1000


class MemoryPricingCache:
    """`ports.PricingCache` in a dictionary; counts `hits`, `misses`, `evictions`."""

    def __init__(self, keep_s: float = 30.0) -> None:
        self.hits = 0
        self.misses = 0
        self.evictions = 0
        self._keep_s = keep_s
        self._prices: dict[tuple[str, str], tuple[float, Price]] = {}

    async def get(self, provider: str, model: str) -> Price | None:
        """See `ports.PricingCache`."""
        entry = self._prices.get((provider, model))
        if entry is not None and entry[0] > time.monotonic():
            self.hits += 1
            return entry[1]
        self.misses += 1
        return None

    async def put(self, price: Price) -> None:
        """See `ports.PricingCache`. Only prices that exist come here, so it stays small."""
        if len(self._prices) >= CAPACITY:
            self._prices.clear()
        until = time.monotonic() + self._keep_s
        self._prices[(price.provider, price.model)] = (until, price)

    async def clear(self) -> None:
        """See `ports.PricingCache`."""
        self.evictions += len(self._prices)
        self._prices.clear()
