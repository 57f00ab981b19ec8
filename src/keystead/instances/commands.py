"""What is done with instances: delivered, renewed, upgraded, enabled, shown, stopped, released, given back.

The writing verbs expect the account's row lock to be held (`access.rows.lock_account`); the scheduler holds it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from keystead import ids
from keystead.catalog.model import Policies
from keystead.clock import iso_z
from keystead.entitlements import rows as entitlement_rows
from keystead.entitlements import rules as entitlements
from keystead.entitlements.model import Entitlement, Figures, Standing, Term
from keystead.hsm.port import KeyStore
from keystead.instances import rows, rules
from keystead.instances.faults import InstanceNotFound, InstanceNotInitialized
from keystead.instances.model import (
    Instance,
    InstanceStanding,
    InstanceStatus,
    Network,
    Owned,
    Purchase,
    Renewal,
    RenewalStatus,
    Renewed,
)
from keystead.keyring import commands as keyring
from keystead.keyring.lifecycle import RESUME_JOB
from keystead.labels import commands as labels
from keystead.labels.model import Home, Kind, Resource, Tagged, Wanted
from keystead.networks import commands as networks
from keystead.networks import rows as network_rows
from keystead.networks import rules as network_rules
from keystead.networks.model import BoundVpc
from keystead.quotas import commands as quotas
from keystead.store import Transaction, Warm
from keystead.store.events import record_event
from keystead.store.jobs import enqueue

CONNECT_JOB = "connect_instance"
EXPIRE_JOB = "expire_instance"
RELEASE_JOB = "release_instance"
PLAN_REMINDERS_JOB = "plan_reminders"
TELL_STOPPED_JOB = "tell_stopped"
TELL_RELEASED_JOB = "tell_released"
TELL_SHARER_RELEASED_JOB = "tell_sharer_released"


def activate(tx: Transaction, keystore: KeyStore, now: datetime, purchase: Purchase) -> tuple[Instance, Term]:
    """Deliver a paid purchase at once: the instance, its first entitlement, its key, and the jobs its end asks for."""
    instance_id = purchase.instance_id or ids.instance_id(purchase.region, now)
    instance = Instance(
        instance_id=instance_id,
        account_id=purchase.account_id,
        region=purchase.region,
        edition=purchase.edition,
        product_type=purchase.product_type,
        name=instance_id,
        status=InstanceStatus.UNINITIALIZED,
        renewal=purchase.renewal,
        created_at=now,
        retention_days=purchase.retention_days,
    )
    term = entitlements.purchased(now, purchase.months)
    rows.add(tx, instance)
    _entitle(tx, instance, purchase.order_id, term, purchase.figures, now)
    keyring.create_instance_key(tx, keystore, now, instance_id)
    _schedule_end(tx, instance, term.ends_at)
    record_event(tx, "instance_purchased", instance_id, instance.account_id, now, ends_at=iso_z(term.ends_at))
    return instance, term


def renew(tx: Transaction, now: datetime, owned: Owned, renewed: Renewed, policies: Policies) -> Term:
    """Add a term: from the current end while it runs, by policy in retention; its figures hold from where it begins.

    `TermReleased` when retention is over. What was expired is served again from this commit on.
    """
    instance = owned.instance
    term = entitlements.renewed(owned.run, now, renewed.months, instance.retention_days, policies.renewal_after_expiry)
    rows.touch(tx, instance.instance_id)
    _entitle(tx, instance, renewed.order_id, term, renewed.figures, now)
    _schedule_end(tx, instance, term.ends_at)
    enqueue(tx, RESUME_JOB, instance.instance_id, instance.account_id, now)
    record_event(tx, "instance_renewed", instance.instance_id, instance.account_id, now, ends_at=iso_z(term.ends_at))
    return term


def upgrade(tx: Transaction, now: datetime, owned: Owned, order_id: str, figures: Figures) -> Term:
    """Have new figures hold from now to the end there is; InstanceStateInvalid unless the term runs."""
    rules.changeable(owned)
    instance = owned.instance
    term = entitlements.upgraded(owned.ends_at, now)
    rows.touch(tx, instance.instance_id)
    _entitle(tx, instance, order_id, term, figures, now)
    enqueue(tx, RESUME_JOB, instance.instance_id, instance.account_id, now)
    record_event(tx, "instance_upgraded", instance.instance_id, instance.account_id, now, ends_at=iso_z(term.ends_at))
    return term


def withdraw(tx: Transaction, now: datetime, owned: Owned, order_id: str) -> datetime:
    """Take the term of a renewal that has not begun away again; gives the end there is then, whose jobs are asked for anew."""
    instance = owned.instance
    rows.touch(tx, instance.instance_id)
    entitlement_rows.withdraw(tx, order_id, now)
    ends_at = _judged(tx, instance, now).ends_at
    _schedule_end(tx, instance, ends_at)
    enqueue(tx, PLAN_REMINDERS_JOB, instance.instance_id, instance.account_id, now)  # planned before, they were of a later end
    record_event(tx, "renewal_cancelled", instance.instance_id, instance.account_id, now, ends_at=iso_z(ends_at))
    return ends_at


def set_renewal(tx: Transaction, now: datetime, owned: Owned, renewal: Renewal) -> Instance:
    """Keep another wish for the end of the term; InstanceStateInvalid if automatic renewal comes after the end."""
    instance = owned.instance
    if renewal.status is RenewalStatus.AUTO:
        rules.changeable(owned)
    rows.set_renewal(tx, instance.instance_id, renewal)
    record_event(tx, "renewal_set", instance.instance_id, instance.account_id, now, status=renewal.status.value)
    return msgspec.structs.replace(instance, renewal=renewal)


def protect(tx: Transaction, now: datetime, owned: Owned, because: str, *, protected: bool) -> None:
    """Protect an instance from being given back, or no longer; `because` is kept while it is protected. Its end is no matter."""
    instance = owned.instance
    rows.set_protected(tx, instance.instance_id, because if protected else "", protected=protected)
    record_event(tx, "protection_set", instance.instance_id, instance.account_id, now, protected=str(protected).lower())


def set_specs_beyond(tx: Transaction, now: datetime, instance_id: str, *, allowed: bool | None) -> Instance:
    """Let keys of specs that the cloud lacks be made in an instance, whoever's, or no more; None changes nothing.

    InstanceNotFound if it was released. For the operator: the caller holds no account lock.
    """
    instance = rows.unreleased(tx, instance_id)
    if instance is None:
        raise InstanceNotFound(instance_id)
    if allowed is None:
        return instance
    if instance.specs_beyond is not allowed:
        rows.set_specs_beyond(tx, instance_id, allowed=allowed)
        record_event(tx, "specs_beyond_set", instance_id, instance.account_id, now, allowed=str(allowed).lower())
    return msgspec.structs.replace(instance, specs_beyond=allowed)


def rename(tx: Transaction, now: datetime, owned: Owned, name: str) -> None:
    """Call an instance something else."""
    instance = owned.instance
    rows.set_name(tx, instance.instance_id, name)
    record_event(tx, "instance_renamed", instance.instance_id, instance.account_id, now, name=name)


def resource_of(instance: Instance) -> Resource:
    """Give an instance as what bears tags."""
    return Resource(Home(instance.account_id, instance.region), Kind.INSTANCE, instance.instance_id)


def taggable(tx: Transaction, now: datetime, home: Home, instance_id: str) -> Resource:
    """Give an account's instance as what bears tags; InstanceNotFound, InstanceNotInitialized before it was ever enabled."""
    found = owned(tx, home.account_id, instance_id, now, home.region)
    if found.instance.status is InstanceStatus.UNINITIALIZED:
        raise InstanceNotInitialized(instance_id)
    return resource_of(found.instance)


def tagged(tx: Transaction, home: Home, wanted: Wanted, after: tuple[str, str], limit: int) -> list[Tagged]:
    """Give tags of an account's instances in a region by id and tag key, `limit` at most, from behind `after`."""
    return rows.tagged(tx, home, wanted, after, limit)


def accesses_used(tx: Transaction, instance: Instance) -> int:
    """Count what is in use of an instance's access quantity: the VPCs it is bound to and the accounts it is shared with."""
    return _accesses(tx, instance, network_rows.bound(tx, instance.instance_id))


def bound_vpcs(tx: Transaction, instance: Instance) -> tuple[BoundVpc, ...]:
    """Give the VPCs an instance is bound to beside the one of enabling, in the order given."""
    return network_rows.bound(tx, instance.instance_id)


def bind_vpcs(tx: Transaction, now: datetime, owned: Owned, wanted: tuple[BoundVpc, ...]) -> None:
    """Have an instance be reached from these VPCs beside the one of enabling, and from no other from this commit on.

    InstanceStateInvalid, InvalidParameter for one that cannot be bound, AccessQuotaExceeded; then the old ones stay.
    """
    rules.usable(owned)
    networks.require_bindable(tx, wanted)
    instance = owned.instance
    counts = accesses_used(tx, instance), _accesses(tx, instance, wanted)
    quotas.require_access_room(tx, instance.instance_id, now, *counts)
    network_rows.replace_bound(tx, instance.instance_id, wanted)
    rows.touch(tx, instance.instance_id)
    record_event(tx, "instance_vpcs_bound", instance.instance_id, instance.account_id, now, vpcs=str(len(wanted)))


def unregister_vpc(tx: Transaction, vpc_id: str) -> None:
    """Forget a registered VPC; VpcUnknown, VpcInUse."""
    networks.held(tx, vpc_id)
    networks.unregister(tx, vpc_id, rows.enabled_in(tx, vpc_id))


def give_back(tx: Transaction, now: datetime, owned: Owned) -> None:
    """Destroy a refunded instance at once: first its key, then it is gone, retention or not."""
    instance = owned.instance
    keyring.destroy_instance_key(tx, now, instance.instance_id)
    _set_released(tx, instance, now)
    record_event(tx, "instance_refunded", instance.instance_id, instance.account_id, now)


def owned(tx: Transaction, account_id: str, instance_id: str, now: datetime, region: str = "") -> Owned:
    """Give an account's instance, in `region` if one is named; InstanceNotFound also once its retention is over."""
    instance = rows.of_account(tx, account_id, instance_id)
    if instance is None or (region and instance.region != region):
        raise InstanceNotFound(instance_id)
    found = _judged(tx, instance, now)
    if found.standing is Standing.RELEASED:
        raise InstanceNotFound(instance_id)
    return found


def known(tx: Transaction, instance_id: str, now: datetime) -> Owned | None:
    """Give an instance, released or not, whoever's: for what the scheduler tells of it. None if there never was one."""
    instance = rows.of_id(tx, instance_id)
    return None if instance is None else _judged(tx, instance, now)


def listing(tx: Transaction, account_id: str, now: datetime, region: str = "") -> list[Owned]:
    """Give an account's instances, in `region` if one is named, oldest first; those whose retention is over are gone."""
    held = entitlement_rows.of_account(tx, account_id)
    found = [
        rules.owned_at(instance, held[instance.instance_id], now)
        for instance in rows.listing(tx, account_id)
        if not region or instance.region == region
    ]
    return [each for each in found if each.standing is not Standing.RELEASED]


def every_kept(tx: Transaction, account_id: str) -> list[tuple[Instance, tuple[Entitlement, ...]]]:
    """Give an account's instances whose release has not been carried out, oldest first, each with its entitlements."""
    held = entitlement_rows.of_account(tx, account_id)
    return [(instance, tuple(held[instance.instance_id])) for instance in rows.listing(tx, account_id)]


def standings(tx: Transaction, account_id: str, now: datetime) -> dict[str, InstanceStanding]:
    """Give the standing of each of an account's instances and those it shares, by id; those whose retention is over are gone."""
    held = entitlement_rows.of_account(tx, account_id)
    kept = [rules.standing_kept(instance, held[instance.instance_id]) for instance in rows.listing(tx, account_id)]
    for instance_id in network_rows.shared_with(tx, account_id):
        instance = rows.unreleased(tx, instance_id)
        if instance is not None:
            kept.append(rules.standing_kept(instance, entitlement_rows.of_instance(tx, instance_id)))
    return {standing.instance_id: standing for standing in kept if not standing.released(now)}


def standing_of(warm: Warm, instance_id: str) -> InstanceStanding:
    """Give an instance's standing, from the worker's cache where it is there; the caller judges it by its own `now`.

    InstanceNotFound once it is released; `Cold` where a look-up may not block.
    """

    def load(tx: Transaction) -> InstanceStanding:
        instance = rows.unreleased(tx, instance_id)
        if instance is None:
            raise InstanceNotFound(instance_id)
        held = entitlement_rows.of_instance(tx, instance_id)
        account_ids = frozenset(share.account_id for share in network_rows.shares(tx, instance_id))
        return rules.standing_kept(instance, held, network_rows.bound(tx, instance_id), account_ids)

    return warm.get(rows.CACHED, instance_id, load)


def connect(tx: Transaction, now: datetime, asked: Owned, network: Network) -> None:
    """Begin to enable an instance in a network, for good; a job finishes it.

    InstanceStateInvalid if it cannot be (again), InvalidParameter where VPCs are registered and this is none for it.
    """
    rules.connectable(asked)
    instance = msgspec.structs.replace(asked.instance, network=network)
    networks.require_connectable(tx, rules.place(instance), network.zone_ids, network.vswitch_ids)
    rows.set_network(tx, instance.instance_id, network)
    enqueue(tx, CONNECT_JOB, instance.instance_id, instance.account_id, now)


def finish_connecting(tx: Transaction, now: datetime, instance_id: str) -> None:
    """Make a Connecting instance Connected; anything else is left as it is."""
    instance = rows.unreleased(tx, instance_id)
    if instance is None or instance.status is not InstanceStatus.CONNECTING:
        return
    rows.set_connected(tx, instance_id, now)
    record_event(tx, "instance_connected", instance_id, instance.account_id, now)


def expire(tx: Transaction, now: datetime, instance_id: str) -> None:
    """Say that an instance has expired; nothing if it was renewed meanwhile. It was refused from the first instant anyway."""
    instance = rows.unreleased(tx, instance_id)
    if instance is None:
        return
    found = _judged(tx, instance, now)
    if found.standing is Standing.ACTIVE:
        return
    record_event(tx, "instance_expired", instance_id, instance.account_id, now, kept_until=iso_z(found.releases_at))
    enqueue(tx, TELL_STOPPED_JOB, instance_id, instance.account_id, now)


def release(tx: Transaction, now: datetime, instance_id: str) -> None:
    """Destroy an instance whose retention is over: first its key, then it is gone. Nothing if it was renewed meanwhile.

    Repeating it is harmless. A renewal holds the same account lock: whichever commits first wins.
    """
    instance = rows.unreleased(tx, instance_id)
    if instance is None or _judged(tx, instance, now).standing is not Standing.RELEASED:
        return
    keyring.destroy_instance_key(tx, now, instance_id)
    _set_released(tx, instance, now)
    record_event(tx, "instance_released", instance_id, instance.account_id, now)
    enqueue(tx, TELL_RELEASED_JOB, instance_id, instance.account_id, now)


def unreleased(tx: Transaction, instance_id: str) -> Instance | None:
    """Give an instance that has not been released, whoever's: for the scheduler."""
    return rows.unreleased(tx, instance_id)


def cut_off(tx: Transaction) -> list[str]:
    """Give the ids of instances whose VPC of enabling is not registered though others are: for an audit."""
    places = {vpc.place for vpc in networks.vpcs(tx)}
    return [found.instance_id for found in rows.enabled(tx) if rules.place(found) not in places] if places else []


def released_ids(tx: Transaction) -> set[str]:
    """Give the ids of all instances that are gone, for an audit."""
    return rows.released_ids(tx)


def every_id(tx: Transaction) -> set[str]:
    """Give the ids of all instances ever delivered, released ones too, for an audit."""
    return rows.every_id(tx)


def _set_released(tx: Transaction, instance: Instance, now: datetime) -> None:
    """Have an instance be gone, and all that hung on it; ask that those who shared it are told, who nobody knows afterwards."""
    rows.set_released(tx, instance.instance_id, now)
    for share in networks.sharing_of(tx, instance.instance_id).shares:
        enqueue(tx, TELL_SHARER_RELEASED_JOB, f"{instance.instance_id}/{share.account_id}", share.account_id, now)
    network_rows.forget_instance(tx, instance.instance_id)
    labels.take_tags(tx, resource_of(instance), None)


def _accesses(tx: Transaction, instance: Instance, bound: Sequence[BoundVpc]) -> int:
    accounts = [share.account_id for share in network_rows.shares(tx, instance.instance_id)]
    return network_rules.accesses(instance.network.vpc_id, bound, accounts)


def _entitle(tx: Transaction, instance: Instance, order_id: str, term: Term, figures: Figures, now: datetime) -> None:
    entitlement_rows.add(tx, Entitlement(order_id, instance.account_id, instance.instance_id, term, figures, made_at=now))


def _judged(tx: Transaction, instance: Instance, now: datetime) -> Owned:
    return rules.owned_at(instance, entitlement_rows.of_instance(tx, instance.instance_id), now)


def _schedule_end(tx: Transaction, instance: Instance, ends_at: datetime) -> None:
    dues = rules.end_dues(ends_at, instance.retention_days)
    enqueue(tx, EXPIRE_JOB, instance.instance_id, instance.account_id, dues.expires_at)
    enqueue(tx, PLAN_REMINDERS_JOB, instance.instance_id, instance.account_id, dues.reminders_planned_at)
    enqueue(tx, RELEASE_JOB, instance.instance_id, instance.account_id, dues.releases_at)
