"""The seams of the service: what storage, pricing cache and notifier must be able to do.

The parts of this package are `storage.sqlite.SqliteStorage`, `cache.MemoryPricingCache` and
`notify.QueueNotifier`. PostgreSQL, Redis and NATS plug in here.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from loadkit.reference.pricing import Price


@dataclass(frozen=True, slots=True)
class User:
    """Who holds an API key, with the salted digest of that key."""

    id: str
    tier: str
    key_digest: bytes


@dataclass(frozen=True, slots=True)
class CostRecord:
    """One priced LLM call. Amounts in nano-dollars, times in microseconds since 1970 (UTC)."""

    id: str
    user_id: str
    provider: str
    model: str
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    subtotal: int
    discount: int
    total: int
    project: str | None
    occurred_us: int
    created_us: int

    @property
    def total_tokens(self) -> int:
        """All tokens of the call (cached input is part of input)."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A client's key for one request, and the digest of what it asked for."""

    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """The record as it is in the database; `replayed` if an earlier request had stored it."""

    record: CostRecord
    replayed: bool


@dataclass(frozen=True, slots=True)
class CostQuery:
    """Which records of one user: newest first, `after` (occurred_us, seq) of the last one seen.

    `since_us` is included, `until_us` is not.
    """

    user_id: str
    limit: int
    since_us: int | None = None
    until_us: int | None = None
    after: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class CostPage:
    """Records, newest first, and where the next page starts (None: this was the last)."""

    records: tuple[CostRecord, ...]
    next_after: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Sums over calls of one user to one model; `cost` in nano-dollars."""

    provider: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: int


@dataclass(frozen=True, slots=True)
class StorageState:
    """How busy the storage is at this moment. Times are seconds since the start."""

    writer_alive: bool
    queue_depth: int
    queue_capacity: int
    pool_size: int
    pool_limit: int
    pool_in_use: int
    pool_waiting: int
    pool_busy_s: float
    pool_wait_s: float
    writer_busy_s: float
    batches: int
    rows: int


class Session(Protocol):
    """One database connection, held for a while. Raises errors.StorageFailed."""

    async def find_user(self, fingerprint: bytes) -> User | None:
        """The user whose key has this fingerprint."""

    async def find_price(self, provider: str, model: str) -> Price | None:
        """The price of one model."""

    async def list_prices(self) -> tuple[Price, ...]:
        """All prices, by provider and model."""

    async def find_cost(self, user_id: str, cost_id: str) -> CostRecord | None:
        """One record of this user."""

    async def list_costs(self, query: CostQuery) -> CostPage:
        """A page of records of one user."""

    async def usage(self, user_id: str, first: str | None, last: str | None) -> list[UsageRow]:
        """Sums by model: all time, or the days `first` to `last` (YYYY-MM-DD, both included)."""


class Storage(Protocol):
    """Where users, prices and records are kept."""

    salt: bytes
    """What API keys are hashed with; one a database."""

    system: str
    """The name that spans give the database, as in `db.system.name`."""

    statements: Mapping[str, str]
    """The texts that spans show: of "SELECT users", "SELECT prices" and "INSERT costs"."""

    def session(self) -> AbstractAsyncContextManager[Session]:
        """Lend a connection; waits for a free one. Raises errors.PoolExhausted."""

    async def store(self, record: CostRecord, idempotency: Idempotency | None) -> Stored:
        """Write one record and bring the sums up to date; returns once it is committed.

        Raises errors.QueueFull, errors.IdempotencyConflict, errors.StorageFailed.
        """

    def state(self) -> StorageState:
        """A snapshot, from any thread."""

    async def close(self) -> None:
        """Write what is queued, then let go of everything."""


class PricingCache(Protocol):
    """Prices kept close by."""

    async def get(self, provider: str, model: str) -> Price | None:
        """The price, unless it is unknown here or too old."""

    async def put(self, price: Price) -> None:
        """Keep a price for a while."""

    async def clear(self) -> None:
        """Forget all prices."""


@dataclass(frozen=True, slots=True)
class Notification:
    """Someone spent something. `cost` in nano-dollars."""

    user_id: str
    tier: str
    cost_id: str
    cost: int


@dataclass(frozen=True, slots=True)
class NotifierState:
    """Counts since the start, and how full the queue is."""

    queued: int
    delivered: int
    dropped: int
    depth: int
    capacity: int


class Notifier(Protocol):
    """Tells others about new records; never makes a request wait or fail."""

    async def send(self, notification: Notification) -> bool:
        """Hand over; False if it had to be dropped."""

    def state(self) -> NotifierState:
        """A snapshot, from any thread."""

    async def close(self) -> None:
        """Deliver what is queued, then stop."""
