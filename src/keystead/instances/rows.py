"""The table of instances, and every statement on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    bindparam,
    false,
    insert,
    select,
    update,
)

from keystead.clock import from_ms, to_ms
from keystead.instances.model import Instance, InstanceStatus, Network, Renewal, RenewalStatus
from keystead.labels import rows as label_rows
from keystead.labels.model import Home, Kind, Tagged, Wanted
from keystead.store import Transaction, metadata

CACHED = "instance"

instance = Table(
    "instance",
    metadata,
    Column("instance_id", String(32), primary_key=True),
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("region", String(32), nullable=False),
    Column("edition", String(32), nullable=False),
    Column("product_type", String(64), nullable=False),
    Column("name", String(128), nullable=False),
    Column("status", String(16), nullable=False),
    Column("renewal_status", String(16), nullable=False),
    Column("renewal_months", Integer, nullable=True),
    Column("vpc_id", String(64), nullable=False),
    Column("zone_ids", Text, nullable=False),
    Column("vswitch_ids", Text, nullable=False),
    Column("retention_days", Integer, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("connected_at_ms", BigInteger, nullable=True),
    Column("released_at_ms", BigInteger, nullable=True),
    Column("protected", Boolean, nullable=False, server_default=false()),
    Column("protection_note", Text, nullable=False, server_default=""),
    Column("specs_beyond", Boolean, nullable=False, server_default=false()),
    Index("ix_instance_account_id_created_at_ms", "account_id", "created_at_ms"),
)


_OF_ACCOUNT: Final = select(instance).where(
    instance.c.account_id == bindparam("account_id"),
    instance.c.instance_id == bindparam("instance_id"),
    instance.c.released_at_ms.is_(None),
)


def add(tx: Transaction, new: Instance) -> None:
    """Insert an instance; the schema refuses an id that is taken."""
    tx.execute(
        insert(instance).values(
            instance_id=new.instance_id,
            account_id=new.account_id,
            region=new.region,
            edition=new.edition,
            product_type=new.product_type,
            name=new.name,
            status=new.status.value,
            renewal_status=new.renewal.status.value,
            renewal_months=new.renewal.months,
            vpc_id=new.network.vpc_id,
            zone_ids=_joined(new.network.zone_ids),
            vswitch_ids=_joined(new.network.vswitch_ids),
            retention_days=new.retention_days,
            created_at_ms=to_ms(new.created_at),
        )
    )


def of_account(tx: Transaction, account_id: str, instance_id: str) -> Instance | None:
    """Give an account's instance that has not been released."""
    row = tx.execute(_OF_ACCOUNT, {"account_id": account_id, "instance_id": instance_id}).one_or_none()
    return None if row is None else _instance(row)


def unreleased(tx: Transaction, instance_id: str) -> Instance | None:
    """Give an instance that has not been released, whoever's: for the scheduler and the standing."""
    statement = select(instance).where(instance.c.instance_id == instance_id, instance.c.released_at_ms.is_(None))
    row = tx.execute(statement).one_or_none()
    return None if row is None else _instance(row)


def of_id(tx: Transaction, instance_id: str) -> Instance | None:
    """Give an instance, released or not, whoever's: for the scheduler."""
    row = tx.execute(select(instance).where(instance.c.instance_id == instance_id)).one_or_none()
    return None if row is None else _instance(row)


def listing(tx: Transaction, account_id: str) -> list[Instance]:
    """Give an account's instances that have not been released, oldest first."""
    statement = (
        select(instance)
        .where(instance.c.account_id == account_id, instance.c.released_at_ms.is_(None))
        .order_by(instance.c.created_at_ms, instance.c.instance_id)
    )
    return [_instance(row) for row in tx.execute(statement)]


def every_id(tx: Transaction) -> set[str]:
    """Give the ids of all instances ever delivered, released ones too, for an audit."""
    return set(tx.execute(select(instance.c.instance_id)).scalars())


def released_ids(tx: Transaction) -> set[str]:
    """Give the ids of all instances that are gone, for an audit."""
    return set(tx.execute(select(instance.c.instance_id).where(instance.c.released_at_ms.is_not(None))).scalars())


def set_network(tx: Transaction, instance_id: str, network: Network) -> None:
    """Record where the instance is being enabled."""
    _change(
        tx,
        instance_id,
        status=InstanceStatus.CONNECTING.value,
        vpc_id=network.vpc_id,
        zone_ids=_joined(network.zone_ids),
        vswitch_ids=_joined(network.vswitch_ids),
    )


def set_connected(tx: Transaction, instance_id: str, at: datetime) -> None:
    """Record that the instance is enabled."""
    _change(tx, instance_id, status=InstanceStatus.CONNECTED.value, connected_at_ms=to_ms(at))


def set_renewal(tx: Transaction, instance_id: str, renewal: Renewal) -> None:
    """Record the wish for the end of the term."""
    _change(tx, instance_id, renewal_status=renewal.status.value, renewal_months=renewal.months)


def set_protected(tx: Transaction, instance_id: str, note: str, *, protected: bool) -> None:
    """Record whether the instance is protected from being given back, and why."""
    _change(tx, instance_id, protected=protected, protection_note=note)


def set_name(tx: Transaction, instance_id: str, name: str) -> None:
    """Record what the instance is called."""
    _change(tx, instance_id, name=name)


def enabled_in(tx: Transaction, vpc_id: str) -> list[str]:
    """Give the ids of the instances, not released, that were enabled in a VPC of this id."""
    statement = select(instance.c.instance_id).where(instance.c.vpc_id == vpc_id, instance.c.released_at_ms.is_(None))
    return list(tx.execute(statement).scalars())


def enabled(tx: Transaction) -> list[Instance]:
    """Give all instances, not released, that were enabled in any VPC: for an audit."""
    statement = select(instance).where(instance.c.vpc_id != "", instance.c.released_at_ms.is_(None))
    return [_instance(row) for row in tx.execute(statement.order_by(instance.c.instance_id))]


def tagged(tx: Transaction, home: Home, wanted: Wanted, after: tuple[str, str], limit: int) -> list[Tagged]:
    """Give tags of an account's instances by id and tag key, `limit` at most, from behind `after`."""
    ids = select(instance.c.instance_id).where(
        instance.c.account_id == home.account_id,
        instance.c.region == home.region,
        instance.c.released_at_ms.is_(None),
        *(
            label_rows.bears(home, Kind.INSTANCE, instance.c.instance_id, frozenset({key}), frozenset({value}) if value else None)
            for key, value in wanted.borne.items()
        ),
    )
    if wanted.resource_ids:
        ids = ids.where(instance.c.instance_id.in_(sorted(wanted.resource_ids)))
    return label_rows.tagged(tx, home, Kind.INSTANCE, ids, after, limit)


def set_specs_beyond(tx: Transaction, instance_id: str, *, allowed: bool) -> None:
    """Record whether keys of specs beyond the cloud may be made in the instance."""
    _change(tx, instance_id, specs_beyond=allowed)


def set_released(tx: Transaction, instance_id: str, at: datetime) -> None:
    """Record that the instance is gone."""
    _change(tx, instance_id, released_at_ms=to_ms(at))


def touch(tx: Transaction, instance_id: str) -> None:
    """Have every worker forget what it knew of the instance."""
    tx.changed(CACHED, instance_id)


def _change(tx: Transaction, instance_id: str, **values: object) -> None:
    tx.execute(update(instance).where(instance.c.instance_id == instance_id).values(**values))
    touch(tx, instance_id)


def _joined(parts: Sequence[str]) -> str:
    return msgspec.json.encode(list(parts)).decode()


def _parts(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])


def _instance(row: Row[Any]) -> Instance:
    return Instance(
        instance_id=row.instance_id,
        account_id=row.account_id,
        region=row.region,
        edition=row.edition,
        product_type=row.product_type,
        name=row.name,
        status=InstanceStatus(row.status),
        renewal=Renewal(RenewalStatus(row.renewal_status), row.renewal_months),
        created_at=from_ms(row.created_at_ms),
        retention_days=row.retention_days,
        network=Network(row.vpc_id, _parts(row.zone_ids), _parts(row.vswitch_ids)),
        connected_at=None if row.connected_at_ms is None else from_ms(row.connected_at_ms),
        released_at=None if row.released_at_ms is None else from_ms(row.released_at_ms),
        protected=bool(row.protected),
        protection_note=row.protection_note,
        specs_beyond=bool(row.specs_beyond),
    )
