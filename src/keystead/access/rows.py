"""The tables of accounts and access keys, and every statement on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from keystead.access.faults import AccountUnknown
from keystead.access.model import AccessKey, Account, KeyStatus, ServiceKey
from keystead.clock import from_ms, to_ms
from keystead.store import Transaction, metadata

account = Table(
    "account",
    metadata,
    Column("account_id", String(16), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("email", String(254), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    UniqueConstraint("name"),
)
access_key = Table(
    "access_key",
    metadata,
    Column("access_key_id", String(32), primary_key=True),
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False, index=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("status", String(8), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("user_id", String(20), nullable=True, index=True),
)
service_access_key = Table(
    "service_access_key",
    metadata,
    Column("access_key_id", String(32), primary_key=True),
    Column("service", String(32), nullable=False, index=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("status", String(8), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
)
key_policy = Table(
    "key_policy",
    metadata,
    Column("key_id", String(36), ForeignKey("kms_key.key_id"), primary_key=True),
    Column("document", Text, nullable=False),
    Column("set_at_ms", BigInteger, nullable=False),
)


_LOCK: Final = select(account.c.account_id).where(account.c.account_id == bindparam("account_id")).with_for_update()


def lock_account(tx: Transaction, account_id: str) -> None:
    """Take the account's row lock, the first act of every writing transaction; AccountUnknown if there is none.

    On SQLite the write transaction already holds the only write lock there is.
    """
    if tx.execute(_LOCK, {"account_id": account_id}).one_or_none() is None:
        raise AccountUnknown(account_id)


def policy_of(tx: Transaction, key_id: str) -> str | None:
    """Give a key's policy document as it was set; None if it has the default one."""
    return tx.execute(select(key_policy.c.document).where(key_policy.c.key_id == key_id)).scalar_one_or_none()


def set_policy(tx: Transaction, key_id: str, document: str, at: datetime) -> None:
    """Keep a key's policy document."""
    forget_policy(tx, key_id)
    tx.changed("key_policy", key_id)
    tx.execute(insert(key_policy).values(key_id=key_id, document=document, set_at_ms=to_ms(at)))


def forget_policy(tx: Transaction, key_id: str) -> None:
    """Delete a key's policy document."""
    tx.execute(delete(key_policy).where(key_policy.c.key_id == key_id))


def add_account(tx: Transaction, new: Account) -> None:
    """Insert an account; the schema refuses a name or id that is taken."""
    tx.execute(
        insert(account).values(account_id=new.account_id, name=new.name, email=new.email, created_at_ms=to_ms(new.created_at))
    )


def account_of(tx: Transaction, account_id: str) -> Account | None:
    """Give the account of this id."""
    row = tx.execute(select(account).where(account.c.account_id == account_id)).one_or_none()
    return None if row is None else _account(row)


def account_named(tx: Transaction, name: str) -> Account | None:
    """Give the account of this name."""
    row = tx.execute(select(account).where(account.c.name == name)).one_or_none()
    return None if row is None else _account(row)


def accounts(tx: Transaction) -> list[Account]:
    """Give every account, oldest first."""
    return [_account(row) for row in tx.execute(select(account).order_by(account.c.created_at_ms, account.c.account_id))]


def add_access_key(tx: Transaction, new: AccessKey, sealed_secret: bytes) -> None:
    """Insert an access key with its sealed secret."""
    tx.execute(
        insert(access_key).values(
            access_key_id=new.access_key_id,
            account_id=new.account_id,
            sealed_secret=sealed_secret,
            status=new.status.value,
            created_at_ms=to_ms(new.created_at),
            user_id=new.user_id or None,
        )
    )


def remove_access_key(tx: Transaction, access_key_id: str) -> None:
    """Delete a key, and have every worker forget it."""
    tx.execute(delete(access_key).where(access_key.c.access_key_id == access_key_id))
    tx.changed("access_key", access_key_id)


def sealed_access_key(tx: Transaction, access_key_id: str) -> tuple[AccessKey, bytes] | None:
    """Give an access key and its sealed secret."""
    row = tx.execute(select(access_key).where(access_key.c.access_key_id == access_key_id)).one_or_none()
    return None if row is None else (_access_key(row), bytes(row.sealed_secret))


def access_keys(tx: Transaction, account_id: str) -> list[AccessKey]:
    """Give the account's access keys, oldest first."""
    statement = (
        select(access_key)
        .where(access_key.c.account_id == account_id)
        .order_by(access_key.c.created_at_ms, access_key.c.access_key_id)
    )
    return [_access_key(row) for row in tx.execute(statement)]


def set_status(tx: Transaction, access_key_id: str, status: KeyStatus) -> None:
    """Change a key's status, and have every worker forget what it knew of the key."""
    tx.execute(update(access_key).where(access_key.c.access_key_id == access_key_id).values(status=status.value))
    tx.changed("access_key", access_key_id)


def add_service_key(tx: Transaction, new: ServiceKey, sealed_secret: bytes) -> None:
    """Insert a service's access key with its sealed secret."""
    tx.execute(
        insert(service_access_key).values(
            access_key_id=new.access_key_id,
            service=new.service,
            sealed_secret=sealed_secret,
            status=new.status.value,
            created_at_ms=to_ms(new.created_at),
        )
    )


def sealed_service_key(tx: Transaction, access_key_id: str) -> tuple[ServiceKey, bytes] | None:
    """Give a service's access key and its sealed secret."""
    row = tx.execute(select(service_access_key).where(service_access_key.c.access_key_id == access_key_id)).one_or_none()
    return None if row is None else (_service_key(row), bytes(row.sealed_secret))


def service_keys(tx: Transaction) -> list[ServiceKey]:
    """Give every service's access keys, by service, oldest first."""
    order = (service_access_key.c.service, service_access_key.c.created_at_ms, service_access_key.c.access_key_id)
    return [_service_key(row) for row in tx.execute(select(service_access_key).order_by(*order))]


def set_service_status(tx: Transaction, access_key_id: str, status: KeyStatus) -> None:
    """Change the status of a service's access key, and have every worker forget what it knew of it."""
    mine = service_access_key.c.access_key_id == access_key_id
    tx.execute(update(service_access_key).where(mine).values(status=status.value))
    tx.changed("access_key", access_key_id)


def _service_key(row: Row[Any]) -> ServiceKey:
    return ServiceKey(row.access_key_id, row.service, KeyStatus(row.status), from_ms(row.created_at_ms))


def _account(row: Row[Any]) -> Account:
    return Account(row.account_id, row.name, row.email, from_ms(row.created_at_ms))


def _access_key(row: Row[Any]) -> AccessKey:
    return AccessKey(row.access_key_id, row.account_id, KeyStatus(row.status), from_ms(row.created_at_ms), row.user_id or "")
