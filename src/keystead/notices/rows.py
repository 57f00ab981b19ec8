"""The tables of messages and balance alerts, and every statement on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from keystead.clock import from_ms, to_ms
from keystead.money import Money
from keystead.notices.model import Alert, Message, NoticeKind, Telling, Written
from keystead.store import Transaction, metadata

message = Table(
    "message",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("message_id", String(32), nullable=False),
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("category", String(16), nullable=False),
    Column("occasion", String(128), nullable=False),
    Column("instance_id", String(32), nullable=False),
    Column("facts", Text, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("composed_at_ms", BigInteger, nullable=True),
    Column("read_at_ms", BigInteger, nullable=True),
    UniqueConstraint("message_id"),
    UniqueConstraint("account_id", "occasion"),
    Index("ix_message_account_id_created_at_ms", "account_id", "created_at_ms"),
)
balance_alert = Table(
    "balance_alert",
    metadata,
    Column("account_id", String(16), ForeignKey("account.account_id"), primary_key=True),
    Column("threshold_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("set_after", BigInteger, nullable=False),
    Column("low_since_ms", BigInteger, nullable=True),
)


def told(tx: Transaction, account_id: str, occasion: str) -> bool:
    """Whether the account has a message of this occasion."""
    statement = select(message.c.id).where(message.c.account_id == account_id, message.c.occasion == occasion)
    return tx.execute(statement).first() is not None


def add(tx: Transaction, message_id: str, telling: Telling, at: datetime) -> None:
    """Insert a message without its words; the schema refuses a second one of the account's occasion."""
    tx.execute(
        insert(message).values(
            message_id=message_id,
            account_id=telling.account_id,
            kind=telling.kind.value,
            category=telling.kind.category.value,
            occasion=telling.occasion,
            instance_id=telling.instance_id,
            facts=msgspec.json.encode(telling.facts).decode(),
            created_at_ms=to_ms(at),
            subject="",
            text="",
            html="",
        )
    )


def set_words(tx: Transaction, message_id: str, words: Written, at: datetime) -> None:
    """Give a message its words: from now on it is listed."""
    tx.execute(
        update(message)
        .where(message.c.message_id == message_id)
        .values(subject=words.subject, text=words.text, html=words.html, composed_at_ms=to_ms(at))
    )


def of_id(tx: Transaction, message_id: str) -> Message | None:
    """Give a message, whoever's: for the scheduler."""
    row = tx.execute(select(message).where(message.c.message_id == message_id)).one_or_none()
    return None if row is None else _message(row)


def of_account(tx: Transaction, account_id: str, message_id: str) -> Message | None:
    """Give an account's composed message."""
    found = of_id(tx, message_id)
    return found if found is not None and found.composed and found.telling.account_id == account_id else None


def listing(tx: Transaction, account_id: str, limit: int, offset: int) -> list[Message]:
    """Give an account's composed messages, newest first."""
    statement = (
        select(message)
        .where(message.c.account_id == account_id, message.c.composed_at_ms.is_not(None))
        .order_by(message.c.created_at_ms.desc(), message.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [_message(row) for row in tx.execute(statement)]


def occasions(tx: Transaction, account_id: str) -> frozenset[str]:
    """Give all that an account was ever told of."""
    return frozenset(tx.execute(select(message.c.occasion).where(message.c.account_id == account_id)).scalars())


def unread_count(tx: Transaction, account_id: str) -> int:
    """Count an account's composed messages that nobody has read."""
    statement = (
        select(func.count())
        .select_from(message)
        .where(message.c.account_id == account_id, message.c.composed_at_ms.is_not(None), message.c.read_at_ms.is_(None))
    )
    return int(tx.execute(statement).scalar_one())


def set_read(tx: Transaction, message_id: str, at: datetime) -> None:
    """Mark a message as read; one that is keeps when it first was."""
    tx.execute(
        update(message).where(message.c.message_id == message_id, message.c.read_at_ms.is_(None)).values(read_at_ms=to_ms(at))
    )


def alert_of(tx: Transaction, account_id: str) -> Alert | None:
    """Give an account's low-balance alert."""
    row = tx.execute(select(balance_alert).where(balance_alert.c.account_id == account_id)).one_or_none()
    if row is None:
        return None
    low_since = None if row.low_since_ms is None else from_ms(row.low_since_ms)
    return Alert(row.account_id, Money(row.threshold_minor, row.currency), row.set_after, low_since)


def replace_alert(tx: Transaction, account_id: str, threshold: Money | None, set_after: int = 0) -> None:
    """Set an account's alert anew, not low yet; None takes it away."""
    tx.execute(delete(balance_alert).where(balance_alert.c.account_id == account_id))
    if threshold is not None:
        values = {"threshold_minor": threshold.minor, "currency": threshold.currency, "set_after": set_after}
        tx.execute(insert(balance_alert).values(account_id=account_id, **values))


def set_low_since(tx: Transaction, account_id: str, at: datetime | None) -> None:
    """Record since when the account's balance is low; None when it no longer is."""
    low_since = None if at is None else to_ms(at)
    tx.execute(update(balance_alert).where(balance_alert.c.account_id == account_id).values(low_since_ms=low_since))


def _message(row: Row[Any]) -> Message:
    return Message(
        message_id=row.message_id,
        telling=Telling(
            NoticeKind(row.kind),
            row.account_id,
            row.occasion,
            row.instance_id,
            msgspec.json.decode(row.facts, type=dict[str, str]),
        ),
        created_at=from_ms(row.created_at_ms),
        words=Written(row.subject, row.text, row.html),
        composed=row.composed_at_ms is not None,
        read_at=None if row.read_at_ms is None else from_ms(row.read_at_ms),
    )
