"""The tables of coupons, and every statement on them. There is no update and no delete here, and none may be added."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    func,
    insert,
    select,
)

from keystead.clock import from_ms, to_ms
from keystead.coupons.model import Coupon, Grant, MovementKind, Step
from keystead.money import Money
from keystead.store import Transaction, metadata

coupon = Table(
    "coupon",
    metadata,
    Column("coupon_id", String(32), primary_key=True),
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("number", String(32), nullable=False, unique=True),
    Column("nominal_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("granted_at_ms", BigInteger, nullable=False),
    Column("effective_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=True),
    Column("products", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("idempotency_key", String(128), nullable=False),
    UniqueConstraint("account_id", "idempotency_key"),
)
coupon_step = Table(
    "coupon_step",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("coupon_id", String(32), ForeignKey("coupon.coupon_id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("transaction_number", String(32), ForeignKey("ledger_transaction.number"), nullable=False, unique=True),
    # No order is paid with two coupons.
    Column("order_id", String(32), nullable=True, unique=True),
    # Whoever comes second for the last of a coupon finds its seq taken.
    UniqueConstraint("coupon_id", "seq"),
    CheckConstraint("balance_minor >= 0", name="not_overdrawn"),
)


def add(tx: Transaction, grant: Grant) -> None:
    """Write a coupon; the schema refuses a second one under the same key."""
    tx.execute(
        insert(coupon).values(
            coupon_id=grant.coupon_id,
            account_id=grant.account_id,
            number=grant.number,
            nominal_minor=grant.nominal.minor,
            currency=grant.nominal.currency,
            granted_at_ms=to_ms(grant.granted_at),
            effective_at_ms=to_ms(grant.effective_at),
            expires_at_ms=None if grant.expires_at is None else to_ms(grant.expires_at),
            products=msgspec.json.encode(grant.products).decode(),
            description=grant.description,
            idempotency_key=grant.key,
        )
    )


def add_step(tx: Transaction, coupon_id: str, step: Step) -> None:
    """Write a movement; the schema refuses a second one of the same seq, and one that goes below zero."""
    tx.execute(
        insert(coupon_step).values(
            coupon_id=coupon_id,
            seq=step.seq,
            kind=step.kind.value,
            amount_minor=step.amount_minor,
            balance_minor=step.balance_minor,
            transaction_number=step.transaction,
            order_id=step.order_id or None,
        )
    )


def of_account(tx: Transaction, account_id: str) -> list[Coupon]:
    """Give an account's coupons, newest first, each with its last movement."""
    return _coupons(tx, coupon.c.account_id == account_id)


def whoever(tx: Transaction, coupon_id: str) -> Coupon | None:
    """Give a coupon, whoever's: for the scheduler and the operator."""
    return next(iter(_coupons(tx, coupon.c.coupon_id == coupon_id)), None)


def by_key(tx: Transaction, account_id: str, key: str) -> Coupon | None:
    """Give the account's coupon granted under this idempotency key."""
    return next(iter(_coupons(tx, and_(coupon.c.account_id == account_id, coupon.c.idempotency_key == key))), None)


def every(tx: Transaction) -> list[tuple[Grant, list[Step]]]:
    """Give all coupons of the deployment with all their movements in order, for an audit."""
    steps: dict[str, list[Step]] = {}
    for row in tx.execute(select(coupon_step).order_by(coupon_step.c.coupon_id, coupon_step.c.seq)):
        steps.setdefault(row.coupon_id, []).append(_step(row))
    return [(_grant(row), steps.get(row.coupon_id, [])) for row in tx.execute(select(coupon).order_by(coupon.c.coupon_id))]


def _coupons(tx: Transaction, where: ColumnElement[bool]) -> list[Coupon]:
    newest = (
        select(func.max(coupon_step.c.seq))
        .where(coupon_step.c.coupon_id == coupon.c.coupon_id)
        .correlate(coupon)
        .scalar_subquery()
    )
    statement = (
        select(coupon, coupon_step.c.seq, coupon_step.c.kind, coupon_step.c.amount_minor, coupon_step.c.balance_minor)
        .add_columns(coupon_step.c.transaction_number, coupon_step.c.order_id)
        .join(coupon_step, and_(coupon_step.c.coupon_id == coupon.c.coupon_id, coupon_step.c.seq == newest))
        .where(where)
        .order_by(coupon.c.granted_at_ms.desc(), coupon.c.coupon_id)
    )
    return [Coupon(_grant(row), _step(row)) for row in tx.execute(statement)]


def _grant(row: Row[Any]) -> Grant:
    return Grant(
        coupon_id=row.coupon_id,
        account_id=row.account_id,
        number=row.number,
        nominal=Money(row.nominal_minor, row.currency),
        granted_at=from_ms(row.granted_at_ms),
        effective_at=from_ms(row.effective_at_ms),
        expires_at=_at(row.expires_at_ms),
        products=msgspec.json.decode(row.products, type=tuple[str, ...]),
        description=row.description,
        key=row.idempotency_key,
    )


def _step(row: Row[Any]) -> Step:
    kind = MovementKind(row.kind)
    return Step(row.seq, kind, row.amount_minor, row.balance_minor, row.transaction_number, row.order_id or "")


def _at(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_ms(milliseconds)
