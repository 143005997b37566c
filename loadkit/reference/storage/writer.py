"""The one thread that writes: a bounded queue in front, several records a transaction behind."""

import asyncio
import queue
import sqlite3
import threading
import time
from dataclasses import astuple, dataclass
from datetime import UTC, datetime

from loadkit.reference.errors import IdempotencyConflict, QueueFull, StorageFailed
from loadkit.reference.ports import CostRecord, Idempotency, Stored
from loadkit.reference.storage.schema import connect

BATCH = 64
KEEP_KEYS_US = 24 * 3600 * 1_000_000
PRUNE_EVERY_S = 60.0

COLUMNS = (
    "id, user_id, provider, model, input_tokens, cached_input_tokens, output_tokens, "
    "subtotal, discount, total, project, occurred_us, created_us"
)
INSERT_COST = f"INSERT INTO costs ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ADD = (
    "DO UPDATE SET calls = calls + 1, input_tokens = input_tokens + excluded.input_tokens, "
    "output_tokens = output_tokens + excluded.output_tokens, cost = cost + excluded.cost"
)
ADD_TOTAL = (
    "INSERT INTO usage_total VALUES (?, ?, ?, 1, ?, ?, ?) "
    f"ON CONFLICT (user_id, provider, model) {_ADD}"
)
ADD_DAILY = (
    "INSERT INTO usage_daily VALUES (?, ?, ?, ?, 1, ?, ?, ?) "
    f"ON CONFLICT (user_id, day, provider, model) {_ADD}"
)
FIND_KEY = "SELECT fingerprint, cost_id FROM idempotency WHERE user_id = ? AND key = ?"
ADD_KEY = "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?)"
PRUNE_KEYS = "DELETE FROM idempotency WHERE created_us < ?"

Outcome = Stored | BaseException


@dataclass(slots=True)
class Job:
    """A record to write, and the future that waits for it on the event loop."""

    record: CostRecord
    idempotency: Idempotency | None
    done: asyncio.Future[Stored]


class Writer:
    """Owns the writing connection. Thread-safe counters: `depth`, `busy_s`, `batches`, `rows`."""

    def __init__(self, path: str, capacity: int, loop: asyncio.AbstractEventLoop) -> None:
        self.capacity = capacity
        self.busy_s = 0.0
        self.batches = 0
        self.rows = 0
        self._loop = loop
        # Only the loop's thread puts records in, so that looking at its length is bound enough.
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._connection = connect(path)
        self._pruned = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Records that wait for the writer."""
        return self._queue.qsize()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def submit(self, record: CostRecord, idempotency: Idempotency | None) -> asyncio.Future[Stored]:
        """Queue a record. Raises QueueFull; the future raises what `ports.Storage.store` says."""
        if not self._thread.is_alive():
            raise StorageFailed("the database's writer has ended")
        if self._queue.qsize() >= self.capacity:
            raise QueueFull(
                f"{self.capacity} records wait for the database already; come back later"
            )
        done: asyncio.Future[Stored] = self._loop.create_future()
        self._queue.put(Job(record, idempotency, done))
        return done

    def close(self, timeout: float) -> bool:
        """Write what is queued and end; False if that took longer than `timeout` seconds."""
        self._queue.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while (job := self._queue.get()) is not None:
                batch = [job]
                ended = self._take_more(batch)
                began = time.perf_counter()
                outcomes = self._write(batch)
                self.busy_s += time.perf_counter() - began
                self.batches += 1
                self.rows += len(batch)
                self._deliver(batch, outcomes)
                if ended:
                    return
        finally:
            self._connection.close()

    def _take_more(self, batch: list[Job]) -> bool:
        """Fill the batch from what is queued; True if the end was among it."""
        while len(batch) < BATCH:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return False
            if job is None:
                return True
            batch.append(job)
        return False

    def _write(self, batch: list[Job]) -> list[Outcome]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = [self._write_one(job) for job in batch]
            self._prune()
            self._connection.execute("COMMIT")
            return outcomes
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return [StorageFailed(f"the database did not write: {error}") for _ in batch]

    def _write_one(self, job: Job) -> Outcome:
        record = job.record
        if job.idempotency is not None:
            earlier = self._earlier(record.user_id, job.idempotency)
            if earlier is not None:
                return earlier
        run = self._connection.execute
        run(INSERT_COST, astuple(record))
        sums = (record.input_tokens, record.output_tokens, record.total)
        model = (record.provider, record.model)
        day = datetime.fromtimestamp(record.occurred_us // 1_000_000, UTC).date().isoformat()
        run(ADD_TOTAL, (record.user_id, *model, *sums))
        run(ADD_DAILY, (record.user_id, day, *model, *sums))
        if job.idempotency is not None:
            key = job.idempotency
            run(ADD_KEY, (record.user_id, key.key, key.fingerprint, record.id, record.created_us))
        return Stored(record, replayed=False)

    def _earlier(self, user_id: str, key: Idempotency) -> Outcome | None:
        """What this key was answered before, if it was."""
        row = self._connection.execute(FIND_KEY, (user_id, key.key)).fetchone()
        if row is None:
            return None
        if bytes(row[0]) != key.fingerprint:
            return IdempotencyConflict(
                "this idempotency key was used before with another body; use a new key"
            )
        found = self._connection.execute(
            f"SELECT {COLUMNS} FROM costs WHERE id = ?", (row[1],)
        ).fetchone()
        return Stored(CostRecord(*found), replayed=True)

    def _prune(self) -> None:
        now = time.monotonic()
        if now - self._pruned > PRUNE_EVERY_S:
            self._pruned = now
            self._connection.execute(PRUNE_KEYS, (time.time_ns() // 1000 - KEEP_KEYS_US,))

    def _deliver(self, batch: list[Job], outcomes: list[Outcome]) -> None:
        try:
            self._loop.call_soon_threadsafe(_resolve, batch, outcomes)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            return


def _resolve(batch: list[Job], outcomes: list[Outcome]) -> None:
    for job, outcome in zip(batch, outcomes, strict=True):
        if job.done.done():
            continue
        if isinstance(outcome, Stored):
            job.done.set_result(outcome)
        else:
            job.done.set_exception(outcome)
