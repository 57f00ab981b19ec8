"""The tables of VPCs, of what is bound to them and of shares, and every statement on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from keystead.clock import from_ms, to_ms
from keystead.networks.model import BoundVpc, Ownership, Share, Vpc, VSwitch
from keystead.store import Transaction, metadata

CACHED_REACH = "vpcs"
CACHED_SHARING = "instance_sharing"

vpc = Table(
    "vpc",
    metadata,
    Column("vpc_id", String(64), primary_key=True),
    Column("region", String(32), nullable=False),
    Column("owner_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("cidrs", Text, nullable=False),
    Column("vswitches", Text, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
)
bound_vpc = Table(
    "bound_vpc",
    metadata,
    Column("instance_id", String(32), ForeignKey("instance.instance_id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("vpc_id", String(64), nullable=False, index=True),
    Column("vswitch_id", String(64), nullable=False),
    Column("region", String(32), nullable=False),
    Column("owner_id", String(20), nullable=False),
    PrimaryKeyConstraint("instance_id", "vpc_id"),
)
instance_share = Table(
    "instance_share",
    metadata,
    Column("instance_id", String(32), ForeignKey("instance.instance_id"), nullable=False),
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False, index=True),
    Column("shared_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("instance_id", "account_id"),
)
# Stays when the last account is gone: an instance in independent ownership remains so.
instance_ownership = Table(
    "instance_ownership",
    metadata,
    Column("instance_id", String(32), ForeignKey("instance.instance_id"), primary_key=True),
    Column("owner_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("ownership", String(12), nullable=False),
)


def add_vpc(tx: Transaction, new: Vpc) -> None:
    """Insert a VPC; the schema refuses an id that is taken."""
    tx.execute(
        insert(vpc).values(
            vpc_id=new.vpc_id,
            region=new.region,
            owner_id=new.owner_id,
            cidrs=_text(new.cidrs),
            vswitches=_text(new.vswitches),
            created_at_ms=to_ms(new.created_at),
        )
    )
    tx.changed(CACHED_REACH, "")


def delete_vpc(tx: Transaction, vpc_id: str) -> None:
    """Forget a VPC."""
    tx.execute(delete(vpc).where(vpc.c.vpc_id == vpc_id))
    tx.changed(CACHED_REACH, "")


def vpc_of(tx: Transaction, vpc_id: str, *, hold: bool = False) -> Vpc | None:
    """Give a registered VPC; `hold` keeps it from being deleted until this transaction ends."""
    statement = select(vpc).where(vpc.c.vpc_id == vpc_id)
    row = tx.execute(statement.with_for_update() if hold else statement).one_or_none()
    return None if row is None else _vpc(row)


def vpcs(tx: Transaction) -> list[Vpc]:
    """Give all registered VPCs, by id."""
    return [_vpc(row) for row in tx.execute(select(vpc).order_by(vpc.c.vpc_id))]


def any_vpc(tx: Transaction) -> bool:
    """Whether any VPC is registered."""
    return tx.execute(select(vpc.c.vpc_id).limit(1)).first() is not None


def bound(tx: Transaction, instance_id: str) -> tuple[BoundVpc, ...]:
    """Give the VPCs an instance is bound to beside the one of enabling, in the order given."""
    statement = select(bound_vpc).where(bound_vpc.c.instance_id == instance_id).order_by(bound_vpc.c.position)
    return tuple(BoundVpc(row.vpc_id, row.vswitch_id, row.region, row.owner_id) for row in tx.execute(statement))


def bound_to(tx: Transaction, vpc_id: str) -> list[str]:
    """Give the instances that a VPC was bound to beside the one of their enabling."""
    return list(tx.execute(select(bound_vpc.c.instance_id).where(bound_vpc.c.vpc_id == vpc_id)).scalars())


def replace_bound(tx: Transaction, instance_id: str, wanted: Sequence[BoundVpc]) -> None:
    """Keep these VPCs and no other for an instance."""
    tx.execute(delete(bound_vpc).where(bound_vpc.c.instance_id == instance_id))
    if wanted:
        those = [{"instance_id": instance_id, "position": at, **msgspec.structs.asdict(each)} for at, each in enumerate(wanted)]
        tx.execute(insert(bound_vpc), those)


def shares(tx: Transaction, instance_id: str) -> tuple[Share, ...]:
    """Give whom an instance is shared with, in the order it came."""
    mine = select(instance_share).where(instance_share.c.instance_id == instance_id)
    found = tx.execute(mine.order_by(instance_share.c.shared_at_ms, instance_share.c.account_id))
    return tuple(Share(row.instance_id, row.account_id, from_ms(row.shared_at_ms)) for row in found)


def shared_with(tx: Transaction, account_id: str) -> list[str]:
    """Give the instances of others that an account shares."""
    statement = select(instance_share.c.instance_id).where(instance_share.c.account_id == account_id)
    return list(tx.execute(statement.order_by(instance_share.c.instance_id)).scalars())


def add_share(tx: Transaction, share: Share) -> None:
    """Insert a share."""
    values = {"instance_id": share.instance_id, "account_id": share.account_id, "shared_at_ms": to_ms(share.shared_at)}
    tx.execute(insert(instance_share).values(values))
    tx.changed(CACHED_SHARING, share.instance_id)


def delete_share(tx: Transaction, instance_id: str, account_id: str) -> None:
    """Delete a share."""
    this = (instance_share.c.instance_id == instance_id, instance_share.c.account_id == account_id)
    tx.execute(delete(instance_share).where(*this))
    tx.changed(CACHED_SHARING, instance_id)


def ownership_of(tx: Transaction, instance_id: str) -> tuple[str, Ownership] | None:
    """Give an instance's owner and its ownership mode; None if it was never shared."""
    row = tx.execute(select(instance_ownership).where(instance_ownership.c.instance_id == instance_id)).one_or_none()
    return None if row is None else (row.owner_id, Ownership(row.ownership))


def set_ownership(tx: Transaction, instance_id: str, owner_id: str, ownership: Ownership) -> None:
    """Keep an instance's ownership mode."""
    this = instance_ownership.c.instance_id == instance_id
    if tx.execute(update(instance_ownership).where(this).values(ownership=ownership.value)).rowcount == 0:
        values = {"instance_id": instance_id, "owner_id": owner_id, "ownership": ownership.value}
        tx.execute(insert(instance_ownership).values(values))
    tx.changed(CACHED_SHARING, instance_id)


def joint_of(tx: Transaction, account_id: str) -> list[str]:
    """Give an account's instances in joint ownership that are shared with somebody."""
    statement = (
        select(instance_ownership.c.instance_id)
        .where(instance_ownership.c.owner_id == account_id, instance_ownership.c.ownership == Ownership.JOINT.value)
        .where(instance_ownership.c.instance_id.in_(select(instance_share.c.instance_id)))
    )
    return list(tx.execute(statement.order_by(instance_ownership.c.instance_id)).scalars())


def forget_instance(tx: Transaction, instance_id: str) -> None:
    """Forget what an instance was bound to and whom it was shared with."""
    for table in (bound_vpc, instance_share, instance_ownership):
        tx.execute(delete(table).where(table.c.instance_id == instance_id))
    tx.changed(CACHED_SHARING, instance_id)


def _vpc(row: Row[Any]) -> Vpc:
    cidrs = msgspec.json.decode(row.cidrs, type=tuple[str, ...])
    vswitches = msgspec.json.decode(row.vswitches, type=tuple[VSwitch, ...])
    return Vpc(row.vpc_id, row.region, row.owner_id, cidrs, vswitches, from_ms(row.created_at_ms))


def _text(parts: Sequence[object]) -> str:
    return msgspec.json.encode(list(parts)).decode()
