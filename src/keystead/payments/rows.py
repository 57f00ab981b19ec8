"""The tables of top-ups and events, and every statement on them. There is no update and no delete here, and none may be added."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    UniqueConstraint,
    insert,
    select,
)

from keystead.clock import from_ms, to_ms
from keystead.money import Money
from keystead.payments.model import Outcome, PaymentEvent, TopUp
from keystead.store import Transaction, metadata

top_up = Table(
    "top_up",
    metadata,
    Column("top_up_id", String(32), primary_key=True),
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("started_at_ms", BigInteger, nullable=False),
    Index("ix_top_up_account_id_started_at_ms", "account_id", "started_at_ms"),
)
payment_event = Table(
    "payment_event",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("provider", String(32), nullable=False),
    Column("event_id", String(128), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("payment", String(128), nullable=False),
    # Of the event that credited it only: no top-up is credited twice.
    Column("top_up_id", String(32), ForeignKey("top_up.top_up_id"), nullable=True, unique=True),
    Column("transaction_number", String(32), ForeignKey("ledger_transaction.number"), nullable=True),
    Column("at_ms", BigInteger, nullable=False),
    UniqueConstraint("provider", "event_id"),
)


def add(tx: Transaction, started: TopUp) -> None:
    """Write a top-up that is not paid yet."""
    tx.execute(
        insert(top_up).values(
            top_up_id=started.top_up_id,
            account_id=started.account_id,
            amount_minor=started.amount.minor,
            currency=started.amount.currency,
            provider=started.provider,
            started_at_ms=to_ms(started.started_at),
        )
    )


def add_event(tx: Transaction, provider: str, event: PaymentEvent, at: datetime, paid: TopUp | None = None) -> None:
    """Write an event that was taken, with the top-up it credited if it did; the schema refuses it, and that, a second time."""
    tx.execute(
        insert(payment_event).values(
            provider=provider,
            event_id=event.event_id,
            kind=event.kind,
            outcome=(Outcome.IGNORED if paid is None else Outcome.CREDITED).value,
            payment=event.payment,
            top_up_id=None if paid is None else paid.top_up_id,
            transaction_number=None if paid is None else paid.transaction,
            at_ms=to_ms(at),
        )
    )


def is_taken(tx: Transaction, provider: str, event_id: str) -> bool:
    """Whether the event was taken before."""
    statement = select(payment_event.c.id).where(payment_event.c.provider == provider, payment_event.c.event_id == event_id)
    return tx.execute(statement).first() is not None


def of_id(tx: Transaction, top_up_id: str) -> TopUp | None:
    """Give a top-up, whoever's: the provider names it."""
    return next(iter(_top_ups(tx, top_up.c.top_up_id == top_up_id)), None)


def of_account(tx: Transaction, account_id: str) -> list[TopUp]:
    """Give an account's top-ups, newest first."""
    return _top_ups(tx, top_up.c.account_id == account_id)


def paid(tx: Transaction) -> list[TopUp]:
    """Give every top-up of the deployment that was paid, for an audit."""
    return _top_ups(tx, payment_event.c.transaction_number.is_not(None))


def _top_ups(tx: Transaction, where: ColumnElement[bool]) -> list[TopUp]:
    statement = (
        select(top_up, payment_event.c.transaction_number)
        .outerjoin(payment_event, payment_event.c.top_up_id == top_up.c.top_up_id)
        .where(where)
        .order_by(top_up.c.started_at_ms.desc(), top_up.c.top_up_id)
    )
    return [_top_up(row) for row in tx.execute(statement)]


def _top_up(row: Row[Any]) -> TopUp:
    amount = Money(row.amount_minor, row.currency)
    return TopUp(row.top_up_id, row.account_id, amount, row.provider, from_ms(row.started_at_ms), row.transaction_number or "")
