"""What happened, in order, for people: an append-only list that `keystead admin clock advance` prints."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import BigInteger, Column, Integer, String, Table, Text, func, insert, select

from keystead.clock import from_ms, to_ms
from keystead.store.engine import metadata
from keystead.store.transaction import Transaction

event = Table(
    "event",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("kind", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("account_id", String(16), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
)


class Event(NamedTuple):
    """Something that happened at `at` (business time) to `subject`."""

    id: int
    kind: str
    subject: str
    account_id: str
    at: datetime
    detail: dict[str, str]


def record_event(tx: Transaction, kind: str, subject: str, account_id: str, at: datetime, **detail: str) -> None:
    """Append an event in the transaction that made it happen."""
    tx.execute(
        insert(event).values(
            kind=kind, subject=subject, account_id=account_id, at_ms=to_ms(at), detail=msgspec.json.encode(detail).decode()
        )
    )


def last_id(tx: Transaction) -> int:
    """Give the newest event's number; 0 when there is none."""
    return int(tx.execute(select(func.coalesce(func.max(event.c.id), 0))).scalar_one())


def since(tx: Transaction, after_id: int) -> list[Event]:
    """Give the events after number `after_id`, in the order they happened."""
    rows = tx.execute(select(event).where(event.c.id > after_id).order_by(event.c.id))
    return [
        Event(
            row.id,
            row.kind,
            row.subject,
            row.account_id,
            from_ms(row.at_ms),
            msgspec.json.decode(row.detail, type=dict[str, str]),
        )
        for row in rows
    ]
