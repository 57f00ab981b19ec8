"""The tables of access points, policies, network rules and client keys, and every statement on them.

Whatever changes what an access point is granted has every worker forget the grants of all access points of its holder: they are
few, and changed rarely.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Row,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from keystead.access_points.model import AccessPoint, ClientKey, Holder, NetworkRule, Policy
from keystead.clock import from_ms, to_ms
from keystead.store import Transaction, metadata

CACHED_CLIENT_KEY = "client_key"
CACHED_GRANTS = "access_point"

access_point = Table(
    "access_point",
    metadata,
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("region", String(32), nullable=False),
    Column("name", String(64), nullable=False),
    Column("policies", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "region", "name"),
)
permission_policy = Table(
    "permission_policy",
    metadata,
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("region", String(32), nullable=False),
    Column("name", String(64), nullable=False),
    Column("instance_id", String(32), nullable=False),
    Column("permissions", Text, nullable=False),
    Column("resources", Text, nullable=False),
    Column("network_rules", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "region", "name"),
)
network_rule = Table(
    "network_rule",
    metadata,
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("region", String(32), nullable=False),
    Column("name", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("source_private_ip", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "region", "name"),
)
client_key = Table(
    "client_key",
    metadata,
    Column("client_key_id", String(64), primary_key=True),
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("region", String(32), nullable=False),
    Column("access_point", String(64), nullable=False),
    Column("certificate", Text, nullable=False),
    Column("not_before_ms", BigInteger, nullable=False),
    Column("not_after_ms", BigInteger, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Index("ix_client_key_access_point", "account_id", "region", "access_point"),
)


def cache_key(holder: Holder, name: str) -> str:
    """Give what an access point's grants are cached under: 64 characters, as the change log has room for."""
    return hashlib.sha256(f"{holder.account_id}/{holder.region}/{name}".encode()).hexdigest()


def add_access_point(tx: Transaction, holder: Holder, new: AccessPoint) -> None:
    """Insert an access point; the schema refuses a second one of the name."""
    values = {"policies": _joined(new.policies), "description": new.description, "created_at_ms": to_ms(new.created_at)}
    tx.execute(insert(access_point).values(**_place(holder), name=new.name, **values))


def store_access_point(tx: Transaction, holder: Holder, changed: AccessPoint) -> None:
    """Keep other policies and another description."""
    values = {"policies": _joined(changed.policies), "description": changed.description}
    tx.execute(update(access_point).where(_named(access_point, holder, changed.name)).values(**values))
    tx.changed(CACHED_GRANTS, cache_key(holder, changed.name))


def delete_access_point(tx: Transaction, holder: Holder, name: str) -> None:
    """Delete an access point and its client keys."""
    for key in client_keys(tx, holder, name):
        delete_client_key(tx, key.client_key_id)
    tx.execute(delete(access_point).where(_named(access_point, holder, name)))
    tx.changed(CACHED_GRANTS, cache_key(holder, name))


def access_point_of(tx: Transaction, holder: Holder, name: str) -> AccessPoint | None:
    """Give an access point."""
    row = tx.execute(select(access_point).where(_named(access_point, holder, name))).one_or_none()
    return None if row is None else _access_point(row)


def access_points(tx: Transaction, holder: Holder, number: int = 1, size: int | None = None) -> tuple[list[AccessPoint], int]:
    """Give page `number` of the access points by name, all of them without a size, and the number of all."""
    found, total = _page(tx, access_point, holder, number, size)
    return [_access_point(row) for row in found], total


def add_policy(tx: Transaction, holder: Holder, new: Policy) -> None:
    """Insert a policy; the schema refuses a second one of the name."""
    fixed = {"name": new.name, "instance_id": new.instance_id, "created_at_ms": to_ms(new.created_at)}
    tx.execute(insert(permission_policy).values(**_place(holder), **fixed, **_policy_values(new)))
    _grants_changed(tx, holder)


def store_policy(tx: Transaction, holder: Holder, changed: Policy) -> None:
    """Keep what a policy now says."""
    where = _named(permission_policy, holder, changed.name)
    tx.execute(update(permission_policy).where(where).values(**_policy_values(changed)))
    _grants_changed(tx, holder)


def delete_policy(tx: Transaction, holder: Holder, name: str) -> None:
    """Delete a policy."""
    tx.execute(delete(permission_policy).where(_named(permission_policy, holder, name)))
    _grants_changed(tx, holder)


def policy_of(tx: Transaction, holder: Holder, name: str) -> Policy | None:
    """Give a policy."""
    row = tx.execute(select(permission_policy).where(_named(permission_policy, holder, name))).one_or_none()
    return None if row is None else _policy(row)


def policies(tx: Transaction, holder: Holder, number: int = 1, size: int | None = None) -> tuple[list[Policy], int]:
    """Give page `number` of the policies by name, all of them without a size, and the number of all."""
    found, total = _page(tx, permission_policy, holder, number, size)
    return [_policy(row) for row in found], total


def add_network_rule(tx: Transaction, holder: Holder, new: NetworkRule) -> None:
    """Insert a network rule; the schema refuses a second one of the name."""
    values = {"source_private_ip": new.source_private_ip, "description": new.description}
    fixed = {"name": new.name, "kind": new.kind, "created_at_ms": to_ms(new.created_at)}
    tx.execute(insert(network_rule).values(**_place(holder), **fixed, **values))


def store_network_rule(tx: Transaction, holder: Holder, changed: NetworkRule) -> None:
    """Keep other addresses and another description."""
    values = {"source_private_ip": changed.source_private_ip, "description": changed.description}
    tx.execute(update(network_rule).where(_named(network_rule, holder, changed.name)).values(**values))
    _grants_changed(tx, holder)


def delete_network_rule(tx: Transaction, holder: Holder, name: str) -> None:
    """Delete a network rule."""
    tx.execute(delete(network_rule).where(_named(network_rule, holder, name)))


def network_rule_of(tx: Transaction, holder: Holder, name: str) -> NetworkRule | None:
    """Give a network rule."""
    row = tx.execute(select(network_rule).where(_named(network_rule, holder, name))).one_or_none()
    return None if row is None else _network_rule(row)


def network_rules(tx: Transaction, holder: Holder, number: int = 1, size: int | None = None) -> tuple[list[NetworkRule], int]:
    """Give page `number` of the network rules by name, all of them without a size, and the number of all."""
    found, total = _page(tx, network_rule, holder, number, size)
    return [_network_rule(row) for row in found], total


def add_client_key(tx: Transaction, new: ClientKey) -> None:
    """Insert a client key."""
    tx.execute(
        insert(client_key).values(
            client_key_id=new.client_key_id,
            **_place(new.holder),
            access_point=new.access_point,
            certificate=new.certificate,
            not_before_ms=to_ms(new.not_before),
            not_after_ms=to_ms(new.not_after),
            created_at_ms=to_ms(new.created_at),
        )
    )


def client_key_of(tx: Transaction, client_key_id: str) -> ClientKey | None:
    """Give a client key, whoever's."""
    row = tx.execute(select(client_key).where(client_key.c.client_key_id == client_key_id)).one_or_none()
    return None if row is None else _client_key(row)


def client_keys(tx: Transaction, holder: Holder, name: str = "") -> list[ClientKey]:
    """Give the client keys of an access point, or of all, oldest first."""
    where = [client_key.c.account_id == holder.account_id, client_key.c.region == holder.region]
    if name:
        where.append(client_key.c.access_point == name)
    statement = select(client_key).where(*where).order_by(client_key.c.created_at_ms, client_key.c.client_key_id)
    return [_client_key(row) for row in tx.execute(statement)]


def delete_client_key(tx: Transaction, client_key_id: str) -> None:
    """Delete a client key, and have every worker forget it."""
    tx.execute(delete(client_key).where(client_key.c.client_key_id == client_key_id))
    tx.changed(CACHED_CLIENT_KEY, client_key_id)


def _grants_changed(tx: Transaction, holder: Holder) -> None:
    for each in access_points(tx, holder)[0]:
        tx.changed(CACHED_GRANTS, cache_key(holder, each.name))


def _page(tx: Transaction, table: Table, holder: Holder, number: int, size: int | None) -> tuple[list[Row[Any]], int]:
    where = and_(table.c.account_id == holder.account_id, table.c.region == holder.region)
    total = int(tx.execute(select(func.count()).select_from(table).where(where)).scalar_one())
    statement = select(table).where(where).order_by(table.c.name)
    if size is not None:
        statement = statement.limit(size).offset((number - 1) * size)
    return list(tx.execute(statement)), total


def _place(holder: Holder) -> dict[str, str]:
    return {"account_id": holder.account_id, "region": holder.region}


def _named(table: Table, holder: Holder, name: str) -> ColumnElement[bool]:
    return and_(table.c.account_id == holder.account_id, table.c.region == holder.region, table.c.name == name)


def _joined(parts: tuple[str, ...]) -> str:
    return msgspec.json.encode(parts).decode()


def _parts(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])


def _policy_values(policy: Policy) -> dict[str, str]:
    return {
        "permissions": _joined(policy.permissions),
        "resources": _joined(policy.resources),
        "network_rules": _joined(policy.network_rules),
        "description": policy.description,
    }


def _access_point(row: Row[Any]) -> AccessPoint:
    return AccessPoint(row.name, _parts(row.policies), row.description, from_ms(row.created_at_ms))


def _policy(row: Row[Any]) -> Policy:
    return Policy(
        row.name,
        row.instance_id,
        _parts(row.permissions),
        _parts(row.resources),
        _parts(row.network_rules),
        row.description,
        from_ms(row.created_at_ms),
    )


def _network_rule(row: Row[Any]) -> NetworkRule:
    return NetworkRule(row.name, row.kind, row.source_private_ip, row.description, from_ms(row.created_at_ms))


def _client_key(row: Row[Any]) -> ClientKey:
    return ClientKey(
        row.client_key_id,
        Holder(row.account_id, row.region),
        row.access_point,
        row.certificate,
        from_ms(row.not_before_ms),
        from_ms(row.not_after_ms),
        from_ms(row.created_at_ms),
    )
