"""Storage on SQLite with WAL: one writer behind a bounded queue, readers through a pool."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, TypeVar

from loadkit.reference.errors import StorageFailed
from loadkit.reference.ports import (
    CostPage,
    CostQuery,
    CostRecord,
    Idempotency,
    StorageState,
    Stored,
    UsageRow,
    User,
)
from loadkit.reference.pricing import Price
from loadkit.reference.storage.pool import Pool
from loadkit.reference.storage.schema import connect
from loadkit.reference.storage.writer import COLUMNS, INSERT_COST, Writer

T = TypeVar("T")

FIND_USER = "SELECT id, tier, key_digest FROM users WHERE key_fingerprint = ?"
PRICE_COLUMNS = "provider, model, input_per_million, cached_input_per_million, output_per_million"
FIND_PRICE = f"SELECT {PRICE_COLUMNS} FROM prices WHERE provider = ? AND model = ?"
LIST_PRICES = f"SELECT {PRICE_COLUMNS} FROM prices ORDER BY provider, model"
FIND_COST = f"SELECT {COLUMNS} FROM costs WHERE id = ? AND user_id = ?"
USAGE_TOTAL = (
    "SELECT provider, model, calls, input_tokens, output_tokens, cost FROM usage_total "
    "WHERE user_id = ? ORDER BY provider, model"
)
USAGE_DAYS = (
    "SELECT provider, model, sum(calls), sum(input_tokens), sum(output_tokens), sum(cost) "
    "FROM usage_daily WHERE user_id = ? AND day BETWEEN ? AND ? "
    "GROUP BY provider, model ORDER BY provider, model"
)
FIRST_DAY, LAST_DAY = "0000-00-00", "9999-99-99"


class SqliteSession:
    """Reads on one lent connection.

    Rows found by their key are read on the spot: that takes some 20 µs and never waits for the
    writer (WAL), where a hop to a thread and back costs ten times as much. Whatever reads many
    rows goes to a thread.
    """

    def __init__(self, connection: sqlite3.Connection, executor: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._executor = executor

    async def _run(self, read: Callable[..., T], *arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, read, *arguments)
        except sqlite3.Error as error:
            raise StorageFailed(f"the database did not answer: {error}") from error

    def _row(self, query: str, parameters: tuple[object, ...]) -> Any:
        try:
            return self._connection.execute(query, parameters).fetchone()
        except sqlite3.Error as error:
            raise StorageFailed(f"the database did not answer: {error}") from error

    def _rows(self, query: str, parameters: tuple[object, ...] = ()) -> list[Any]:
        return self._connection.execute(query, parameters).fetchall()

    async def find_user(self, fingerprint: bytes) -> User | None:
        """See `ports.Session`."""
        row = self._row(FIND_USER, (fingerprint,))
        return None if row is None else User(row[0], row[1], bytes(row[2]))

    async def find_price(self, provider: str, model: str) -> Price | None:
        """See `ports.Session`."""
        row = self._row(FIND_PRICE, (provider, model))
        return None if row is None else _price(row)

    async def list_prices(self) -> tuple[Price, ...]:
        """See `ports.Session`."""
        return tuple(_price(row) for row in await self._run(self._rows, LIST_PRICES))

    async def find_cost(self, user_id: str, cost_id: str) -> CostRecord | None:
        """See `ports.Session`."""
        row = self._row(FIND_COST, (cost_id, user_id))
        return None if row is None else CostRecord(*row)

    async def list_costs(self, query: CostQuery) -> CostPage:
        """See `ports.Session`."""
        text, parameters = _costs_query(query)
        rows = await self._run(self._rows, text, parameters)
        page = rows[: query.limit]
        more = len(rows) > query.limit
        last = (page[-1][-2], page[-1][0]) if more else None
        return CostPage(tuple(CostRecord(*row[1:]) for row in page), last)

    async def usage(self, user_id: str, first: str | None, last: str | None) -> list[UsageRow]:
        """See `ports.Session`."""
        if first is None and last is None:
            rows = await self._run(self._rows, USAGE_TOTAL, (user_id,))
        else:
            days = (user_id, first or FIRST_DAY, last or LAST_DAY)
            rows = await self._run(self._rows, USAGE_DAYS, days)
        return [UsageRow(*row) for row in rows]


def _price(row: tuple[str, ...]) -> Price:
    return Price(row[0], row[1], Decimal(row[2]), Decimal(row[3]), Decimal(row[4]))


def _costs_query(query: CostQuery) -> tuple[str, tuple[object, ...]]:
    """The statement and its parameters; one row more than asked tells whether there is more."""
    where = ["user_id = ?"]
    parameters: list[object] = [query.user_id]
    if query.since_us is not None:
        where.append("occurred_us >= ?")
        parameters.append(query.since_us)
    if query.until_us is not None:
        where.append("occurred_us < ?")
        parameters.append(query.until_us)
    if query.after is not None:
        where.append("(occurred_us, seq) < (?, ?)")
        parameters.extend(query.after)
    text = (
        f"SELECT seq, {COLUMNS} FROM costs WHERE {' AND '.join(where)} "
        "ORDER BY occurred_us DESC, seq DESC LIMIT ?"
    )
    return text, (*parameters, query.limit + 1)


class SqliteStorage:
    """`ports.Storage` on a file that `schema.prepare` has made. Create it on a running loop."""

    system = "sqlite"
    statements: Mapping[str, str] = {
        "SELECT users": FIND_USER,
        "SELECT prices": FIND_PRICE,
        "INSERT costs": INSERT_COST,
    }

    def __init__(
        self,
        path: str,
        salt: bytes,
        *,
        pool_size: int,
        queue_size: int,
        pool_wait_s: float = 5.0,
        limit_of: Callable[[int], int] = lambda size: size,
        refuses: Callable[[], bool] = lambda: False,
    ) -> None:
        """`limit_of` and `refuses` are where faults come in."""
        self.salt = salt
        self._refuses = refuses
        self.pool = Pool(
            [connect(path) for _ in range(pool_size)], wait_s=pool_wait_s, limit_of=limit_of
        )
        self._executor = ThreadPoolExecutor(pool_size, thread_name_prefix="store-reader")
        self._writer = Writer(path, queue_size, asyncio.get_running_loop())

    @asynccontextmanager
    async def session(self) -> AsyncIterator[SqliteSession]:
        """See `ports.Storage`."""
        if self._refuses():
            raise StorageFailed("the database refused the connection")
        async with self.pool.lend() as connection:
            yield SqliteSession(connection, self._executor)

    async def store(self, record: CostRecord, idempotency: Idempotency | None) -> Stored:
        """See `ports.Storage`."""
        if self._refuses():
            raise StorageFailed("the database refused to write")
        return await self._writer.submit(record, idempotency)

    def state(self) -> StorageState:
        """See `ports.Storage`."""
        pool, writer = self.pool, self._writer
        return StorageState(
            writer_alive=writer.alive,
            queue_depth=writer.depth,
            queue_capacity=writer.capacity,
            pool_size=pool.size,
            pool_limit=pool.limit(),
            pool_in_use=pool.in_use,
            pool_waiting=pool.waiting,
            pool_busy_s=pool.times.busy_s,
            pool_wait_s=pool.times.wait_s,
            writer_busy_s=writer.busy_s,
            batches=writer.batches,
            rows=writer.rows,
        )

    async def close(self) -> None:
        """See `ports.Storage`."""
        await asyncio.to_thread(self._writer.close, 0.5)
        self._executor.shutdown(wait=False, cancel_futures=True)
        self.pool.close()
