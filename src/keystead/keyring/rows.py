"""The tables of keys, and every statement on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    update,
)

from keystead.access import rows as access_rows
from keystead.clock import from_ms, to_ms
from keystead.keyring.model import (
    BY_ACCOUNT,
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
    Rotation,
    Selection,
    Shape,
    Storage,
    Versions,
)
from keystead.labels import rows as label_rows
from keystead.labels.model import Alias, Home, Kind, Tagged, Wanted
from keystead.labels.rows import key_alias
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
    Column("protection", String(16), nullable=False, server_default="SOFTWARE"),
    Column("storage", String(32), nullable=False, server_default=""),
    Column("rotation_seconds", Integer, nullable=True),
    Column("deletion_protected", Boolean, nullable=False, server_default=false()),
    Column("protected_because", Text, nullable=False, server_default=""),
    Column("material_expires_at_ms", BigInteger, nullable=True),
    Column("destruction_intended_at_ms", BigInteger, nullable=True),
    Column("destroyed_at_ms", BigInteger, nullable=True),
    Index(
        "ix_kms_key_listing",
        *("account_id", "region", "created_at_ms", "key_id"),
        *("instance_id", "destroyed_at_ms", "delete_at_ms"),
    ),
)
key_version = Table(
    "key_version",
    metadata,
    Column("version_id", String(36), primary_key=True),
    Column("key_id", String(36), ForeignKey("kms_key.key_id"), nullable=False, index=True),
    Column("instance_id", String(32), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=True),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("mark", LargeBinary, nullable=True),
)


# Statements of every CreateKey are put together once: that takes longer than they do.
_ADD_KEY: Final = insert(kms_key)
_ADD_VERSION: Final = insert(key_version)
_SEALED_INSTANCE_KEY: Final = select(instance_key.c.sealed).where(instance_key.c.instance_id == bindparam("instance_id"))
_COUNT: Final = select(func.count()).select_from(key_version).where(key_version.c.instance_id == bindparam("instance_id"))


def add_instance_key(tx: Transaction, instance_id: str, sealed: bytes, at: datetime) -> None:
    """Insert an instance's sealed key; the schema refuses a second one."""
    tx.execute(insert(instance_key).values(instance_id=instance_id, sealed=sealed, created_at_ms=to_ms(at)))


def sealed_instance_key(tx: Transaction, instance_id: str) -> bytes | None:
    """Give an instance's sealed key; None if it was destroyed or never made."""
    found = tx.execute(_SEALED_INSTANCE_KEY, {"instance_id": instance_id}).scalar_one_or_none()
    return None if found is None else bytes(found)


def has_instance_key(tx: Transaction, instance_id: str) -> bool:
    """Whether the instance has a key or ever had one."""
    return tx.execute(_SEALED_INSTANCE_KEY, {"instance_id": instance_id}).one_or_none() is not None


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
    row = {
        "key_id": new.key_id,
        "account_id": new.place.account_id,
        "region": new.place.region,
        "instance_id": new.place.sealing_id,
        "creator": new.place.creator,
        "state": new.state.value,
        "spec": new.shape.spec.value,
        "usage": new.shape.usage.value,
        "origin": new.shape.origin.value,
        "description": new.shape.description,
        "primary_version_id": new.primary_version_id,
        "created_at_ms": to_ms(new.created_at),
        "last_rotation_at_ms": to_ms(new.last_rotation_at),
        "delete_at_ms": _ms(new.delete_at),
        "protection": new.shape.protection.value,
        "storage": new.shape.storage.value,
        "rotation_seconds": new.rotation.seconds,
        "deletion_protected": new.deletion_protected,
        "protected_because": new.protected_because,
        "material_expires_at_ms": _ms(new.material_expires_at),
    }
    tx.execute(_ADD_KEY, row)


def add_version(tx: Transaction, new: KeyVersion) -> None:
    """Insert a version of a key."""
    row = {
        "version_id": new.version_id,
        "key_id": new.key_id,
        "instance_id": new.instance_id,
        "sealed": new.sealed,
        "created_at_ms": to_ms(new.created_at),
    }
    tx.execute(_ADD_VERSION, row)


def key_of(tx: Transaction, key_id: str) -> Key | None:
    """Give a key, whoever's; None once it is destroyed."""
    row = tx.execute(select(kms_key).where(kms_key.c.key_id == key_id, kms_key.c.destroyed_at_ms.is_(None))).one_or_none()
    return None if row is None else _key(row)


def version_of(tx: Transaction, version_id: str) -> KeyVersion | None:
    """Give a version, whoever's."""
    row = tx.execute(select(key_version).where(key_version.c.version_id == version_id)).one_or_none()
    return None if row is None else _version(row)


def versions_of(tx: Transaction, key_id: str, page: Page) -> Versions:
    """Give one page of a key's versions, oldest first, and their number."""
    mine = key_version.c.key_id == key_id
    total = int(tx.execute(select(func.count()).select_from(key_version).where(mine)).scalar_one())
    statement = select(key_version).where(mine).order_by(key_version.c.created_at_ms, key_version.c.version_id)
    found = tx.execute(statement.limit(page.size).offset((page.number - 1) * page.size))
    return Versions(tuple(_version(row) for row in found), total)


def store_material(tx: Transaction, changed: KeyVersion) -> None:
    """Keep a version's material, or that it has none, and have every worker drop what it opened."""
    kept = update(key_version).where(key_version.c.version_id == changed.version_id)
    tx.execute(kept.values(sealed=changed.sealed, mark=changed.mark))
    tx.changed(CACHED_VERSION, changed.version_id)
    tx.changed(CACHED_INSTANCE_KEY, changed.instance_id)


def count_versions(tx: Transaction, instance_id: str) -> int:
    """Count the versions of all keys of an instance, whatever their states."""
    return int(tx.execute(_COUNT, {"instance_id": instance_id}).scalar_one())


def store_key(tx: Transaction, changed: Key) -> None:
    """Keep what can change of a key, and have every worker forget what it knew of it."""
    tx.execute(
        update(kms_key)
        .where(kms_key.c.key_id == changed.key_id)
        .values(
            state=changed.state.value,
            description=changed.shape.description,
            primary_version_id=changed.primary_version_id,
            last_rotation_at_ms=to_ms(changed.last_rotation_at),
            delete_at_ms=_ms(changed.delete_at),
            rotation_seconds=changed.rotation.seconds,
            deletion_protected=changed.deletion_protected,
            protected_because=changed.protected_because,
            material_expires_at_ms=_ms(changed.material_expires_at),
        )
    )
    tx.changed(CACHED_KEY, changed.key_id)


def intend_key_destruction(tx: Transaction, key_id: str, at: datetime) -> bool:
    """Note that a key is to be destroyed; the first note stays. False if it was noted before."""
    noted = tx.execute(
        update(kms_key)
        .where(kms_key.c.key_id == key_id, kms_key.c.destruction_intended_at_ms.is_(None))
        .values(destruction_intended_at_ms=to_ms(at))
    )
    return noted.rowcount == 1


def sealed_versions(tx: Transaction, key_id: str) -> list[tuple[str, bytes]]:
    """Give the sealed material of all versions of a key, in order of their ids."""
    found = tx.execute(select(key_version).where(key_version.c.key_id == key_id).order_by(key_version.c.version_id))
    return [(row.version_id, bytes(row.sealed or b"")) for row in found]


def destroy_key(tx: Transaction, key: Key, at: datetime) -> None:
    """Delete a key's material and policy, have every worker drop what it opened, and keep a stone where the key was."""
    tx.execute(update(kms_key).where(kms_key.c.key_id == key.key_id).values(destroyed_at_ms=to_ms(at)))
    for version_id, _ in sealed_versions(tx, key.key_id):
        tx.changed(CACHED_VERSION, version_id)
    tx.execute(delete(key_version).where(key_version.c.key_id == key.key_id))
    access_rows.forget_policy(tx, key.key_id)
    tx.changed(CACHED_KEY, key.key_id)
    tx.changed(CACHED_INSTANCE_KEY, key.place.sealing_id)


def rotating_keys(tx: Transaction, instance_id: str) -> list[Key]:
    """Give the keys of an instance that are to be rotated automatically, oldest first."""
    statement = select(kms_key).where(
        kms_key.c.instance_id == instance_id, kms_key.c.rotation_seconds.is_not(None), kms_key.c.destroyed_at_ms.is_(None)
    )
    return [_key(row) for row in tx.execute(statement.order_by(kms_key.c.created_at_ms, kms_key.c.key_id))]


def aliases(tx: Transaction, selection: Selection, page: Page, key_id: str = "") -> tuple[list[Alias], int]:
    """Give one page of the aliases of the selected keys, or of one of them, in order of their names, and their number."""
    key_ids = _ids(selection)
    return label_rows.aliases(tx, key_ids.where(kms_key.c.key_id == key_id) if key_id else key_ids, page.number, page.size)


def aliases_of_instance(tx: Transaction, instance_id: str) -> list[Alias]:
    """Give all aliases of an instance's keys."""
    return label_rows.aliases_of(tx, select(kms_key.c.key_id).where(kms_key.c.instance_id == instance_id))


def tagged(tx: Transaction, selection: Selection, wanted: Wanted, after: tuple[str, str], limit: int) -> list[Tagged]:
    """Give tags of the selected keys in order of key id and tag key, `limit` at most from behind `after`."""
    key_ids = _ids(selection).where(
        *(_has_tag(selection, frozenset({key}), frozenset({value}) if value else None) for key, value in wanted.borne.items())
    )
    if wanted.resource_ids:
        key_ids = key_ids.where(kms_key.c.key_id.in_(sorted(wanted.resource_ids)))
    home = Home(selection.account_id, selection.region)
    return label_rows.tagged(tx, home, Kind.KEY, key_ids, after, limit)


def listing(tx: Transaction, selection: Selection, page: Page) -> Listing:
    """Give one page of the selected keys, oldest first, and their number; docs/adr/0078 has why so."""
    total = int(tx.execute(select(func.count()).select_from(kms_key).where(_selected(selection))).scalar_one())
    span = page.span(total)
    oldest_first = (kms_key.c.created_at_ms, kms_key.c.key_id)
    order = [column.desc() for column in oldest_first] if span.from_end else list(oldest_first)
    here = _ids(selection).order_by(*order).limit(span.size).offset(span.skipped)
    found = tx.execute(select(kms_key).where(kms_key.c.key_id.in_(here)).order_by(*oldest_first)) if span.size else ()
    return Listing(tuple(_key(row) for row in found), total)


def _ids(selection: Selection) -> Select[tuple[str]]:
    return select(kms_key.c.key_id).where(_selected(selection))


def _selected(selection: Selection) -> ColumnElement[bool]:
    wanted = dict(selection.wanted)
    tag_keys, tag_values = wanted.pop("TagKey", None), wanted.pop("TagValue", None)
    conditions = [_matches(name, values, selection) for name, values in wanted.items()]
    if tag_keys is not None or tag_values is not None:
        conditions.append(_has_tag(selection, tag_keys, tag_values))
    mine = kms_key.c.account_id == selection.account_id
    return and_(
        or_(mine, kms_key.c.instance_id.in_(sorted(selection.joint))) if selection.joint else mine,
        kms_key.c.region == selection.region,
        kms_key.c.instance_id.in_(sorted(selection.instances)),
        kms_key.c.destroyed_at_ms.is_(None),
        or_(kms_key.c.delete_at_ms.is_(None), kms_key.c.delete_at_ms > to_ms(selection.now)),
        *conditions,
    )


def _matches(name: str, values: frozenset[str], selection: Selection) -> ColumnElement[bool]:
    expired = selection.expired
    if name == "KeyState":
        without = kms_key.c.state.in_([KeyState.ENABLED.value, KeyState.DISABLED.value])
        lapsed = and_(without, kms_key.c.material_expires_at_ms <= to_ms(selection.now))
        state = case((lapsed, KeyState.PENDING_IMPORT.value), else_=kms_key.c.state)
        standing = and_(state.in_(sorted(values)), kms_key.c.instance_id.not_in(sorted(expired)))
        if KeyState.UNAVAILABLE.value not in values:
            return standing
        return or_(standing, kms_key.c.instance_id.in_(sorted(expired)))
    if name == "CreatorType":
        mine = kms_key.c.creator == kms_key.c.account_id
        return or_(mine if "User" in values else false(), ~mine if "Service" in values else false())
    if name == "AliasName":
        return exists().where(key_alias.c.key_id == kms_key.c.key_id, key_alias.c.name.in_(sorted(values)))
    column = {
        "KeySpec": kms_key.c.spec,
        "KeyUsage": kms_key.c.usage,
        "ProtectionLevel": kms_key.c.protection,
        "DKMSInstanceId": kms_key.c.instance_id,
        "keyId": kms_key.c.key_id,
        "Creator": kms_key.c.creator,
    }[name]
    return column.in_(sorted(values))


def _has_tag(selection: Selection, keys: frozenset[str] | None, values: frozenset[str] | None) -> ColumnElement[bool]:
    home = Home(selection.account_id, selection.region)
    return label_rows.bears(home, Kind.KEY, kms_key.c.key_id, keys, values)


def _version(row: Row[Any]) -> KeyVersion:
    sealed = None if row.sealed is None else bytes(row.sealed)
    mark = None if row.mark is None else bytes(row.mark)
    return KeyVersion(row.version_id, row.key_id, row.instance_id, sealed, from_ms(row.created_at_ms), mark)


def _ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)


def _at(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_ms(milliseconds)


def _key(row: Row[Any]) -> Key:
    kind = (KeySpec(row.spec), KeyUsage(row.usage), Origin(row.origin))
    return Key(
        key_id=row.key_id,
        place=Place(row.account_id, row.region, "" if row.instance_id.startswith(BY_ACCOUNT) else row.instance_id, row.creator),
        shape=Shape(*kind, row.description, ProtectionLevel(row.protection), Storage(row.storage)),
        state=KeyState(row.state),
        primary_version_id=row.primary_version_id,
        created_at=from_ms(row.created_at_ms),
        last_rotation_at=from_ms(row.last_rotation_at_ms),
        delete_at=_at(row.delete_at_ms),
        rotation=Rotation(row.rotation_seconds),
        deletion_protected=row.deletion_protected,
        protected_because=row.protected_because,
        material_expires_at=_at(row.material_expires_at_ms),
    )
