"""The engine: opening SQLite or PostgreSQL and beginning transactions on it.

SQLite (WAL, synchronous=FULL): the driver's own transaction handling is off and a write transaction begins IMMEDIATE. Without
that, two read-then-write transactions lose updates silently, because the driver begins nothing until the first write.
PostgreSQL 15+: READ COMMITTED; a write transaction takes the row lock of its account first (`access.rows.lock_account`), and
uniqueness rules in the schema stop what locks do not.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, create_engine, event, text
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from keystead.faults import Unavailable
from keystead.store.transaction import Conflict, Transaction

SQLITE_BUSY_SECONDS_MAX = 15
_WAL_PAUSE_SECONDS = 0.01
_CONFLICT_STATES = frozenset({"40001", "40P01"})

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Store:
    """An open database."""

    def __init__(self, engine: Engine, url: str) -> None:
        """Wrap an engine made by `open_store`."""
        self.engine = engine
        self.url = url
        self.dialect = engine.dialect.name
        self._turn = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Run a reading transaction on one snapshot; nothing it does is kept."""
        with self.engine.connect() as conn:
            if self.dialect == "sqlite":
                conn.exec_driver_sql("BEGIN")
            else:
                conn.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield Transaction(conn)
            finally:
                conn.rollback()

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Run a writing transaction: committed on leaving, rolled back whole by any exception."""
        from keystead.store.changes import publish  # noqa: PLC0415 - changes defines a table on `metadata` above

        with self._turn_to_write(), self.engine.connect() as conn:
            if self.dialect == "sqlite":
                conn.exec_driver_sql("BEGIN IMMEDIATE")
            tx = Transaction(conn)
            try:
                yield tx
                publish(tx)
                conn.commit()
            except BaseException as error:
                conn.rollback()
                if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _CONFLICT_STATES:
                    raise Conflict from error
                if isinstance(error, OperationalError):
                    raise Unavailable from error
                raise

    @contextmanager
    def _turn_to_write(self) -> Iterator[None]:
        """Let the threads of this process write to SQLite one after the other: left to itself it has them sleep and try again."""
        if self.dialect != "sqlite":
            yield
            return
        if not self._turn.acquire(timeout=SQLITE_BUSY_SECONDS_MAX):
            raise Unavailable
        try:
            yield
        finally:
            self._turn.release()

    def ready(self) -> None:
        """Raise unless the database answers a statement."""
        with self.read() as tx:
            tx.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def database_url(data: Path, database: str | None) -> str:
    """Give the SQLAlchemy URL: `database` if given (PostgreSQL through psycopg 3), else SQLite in the data folder."""
    if not database:
        return f"sqlite:///{data / 'keystead.db'}"
    for prefix in ("postgresql://", "postgres://"):
        if database.startswith(prefix):
            return "postgresql+psycopg://" + database.removeprefix(prefix)
    return database


def open_store(url: str, *, durable: bool = True) -> Store:
    """Open the database at a SQLAlchemy URL; `durable=False` is for what may be lost with the machine (rate leases)."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            parsed,
            connect_args={"timeout": SQLITE_BUSY_SECONDS_MAX, "check_same_thread": False},
            pool_size=8,
            max_overflow=24,
            hide_parameters=True,
        )
        _tune_sqlite(engine, durable=durable)
    else:
        engine = create_engine(parsed, pool_size=8, max_overflow=24, pool_pre_ping=True, hide_parameters=True)
    return Store(engine, url)


def _keep_a_wal(cursor: sqlite3.Cursor) -> None:
    """Have a database write ahead.

    Of two processes that open a new file at the same moment one may be told at once that it is locked: SQLite waits for no lock
    here that two could wait for together.
    """
    tries_left = int(SQLITE_BUSY_SECONDS_MAX / _WAL_PAUSE_SECONDS)
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            tries_left -= 1
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or not tries_left:
                raise
            threading.Event().wait(_WAL_PAUSE_SECONDS)
        else:
            return


def _tune_sqlite(engine: Engine, *, durable: bool) -> None:
    synchronous = "FULL" if durable else "OFF"

    @event.listens_for(engine, "connect")
    def on_connect(dbapi: Any, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy event signature
        dbapi.isolation_level = None  # the driver begins nothing by itself
        cursor = dbapi.cursor()
        _keep_a_wal(cursor)
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")  # a destroyed instance key leaves no copy in a free page
        cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_SECONDS_MAX * 1000}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(conn: Connection) -> None:
        """Leave BEGIN to `Store.read` and `Store.write`, which know which kind they need."""
