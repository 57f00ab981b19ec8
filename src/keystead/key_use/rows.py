"""The tables of uses of keys, and every statement on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Row, String, Table, case, func, insert, select, update

from keystead.clock import from_ms, to_ms
from keystead.key_use.model import Use, Used, Version, Wear
from keystead.store import Transaction, metadata

key_use = Table(
    "key_use",
    metadata,
    Column("key_id", String(36), nullable=False),
    Column("operation", String(64), nullable=False),
    Column("principal", String(128), nullable=False),
    Column("account_id", String(16), nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("last_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("key_id", "operation", "principal", "account_id"),
)
key_wear = Table(
    "key_wear",
    metadata,
    Column("version_id", String(36), nullable=False),
    Column("key_id", String(36), nullable=False),
    Column("account_id", String(16), nullable=False),
    Column("instance_id", String(32), nullable=False),
    Column("sealed", BigInteger, nullable=False),
    PrimaryKeyConstraint("version_id"),
    Index("ix_key_wear_key_id", "key_id"),
    Index("ix_key_wear_account_id_version_id", "account_id", "version_id"),
    Index("ix_key_wear_sealed", "sealed"),
)


def add_use(tx: Transaction, use: Use, calls: int, last_at: datetime) -> None:
    """Add calls to a use; its last instant only moves forward: nodes are counted in any order."""
    last = to_ms(last_at)
    this = (
        (key_use.c.key_id == use.key_id)
        & (key_use.c.operation == use.operation)
        & (key_use.c.principal == use.principal)
        & (key_use.c.account_id == use.account_id)
    )
    later = case((key_use.c.last_at_ms < last, last), else_=key_use.c.last_at_ms)
    if tx.execute(update(key_use).where(this).values(calls=key_use.c.calls + calls, last_at_ms=later)).rowcount == 0:
        tx.execute(insert(key_use).values(**msgspec.structs.asdict(use), calls=calls, last_at_ms=last))


def add_wear(tx: Transaction, version: Version, sealed: int) -> int:
    """Add encryptions to a version; gives how many it has done now."""
    this = key_wear.c.version_id == version.version_id
    there = tx.execute(select(key_wear.c.sealed).where(this).with_for_update()).scalar_one_or_none()
    if there is None:
        tx.execute(insert(key_wear).values(**msgspec.structs.asdict(version), sealed=sealed))
        return sealed
    tx.execute(update(key_wear).where(this).values(sealed=there + sealed))
    return int(there) + sealed


def uses(tx: Transaction, key_id: str) -> list[Used]:
    """Give the uses of a key, by operation and principal."""
    statement = select(key_use).where(key_use.c.key_id == key_id).order_by(key_use.c.operation, key_use.c.principal)
    return [
        Used(Use(row.key_id, row.operation, row.principal, row.account_id), row.calls, from_ms(row.last_at_ms))
        for row in tx.execute(statement)
    ]


def wear_of_key(tx: Transaction, key_id: str) -> list[Wear]:
    """Give how worn the versions of a key are, the most worn first."""
    statement = select(key_wear).where(key_wear.c.key_id == key_id).order_by(key_wear.c.sealed.desc(), key_wear.c.version_id)
    return [_wear(row) for row in tx.execute(statement)]


def wear_of_account(tx: Transaction, account_id: str) -> list[Wear]:
    """Give how worn the versions of an account are, in order of their ids."""
    statement = select(key_wear).where(key_wear.c.account_id == account_id).order_by(key_wear.c.version_id)
    return [_wear(row) for row in tx.execute(statement)]


def wear(tx: Transaction, version_id: str) -> Wear | None:
    """Give how worn a version is; None if it never encrypted."""
    row = tx.execute(select(key_wear).where(key_wear.c.version_id == version_id)).one_or_none()
    return None if row is None else _wear(row)


def most_worn(tx: Transaction) -> int:
    """Give the encryptions of the version that did most; 0 if none did any."""
    return int(tx.execute(select(func.coalesce(func.max(key_wear.c.sealed), 0))).scalar_one())


def count_worn(tx: Transaction, sealed: int) -> int:
    """Count the versions that did so many encryptions or more."""
    return int(tx.execute(select(func.count()).select_from(key_wear).where(key_wear.c.sealed >= sealed)).scalar_one())


def _wear(row: Row[Any]) -> Wear:
    return Wear(Version(row.version_id, row.key_id, row.account_id, row.instance_id), row.sealed)
