"""The tables of keys, and every statement on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    and_,
    false,
    func,
    insert,
    or_,
    select,
    update,
)

from keystead.clock import from_ms, to_ms
from keystead.keyring.model import (
    Key,
    KeySpec,
    KeyState,
    KeyUsage,
    KeyVersion,
    Listing,
    Origin,
    Page,
    Place,
    ProtectionLevel,
    Selection,
    Shape,
)
from keystead.store import Transaction, metadata

CACHED_KEY = "kms_key"
CACHED_VERSION = "key_version"
CACHED_INSTANCE_KEY = "instance_key"

instance_key = Table(
    "instance_key",
    metadata,
    Column("instance_id", String(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=True),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("destruction_intended_at_ms", BigInteger, nullable=True),
    Column("destroyed_at_ms", BigInteger, nullable=True),
)
kms_key = Table(
    "kms_key",
    metadata,
    Column("key_id", String(36), primary_key=True),
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("region", String(32), nullable=False),
    Column("instance_id", String(32), ForeignKey("instance_key.instance_id"), nullable=False, index=True),
    Column("creator", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("spec", String(32), nullable=False),
    Column("usage", String(16), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("description", Text, nullable=False),
    Column("primary_version_id", String(36), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("last_rotation_at_ms", BigInteger, nullable=False),
    Column("delete_at_ms", BigInteger, nullable=True),
    Index("ix_kms_key_account_id_region_created_at_ms", "account_id", "region", "created_at_ms", "key_id"),
)
key_version = Table(
    "key_version",
    metadata,
    Column("version_id", String(36), primary_key=True),
    Column("key_id", String(36), ForeignKey("kms_key.key_id"), nullable=False, index=True),
    Column("instance_id", String(32), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
)


def add_instance_key(tx: Transaction, instance_id: str, sealed: bytes, at: datetime) -> None:
    """Insert an instance's sealed key; the schema refuses a second one."""
    tx.execute(insert(instance_key).values(instance_id=instance_id, sealed=sealed, created_at_ms=to_ms(at)))


def sealed_instance_key(tx: Transaction, instance_id: str) -> bytes | None:
    """Give an instance's sealed key; None if it was destroyed or never made."""
    found = tx.execute(select(instance_key.c.sealed).where(instance_key.c.instance_id == instance_id)).scalar_one_or_none()
    return None if found is None else bytes(found)


def has_instance_key(tx: Transaction, instance_id: str) -> bool:
    """Whether the instance has a key or ever had one."""
    statement = select(instance_key.c.instance_id).where(instance_key.c.instance_id == instance_id)
    return tx.execute(statement).one_or_none() is not None


def intend_destruction(tx: Transaction, instance_id: str, at: datetime) -> None:
    """Note that the instance's key is to be destroyed; the first note stays."""
    tx.execute(
        update(instance_key)
        .where(instance_key.c.instance_id == instance_id, instance_key.c.destruction_intended_at_ms.is_(None))
        .values(destruction_intended_at_ms=to_ms(at))
    )


def destroy_instance_key(tx: Transaction, instance_id: str, at: datetime) -> None:
    """Forget an instance's sealed key, and have every worker forget what it opened with it; the first destruction stays."""
    tx.execute(
        update(instance_key)
        .where(instance_key.c.instance_id == instance_id, instance_key.c.destroyed_at_ms.is_(None))
        .values(sealed=None, destroyed_at_ms=to_ms(at))
    )
    tx.changed(CACHED_INSTANCE_KEY, instance_id)


def add_key(tx: Transaction, new: Key) -> None:
    """Insert a key."""
    tx.execute(
        insert(kms_key).values(
            key_id=new.key_id,
            account_id=new.place.account_id,
            region=new.place.region,
            instance_id=new.place.instance_id,
            creator=new.place.creator,
            state=new.state.value,
            spec=new.shape.spec.value,
            usage=new.shape.usage.value,
            origin=new.shape.origin.value,
            description=new.shape.description,
            primary_version_id=new.primary_version_id,
            created_at_ms=to_ms(new.created_at),
            last_rotation_at_ms=to_ms(new.last_rotation_at),
            delete_at_ms=None if new.delete_at is None else to_ms(new.delete_at),
        )
    )


def add_version(tx: Transaction, new: KeyVersion) -> None:
    """Insert a version of a key."""
    tx.execute(
        insert(key_version).values(
            version_id=new.version_id,
            key_id=new.key_id,
            instance_id=new.instance_id,
            sealed=new.sealed,
            created_at_ms=to_ms(new.created_at),
        )
    )


def key_of(tx: Transaction, key_id: str) -> Key | None:
    """Give a key, whoever's."""
    row = tx.execute(select(kms_key).where(kms_key.c.key_id == key_id)).one_or_none()
    return None if row is None else _key(row)


def version_of(tx: Transaction, version_id: str) -> KeyVersion | None:
    """Give a version, whoever's."""
    row = tx.execute(select(key_version).where(key_version.c.version_id == version_id)).one_or_none()
    if row is None:
        return None
    return KeyVersion(row.version_id, row.key_id, row.instance_id, bytes(row.sealed), from_ms(row.created_at_ms))


def count_versions(tx: Transaction, instance_id: str) -> int:
    """Count the versions of all keys of an instance, whatever their states."""
    statement = select(func.count()).select_from(key_version).where(key_version.c.instance_id == instance_id)
    return int(tx.execute(statement).scalar_one())


def set_state(tx: Transaction, key_id: str, state: KeyState) -> None:
    """Change a key's state, and have every worker forget what it knew of the key."""
    tx.execute(update(kms_key).where(kms_key.c.key_id == key_id).values(state=state.value))
    tx.changed(CACHED_KEY, key_id)


def listing(tx: Transaction, selection: Selection, page: Page) -> Listing:
    """Give one page of the selected keys, oldest first, and their number."""
    where = _selected(selection)
    total = int(tx.execute(select(func.count()).select_from(kms_key).where(where)).scalar_one())
    statement = (
        select(kms_key)
        .where(where)
        .order_by(kms_key.c.created_at_ms, kms_key.c.key_id)
        .limit(page.size)
        .offset((page.number - 1) * page.size)
    )
    return Listing(tuple(_key(row) for row in tx.execute(statement)), total)


def _selected(selection: Selection) -> ColumnElement[bool]:
    return and_(
        kms_key.c.account_id == selection.account_id,
        kms_key.c.region == selection.region,
        kms_key.c.instance_id.in_(sorted(selection.instances)),
        *(_matches(name, values, selection.expired) for name, values in selection.wanted.items()),
    )


def _matches(name: str, values: frozenset[str], expired: frozenset[str]) -> ColumnElement[bool]:
    if name == "KeyState":
        standing = and_(kms_key.c.state.in_(sorted(values)), kms_key.c.instance_id.not_in(sorted(expired)))
        if KeyState.UNAVAILABLE.value not in values:
            return standing
        return or_(standing, kms_key.c.instance_id.in_(sorted(expired)))
    if name == "ProtectionLevel":  # not stored: every key is a software key so far
        return kms_key.c.key_id.is_not(None) if ProtectionLevel.SOFTWARE.value in values else false()
    if name == "CreatorType":  # users make keys, cloud services do not exist here
        return kms_key.c.key_id.is_not(None) if "User" in values else false()
    column = {
        "KeySpec": kms_key.c.spec,
        "KeyUsage": kms_key.c.usage,
        "DKMSInstanceId": kms_key.c.instance_id,
        "keyId": kms_key.c.key_id,
        "Creator": kms_key.c.creator,
    }.get(name)
    return false() if column is None else column.in_(sorted(values))  # no key has an alias or a tag


def _key(row: Row[Any]) -> Key:
    return Key(
        key_id=row.key_id,
        place=Place(row.account_id, row.region, row.instance_id, row.creator),
        shape=Shape(KeySpec(row.spec), KeyUsage(row.usage), Origin(row.origin), row.description),
        state=KeyState(row.state),
        primary_version_id=row.primary_version_id,
        created_at=from_ms(row.created_at_ms),
        last_rotation_at=from_ms(row.last_rotation_at_ms),
        delete_at=None if row.delete_at_ms is None else from_ms(row.delete_at_ms),
    )
