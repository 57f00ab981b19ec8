"""What is done with networks: VPCs registered, bound, asked; instances shared.

The writing verbs on an instance expect its owner's row lock to be held (`access.rows.lock_account`).
"""

from __future__ import annotations

from collections.abc import Sequence

from keystead.networks import rows, rules
from keystead.networks.faults import OutsideNetwork, VpcExists, VpcInUse, VpcUnknown
from keystead.networks.model import BoundVpc, Sharing, Vpc, place_of
from keystead.networks.reach import Reach
from keystead.store import Transaction, Warm


def register(tx: Transaction, vpc: Vpc) -> None:
    """Register a checked VPC: from this commit on it can be bound, and its addresses are inside. VpcExists."""
    if rows.vpc_of(tx, vpc.vpc_id) is not None:
        raise VpcExists(vpc.vpc_id)
    rows.add_vpc(tx, vpc)


def vpcs(tx: Transaction) -> list[Vpc]:
    """Give all registered VPCs, by id."""
    return rows.vpcs(tx)


def held(tx: Transaction, vpc_id: str) -> Vpc:
    """Give a registered VPC that nobody can bind or delete until this transaction ends; VpcUnknown."""
    found = rows.vpc_of(tx, vpc_id, hold=True)
    if found is None:
        raise VpcUnknown(vpc_id)
    return found


def unregister(tx: Transaction, vpc_id: str, enabled_in: Sequence[str]) -> None:
    """Forget a VPC that is held; VpcInUse while an instance is bound to it or, by `enabled_in`, was enabled in it."""
    users = sorted({*enabled_in, *rows.bound_to(tx, vpc_id)})
    if users:
        raise VpcInUse(vpc_id, users)
    rows.delete_vpc(tx, vpc_id)


def require_connectable(tx: Transaction, place: str, zone_ids: Sequence[str], vswitch_ids: Sequence[str]) -> None:
    """Raise InvalidParameter unless an instance can be enabled in this VPC; anywhere it can while none is registered."""
    if rows.any_vpc(tx):
        rules.connectable(place, zone_ids, vswitch_ids, rows.vpc_of(tx, place.rpartition("/")[2], hold=True))


def require_bindable(tx: Transaction, wanted: Sequence[BoundVpc]) -> None:
    """Raise InvalidParameter unless all of these can be bound; any can while no VPC is registered."""
    if rows.any_vpc(tx):
        for each in sorted(wanted, key=lambda one: one.vpc_id):  # one order, so that two at once do not wait for each other
            rules.bindable(each, rows.vpc_of(tx, each.vpc_id, hold=True))


def sharing_of(tx: Transaction, instance_id: str) -> Sharing:
    """Give whom an instance is shared with, and how."""
    owner_id, ownership = rows.ownership_of(tx, instance_id) or ("", None)
    return Sharing(owner_id, ownership, rows.shares(tx, instance_id))


def manages(warm: Warm, account_id: str, instance_id: str) -> bool:
    """Whether an account manages what others have in an instance; no SQL when warm, else `Cold` where it may not be."""
    sharing = warm.get(rows.CACHED_SHARING, instance_id, lambda tx: sharing_of(tx, instance_id))
    return rules.managed(sharing, account_id)


def managed_by(tx: Transaction, account_id: str) -> list[str]:
    """Give an account's instances in which it manages what others have."""
    return rows.joint_of(tx, account_id)


def require_inside(warm: Warm, places: tuple[str, ...], source: str) -> None:
    """Raise OutsideNetwork unless an address is inside one of the VPCs; no SQL when warm, else `Cold` where it may not be."""
    if not warm.get(rows.CACHED_REACH, "", _reach).admits(places, source):
        raise OutsideNetwork


def vpc_of(warm: Warm, account_id: str, region: str, source: str) -> str:
    """Give the VPC of an account in a region that an address is in, empty for none; no SQL when warm, else `Cold`."""
    reach: Reach = warm.get(rows.CACHED_REACH, "", _reach)
    return reach.vpc_of(place_of(account_id, region, ""), source)


def _reach(tx: Transaction) -> Reach:
    return Reach({vpc.place: rules.networks_of(vpc.cidrs) for vpc in rows.vpcs(tx)})
