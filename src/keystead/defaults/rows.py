"""The table of default keys: which key is an account's one of its kind in a region."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, PrimaryKeyConstraint, String, Table, delete, insert, select

from keystead.labels.model import Home
from keystead.store import Transaction, metadata

default_key = Table(
    "default_key",
    metadata,
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("region", String(32), nullable=False),
    Column("service", String(32), nullable=False),  # empty: the account's own
    Column("key_id", String(36), ForeignKey("kms_key.key_id"), nullable=False),
    PrimaryKeyConstraint("account_id", "region", "service"),
)


def key_id_of(tx: Transaction, home: Home, service: str = "") -> str | None:
    """Give the id of the account's default key in the region, or of the service's for it."""
    statement = select(default_key.c.key_id).where(
        default_key.c.account_id == home.account_id, default_key.c.region == home.region, default_key.c.service == service
    )
    return tx.execute(statement).scalar_one_or_none()


def add(tx: Transaction, home: Home, key_id: str, service: str = "") -> None:
    """Insert one; the schema refuses a second one."""
    tx.execute(insert(default_key).values(account_id=home.account_id, region=home.region, service=service, key_id=key_id))


def forget(tx: Transaction, key_id: str) -> None:
    """Make room for another: the key is gone."""
    tx.execute(delete(default_key).where(default_key.c.key_id == key_id))
