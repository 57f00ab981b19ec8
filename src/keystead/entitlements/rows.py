"""The table of entitlements, and every statement on it. Rows are only ever added: what was sold stays as it was sold."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Row,
    Select,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    func,
    insert,
    select,
)

from keystead.clock import from_ms, to_ms
from keystead.entitlements.model import Entitlement, Figures, Term
from keystead.store import Transaction, metadata

entitlement = Table(
    "entitlement",
    metadata,
    Column("instance_id", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("order_id", String(32), nullable=False),
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("starts_at_ms", BigInteger, nullable=False),
    Column("ends_at_ms", BigInteger, nullable=False),
    Column("qps", Integer, nullable=False),
    Column("key_num", Integer, nullable=False),
    Column("secret_num", Integer, nullable=False),
    Column("access_num", Integer, nullable=False),
    Column("log", Boolean, nullable=False),
    Column("log_storage_gb", Integer, nullable=False),
    Column("made_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("instance_id", "version"),
    UniqueConstraint("order_id"),
    Index("ix_entitlement_account_id", "account_id"),
)
# An entitlement given back before it began: the row of what was sold stays as it was sold, and counts no more.
entitlement_withdrawn = Table(
    "entitlement_withdrawn",
    metadata,
    Column("order_id", String(32), ForeignKey("entitlement.order_id"), nullable=False),
    Column("withdrawn_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("order_id"),
)


def add(tx: Transaction, new: Entitlement) -> None:
    """Insert an entitlement as the instance's next version; the schema refuses a second one for the same order."""
    newest = select(func.coalesce(func.max(entitlement.c.version), 0)).where(entitlement.c.instance_id == new.instance_id)
    tx.execute(
        insert(entitlement).values(
            instance_id=new.instance_id,
            version=int(tx.execute(newest).scalar_one()) + 1,
            order_id=new.order_id,
            account_id=new.account_id,
            starts_at_ms=to_ms(new.term.starts_at),
            ends_at_ms=to_ms(new.term.ends_at),
            qps=new.figures.qps,
            key_num=new.figures.key_num,
            secret_num=new.figures.secret_num,
            access_num=new.figures.access_num,
            log=new.figures.log,
            log_storage_gb=new.figures.log_storage_gb,
            made_at_ms=to_ms(new.made_at),
        )
    )


def withdraw(tx: Transaction, order_id: str, now: datetime) -> None:
    """Have the entitlement of an order count no more; the schema refuses to do it twice."""
    tx.execute(insert(entitlement_withdrawn).values(order_id=order_id, withdrawn_at_ms=to_ms(now)))


def of_instance(tx: Transaction, instance_id: str) -> list[Entitlement]:
    """Give an instance's entitlements in the order they were made."""
    return [_entitlement(row) for row in tx.execute(_OF_INSTANCE, {"instance_id": instance_id})]


def of_account(tx: Transaction, account_id: str) -> dict[str, list[Entitlement]]:
    """Give all entitlements of an account by instance, each instance's in the order they were made."""
    statement = (
        _counting().where(entitlement.c.account_id == account_id).order_by(entitlement.c.instance_id, entitlement.c.version)
    )
    found: dict[str, list[Entitlement]] = {}
    for row in tx.execute(statement):
        found.setdefault(row.instance_id, []).append(_entitlement(row))
    return found


def instances_by_order(tx: Transaction) -> dict[str, str]:
    """Give, for every order that entitles to something, the instance it does so for: for an audit."""
    statement = select(entitlement.c.order_id, entitlement.c.instance_id)
    return {row.order_id: row.instance_id for row in tx.execute(statement)}


def _counting() -> Select[Any]:
    """Entitlements that were not withdrawn."""
    withdrawn = select(entitlement_withdrawn.c.order_id).where(entitlement_withdrawn.c.order_id == entitlement.c.order_id)
    return select(entitlement).where(~withdrawn.exists())


_OF_INSTANCE: Final = _counting().where(entitlement.c.instance_id == bindparam("instance_id")).order_by(entitlement.c.version)


def _entitlement(row: Row[Any]) -> Entitlement:
    return Entitlement(
        order_id=row.order_id,
        account_id=row.account_id,
        instance_id=row.instance_id,
        term=Term(from_ms(row.starts_at_ms), from_ms(row.ends_at_ms)),
        figures=Figures(
            qps=row.qps,
            key_num=row.key_num,
            secret_num=row.secret_num,
            access_num=row.access_num,
            log=bool(row.log),
            log_storage_gb=row.log_storage_gb,
        ),
        made_at=from_ms(row.made_at_ms),
    )
