"""A transaction: the one handle through which rows are read and written."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CursorResult, Executable
from sqlalchemy.engine import Connection


class Conflict(Exception):
    """PostgreSQL gave this transaction up for another one (serialisation failure or deadlock); nothing of it is kept."""


class Transaction:
    """A running transaction on one connection; writes name what they changed, for the caches of every worker."""

    __slots__ = ("changes", "conn", "dialect")

    def __init__(self, conn: Connection) -> None:
        """Wrap a connection on which the transaction has begun."""
        self.conn = conn
        self.dialect = conn.dialect.name
        self.changes: list[tuple[str, str]] = []

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:  # noqa: ANN401 - SQLAlchemy's own type
        """Run one statement."""
        return self.conn.execute(statement, parameters)

    def changed(self, kind: str, key: str) -> None:
        """Name something cached that this transaction changes; every worker drops it once the commit is seen."""
        self.changes.append((kind, key))
