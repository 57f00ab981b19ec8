"""The tables of aliases and tags, and every statement on them alone."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Row,
    Select,
    String,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from keystead.clock import from_ms, to_ms
from keystead.labels.model import Alias, Home, Kind, Resource, Tagged
from keystead.store import Transaction, metadata

CACHED_ALIAS = "key_alias"

key_alias = Table(
    "key_alias",
    metadata,
    Column("account_id", String(16), nullable=False),
    Column("region", String(32), nullable=False),
    Column("name", String(255), nullable=False),
    Column("key_id", String(36), ForeignKey("kms_key.key_id"), nullable=False, index=True),
    Column("created_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "region", "name"),
)
resource_tag = Table(
    "resource_tag",
    metadata,
    Column("account_id", String(16), nullable=False),
    Column("region", String(32), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("resource_id", String(255), nullable=False),
    Column("tag_key", String(128), nullable=False),
    Column("tag_value", String(128), nullable=False),
    PrimaryKeyConstraint("account_id", "region", "kind", "resource_id", "tag_key"),
    Index("ix_resource_tag_tag_key_tag_value", "account_id", "region", "kind", "tag_key", "tag_value"),
)


def cache_key(home: Home, name: str) -> str:
    """Give what an alias is cached under: 64 characters, for an alias may be longer than a row of the change log."""
    return hashlib.sha256(f"{home.account_id}/{home.region}/{name}".encode()).hexdigest()


def alias_named(tx: Transaction, home: Home, name: str) -> Alias | None:
    """Give an alias, whatever key it names."""
    row = tx.execute(select(key_alias).where(*_named(home, name))).one_or_none()
    return None if row is None else _alias(row)


def add_alias(tx: Transaction, new: Alias) -> None:
    """Insert an alias; the schema refuses a second one of the name."""
    tx.execute(
        insert(key_alias).values(
            account_id=new.home.account_id,
            region=new.home.region,
            name=new.name,
            key_id=new.key_id,
            created_at_ms=to_ms(new.created_at),
        )
    )
    tx.changed(CACHED_ALIAS, cache_key(new.home, new.name))


def point_alias(tx: Transaction, home: Home, name: str, key_id: str) -> None:
    """Have an alias name another key."""
    tx.execute(update(key_alias).where(*_named(home, name)).values(key_id=key_id))
    tx.changed(CACHED_ALIAS, cache_key(home, name))


def delete_alias(tx: Transaction, home: Home, name: str) -> None:
    """Forget an alias."""
    tx.execute(delete(key_alias).where(*_named(home, name)))
    tx.changed(CACHED_ALIAS, cache_key(home, name))


def names_of(tx: Transaction, home: Home, key_id: str) -> list[str]:
    """Give the names of a key."""
    statement = select(key_alias.c.name).where(
        key_alias.c.account_id == home.account_id, key_alias.c.region == home.region, key_alias.c.key_id == key_id
    )
    return list(tx.execute(statement.order_by(key_alias.c.name)).scalars())


def aliases(tx: Transaction, key_ids: Select[tuple[str]], number: int, size: int) -> tuple[list[Alias], int]:
    """Give page `number` (from 1) of the aliases of the keys that a statement selects, by name, and the number of all."""
    where = key_alias.c.key_id.in_(key_ids)
    total = int(tx.execute(select(func.count()).select_from(key_alias).where(where)).scalar_one())
    statement = select(key_alias).where(where).order_by(key_alias.c.name).limit(size).offset((number - 1) * size)
    return [_alias(row) for row in tx.execute(statement)], total


def aliases_of(tx: Transaction, key_ids: Select[tuple[str]]) -> list[Alias]:
    """Give all aliases of the keys that a statement selects."""
    return [_alias(row) for row in tx.execute(select(key_alias).where(key_alias.c.key_id.in_(key_ids)))]


def tagged(
    tx: Transaction, home: Home, kind: Kind, resource_ids: Select[tuple[str]], after: tuple[str, str], limit: int
) -> list[Tagged]:
    """Give tags of the resources that a statement selects, by resource id and tag key, `limit` at most from behind `after`."""
    resource_id, tag_key = after
    mine = resource_tag.c.resource_id
    behind = or_(mine > resource_id, and_(mine == resource_id, resource_tag.c.tag_key > tag_key))
    statement = select(resource_tag).where(
        resource_tag.c.account_id == home.account_id,
        resource_tag.c.region == home.region,
        resource_tag.c.kind == kind.value,
        mine.in_(resource_ids),
        behind,
    )
    found = tx.execute(statement.order_by(mine, resource_tag.c.tag_key).limit(limit))
    return [Tagged(row.resource_id, row.tag_key, row.tag_value) for row in found]


def bears(
    home: Home, kind: Kind, resource_id: ColumnElement[str], keys: frozenset[str] | None, values: frozenset[str] | None
) -> ColumnElement[bool]:
    """Give the condition that one tag of a resource has one of the keys and one of the values; None for any."""
    one = resource_tag.alias("one_tag")
    conditions = [
        one.c.account_id == home.account_id,
        one.c.region == home.region,
        one.c.kind == kind.value,
        one.c.resource_id == resource_id,
    ]
    if keys is not None:
        conditions.append(one.c.tag_key.in_(sorted(keys)))
    if values is not None:
        conditions.append(one.c.tag_value.in_(sorted(values)))
    return exists().where(*conditions)


def tags_of(tx: Transaction, resource: Resource) -> dict[str, str]:
    """Give a resource's tags by key, in order of the keys."""
    rows = tx.execute(select(resource_tag).where(*_tagged(resource)).order_by(resource_tag.c.tag_key))
    return {row.tag_key: row.tag_value for row in rows}


def put_tags(tx: Transaction, resource: Resource, tags: Mapping[str, str], there: Mapping[str, str]) -> None:
    """Add tags; those of a key that is `there` get their new value."""
    tx.changed("key_tags", resource.resource_id)
    for key, value in tags.items():
        if key in there:
            tx.execute(update(resource_tag).where(*_tagged(resource), resource_tag.c.tag_key == key).values(tag_value=value))
    fresh = [
        {
            "account_id": resource.home.account_id,
            "region": resource.home.region,
            "kind": resource.kind.value,
            "resource_id": resource.resource_id,
            "tag_key": key,
            "tag_value": value,
        }
        for key, value in tags.items()
        if key not in there
    ]
    if fresh:
        tx.execute(insert(resource_tag), fresh)


def take_tags(tx: Transaction, resource: Resource, keys: Collection[str] | None) -> None:
    """Take tags off; None for all of them."""
    tx.changed("key_tags", resource.resource_id)
    statement = delete(resource_tag).where(*_tagged(resource))
    tx.execute(statement if keys is None else statement.where(resource_tag.c.tag_key.in_(sorted(keys))))


def _alias(row: Row[Any]) -> Alias:
    return Alias(Home(row.account_id, row.region), row.name, row.key_id, from_ms(row.created_at_ms))


def _named(home: Home, name: str) -> tuple[ColumnElement[bool], ...]:
    return key_alias.c.account_id == home.account_id, key_alias.c.region == home.region, key_alias.c.name == name


def _tagged(resource: Resource) -> tuple[ColumnElement[bool], ...]:
    return (
        resource_tag.c.account_id == resource.home.account_id,
        resource_tag.c.region == resource.home.region,
        resource_tag.c.kind == resource.kind.value,
        resource_tag.c.resource_id == resource.resource_id,
    )
