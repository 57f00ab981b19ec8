"""What is done with aliases and tags. Whose the key is and what its state allows is asked before, by the actions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from keystead.labels import rows, rules
from keystead.labels.faults import AliasNotFound, AliasTaken
from keystead.labels.model import Alias, Home, Resource
from keystead.store import Transaction, Warm

TAGS: Final = "key_tags"
"""What workers cache tags under; rows.py names it when they change."""


def create_alias(tx: Transaction, now: datetime, home: Home, name: str, key_id: str) -> None:
    """Give a key a name; AliasTaken if the account has it in the region, whichever key it names."""
    if rows.alias_named(tx, home, name) is not None:
        raise AliasTaken(name)
    rows.add_alias(tx, Alias(home, name, key_id, now))


def alias_named(tx: Transaction, home: Home, name: str) -> Alias:
    """Give an alias; AliasNotFound if there is none."""
    found = rows.alias_named(tx, home, name)
    if found is None:
        raise AliasNotFound(name)
    return found


def point_alias(tx: Transaction, home: Home, name: str, key_id: str) -> None:
    """Have an alias name another key from this commit on; AliasNotFound if there is none."""
    alias_named(tx, home, name)
    rows.point_alias(tx, home, name, key_id)


def delete_alias(tx: Transaction, home: Home, name: str) -> None:
    """Forget an alias."""
    rows.delete_alias(tx, home, name)


def names_of(tx: Transaction, home: Home, key_id: str) -> list[str]:
    """Give the names of a key's aliases."""
    return rows.names_of(tx, home, key_id)


def key_id_of_alias(warm: Warm, account_id: str, region: str, name: str) -> str:
    """Give the id of the key an alias names, without SQL when it is warm; AliasNotFound, or `Cold` where it may not be read."""
    home = Home(account_id, region)

    def load(tx: Transaction) -> str:
        return alias_named(tx, home, name).key_id

    return warm.get(rows.CACHED_ALIAS, rows.cache_key(home, name), load)


def tags_of(tx: Transaction, resource: Resource) -> dict[str, str]:
    """Give a resource's tags by key, in order of the keys."""
    return rows.tags_of(tx, resource)


def put_tags(tx: Transaction, resource: Resource, tags: Mapping[str, str]) -> None:
    """Put tags on a resource; TagsFull if it would have more than 20."""
    there = rows.tags_of(tx, resource)
    rules.room_for_tags(resource.resource_id, there, tags)
    rows.put_tags(tx, resource, tags, there)


def take_tags(tx: Transaction, resource: Resource, keys: Collection[str] | None) -> None:
    """Take tags off a resource, None for all; a key it does not have is no fault."""
    rows.take_tags(tx, resource, keys)


def forget(tx: Transaction, resource: Resource) -> None:
    """Forget the names and tags of a key that is gone for good."""
    for name in rows.names_of(tx, resource.home, resource.resource_id):
        rows.delete_alias(tx, resource.home, name)
    rows.take_tags(tx, resource, None)
