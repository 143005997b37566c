"""The SQLite database: tables, settings of a connection, and what a fresh one is filled with.

Version history of the file:
    1  users, prices, costs, usage_total, usage_daily, idempotency, meta
"""

import secrets
import sqlite3
from collections.abc import Iterable

from loadkit.reference.errors import SetupError
from loadkit.reference.pricing import CATALOGUE

VERSION = 1

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    tier TEXT NOT NULL,
    key_fingerprint BLOB NOT NULL UNIQUE,
    key_digest BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE prices (
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    input_per_million TEXT NOT NULL,
    cached_input_per_million TEXT NOT NULL,
    output_per_million TEXT NOT NULL,
    PRIMARY KEY (provider, model)
) WITHOUT ROWID;
CREATE TABLE costs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    input_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    subtotal INTEGER NOT NULL,
    discount INTEGER NOT NULL,
    total INTEGER NOT NULL,
    project TEXT,
    occurred_us INTEGER NOT NULL,
    created_us INTEGER NOT NULL
);
CREATE INDEX costs_by_user ON costs (user_id, occurred_us, seq);
CREATE TABLE usage_total (
    user_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    calls INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost INTEGER NOT NULL CHECK (typeof(cost) = 'integer'),
    PRIMARY KEY (user_id, provider, model)
) WITHOUT ROWID;
CREATE TABLE usage_daily (
    user_id TEXT NOT NULL,
    day TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    calls INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost INTEGER NOT NULL CHECK (typeof(cost) = 'integer'),
    PRIMARY KEY (user_id, day, provider, model)
) WITHOUT ROWID;
CREATE TABLE idempotency (
    user_id TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    cost_id TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_us);
"""
# The CHECKs: an integer sum that overflows becomes a float in SQLite; better no row than that.


def connect(path: str, *, busy_s: float = 5.0) -> sqlite3.Connection:
    """A connection with WAL; transactions are begun and ended by hand."""
    connection = sqlite3.connect(
        path, timeout=busy_s, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    connection.execute("PRAGMA journal_mode = WAL")
    # With WAL a power cut may lose the last commits but can't corrupt; no fsync a commit.
    connection.execute("PRAGMA synchronous = NORMAL")
    # KiB of pages each connection keeps: little, so that the service's memory soon levels off.
    connection.execute("PRAGMA cache_size = -128")
    return connection


def prepare(path: str) -> bytes:
    """Create and seed the database if there is none; return its salt.

    Raises SetupError if the file is something else, or of another version.
    """
    try:
        connection = connect(path)
    except sqlite3.Error as error:
        raise SetupError(f"database {path}: {error}; give another path with --database") from error
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
        if version == 0 and tables == 0:
            _create(connection)
        elif version != VERSION:
            raise SetupError(
                f"database {path}: version {version}, this service writes version {VERSION}; "
                "give another path with --database"
            )
        row = connection.execute("SELECT value FROM meta WHERE name = 'salt'").fetchone()
        return bytes(row[0])
    except sqlite3.Error as error:
        raise SetupError(f"database {path}: {error}; give another path with --database") from error
    finally:
        connection.close()


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in TABLES.split(";"):
        if statement.strip():
            connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES ('salt', ?)", (secrets.token_bytes(32),))
    connection.executemany(
        "INSERT INTO prices VALUES (?, ?, ?, ?, ?)",
        [
            (
                price.provider,
                price.model,
                str(price.input_per_million),
                str(price.cached_input_per_million),
                str(price.output_per_million),
            )
            for price in CATALOGUE
        ],
    )
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def add_users(path: str, users: Iterable[tuple[str, str, bytes, bytes]]) -> None:
    """Add users (id, tier, key fingerprint, key digest); one known already gets the new key."""
    connection = connect(path)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO users VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "tier = excluded.tier, key_fingerprint = excluded.key_fingerprint, "
            "key_digest = excluded.key_digest",
            list(users),
        )
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise SetupError(f"database {path}: users could not be added: {error}") from error
    finally:
        connection.close()
