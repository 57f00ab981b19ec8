"""Records of calls that changed rows: written in the very transaction they record."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, insert, select

from keystead.store import Transaction, metadata

access_record = Table(
    "access_record",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("account_id", String(16), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("request_id", String(36), nullable=False),
    Column("record", Text, nullable=False),
    Index("ix_access_record_account_id_at_ms", "account_id", "at_ms"),
)

_APPEND: Final = insert(access_record)


def append(tx: Transaction, account_id: str, at_ms: int, request_id: str, record: str) -> None:
    """Append a record; nothing ever changes or deletes one here."""
    tx.execute(_APPEND, {"account_id": account_id, "at_ms": at_ms, "request_id": request_id, "record": record})


def of_request(tx: Transaction, request_id: str) -> list[str]:
    """Give the records of one request id (none or one)."""
    return list(tx.execute(select(access_record.c.record).where(access_record.c.request_id == request_id)).scalars())
