"""How an instance is shared with other accounts: by the operator, in one of two ownership modes (docs/adr/0103).

Page on sharing instances across accounts, read 2026-11-22. The verbs of the operator take the owner's row lock themselves.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from keystead.access.rows import lock_account
from keystead.instances import commands, rows, rules
from keystead.instances.faults import InstanceNotFound
from keystead.instances.model import Instance, Owned
from keystead.keyring import commands as keyring
from keystead.networks import commands as networks
from keystead.networks import rows as network_rows
from keystead.networks.faults import ShareRefused
from keystead.networks.model import Ownership, Share, Sharing
from keystead.quotas import commands as quotas
from keystead.store import Transaction
from keystead.store.events import record_event


def share(tx: Transaction, now: datetime, instance_id: str, account_id: str, ownership: Ownership | None = None) -> Sharing:
    """Let an account make and use keys in an instance that is enabled; once more changes nothing.

    `ownership` is chosen with the first account, joint unless said. InstanceNotFound, InstanceStateInvalid, ShareRefused,
    AccessQuotaExceeded.
    """
    found, sharing = _held(tx, now, instance_id)
    instance = found.instance
    rules.usable(found)
    if account_id == instance.account_id:
        raise ShareRefused(f"{account_id} owns the instance.")
    if ownership not in {None, sharing.ownership} and sharing.ownership is not None:
        raise ShareRefused(f"The instance is in {sharing.ownership} ownership.")
    if account_id in sharing.account_ids:
        return sharing
    used = commands.accesses_used(tx, instance)
    quotas.require_access_room(tx, instance_id, now, used, used + 1)
    if sharing.ownership is None:
        network_rows.set_ownership(tx, instance_id, instance.account_id, ownership or Ownership.JOINT)
    network_rows.add_share(tx, Share(instance_id, account_id, now))
    _changed(tx, now, instance, "instance_shared", account_id)
    return networks.sharing_of(tx, instance_id)


def unshare(tx: Transaction, now: datetime, instance_id: str, account_id: str) -> Sharing:
    """Take an instance back from an account; ShareRefused while that has keys in it, or never shared it."""
    found, sharing = _held(tx, now, instance_id)
    if account_id not in sharing.account_ids:
        raise ShareRefused(f"The instance is not shared with {account_id}.")
    keys = keyring.count_keys(tx, keyring.Caller(account_id, found.instance.region, now), instance_id)
    if keys:
        raise ShareRefused(f"{account_id} has {keys} key(s) in the instance: they are to be deleted first.")
    network_rows.delete_share(tx, instance_id, account_id)
    _changed(tx, now, found.instance, "instance_unshared", account_id)
    return networks.sharing_of(tx, instance_id)


def make_independent(tx: Transaction, now: datetime, instance_id: str) -> Sharing:
    """Have the keys of other accounts in an instance be theirs alone, for good; ShareRefused if it was never shared."""
    found, sharing = _held(tx, now, instance_id)
    if sharing.ownership is None:
        raise ShareRefused("The instance was never shared.")
    if sharing.ownership is not Ownership.INDEPENDENT:
        network_rows.set_ownership(tx, instance_id, sharing.owner_id, Ownership.INDEPENDENT)
        _changed(tx, now, found.instance, "instance_independent", sharing.owner_id)
    return msgspec.structs.replace(sharing, ownership=Ownership.INDEPENDENT)


def usable_by(tx: Transaction, account_id: str, instance_id: str, now: datetime, region: str) -> Owned:
    """Give an instance that is the account's or shared with it; InstanceNotFound for any other."""
    instance = rows.unreleased(tx, instance_id)
    if instance is None or account_id not in {share.account_id for share in network_rows.shares(tx, instance_id)}:
        return commands.owned(tx, account_id, instance_id, now, region)
    return commands.owned(tx, instance.account_id, instance_id, now, region)


def instance_for_create(tx: Transaction, account_id: str, region: str, instance_id: str, now: datetime) -> Owned:
    """Give the instance in which a key is about to be made, its owner's lock held beside the caller's.

    InstanceNotFound if it is not there, InstanceStateInvalid if its term is over or it is not enabled.
    """
    hold_owner(tx, account_id, instance_id)
    found = usable_by(tx, account_id, instance_id, now, region)
    rules.usable(found)
    return found


def hold_owner(tx: Transaction, account_id: str, instance_id: str) -> bool:
    """Take the lock of an instance's owner, under which its quotas are kept, where that is another account; whether it is."""
    instance = rows.unreleased(tx, instance_id)
    if instance is None or instance.account_id == account_id:
        return False
    if account_id in {share.account_id for share in network_rows.shares(tx, instance_id)}:
        lock_account(tx, instance.account_id)
    return True


def _held(tx: Transaction, now: datetime, instance_id: str) -> tuple[Owned, Sharing]:
    instance = rows.unreleased(tx, instance_id)
    if instance is None:
        raise InstanceNotFound(instance_id)
    lock_account(tx, instance.account_id)
    return commands.owned(tx, instance.account_id, instance_id, now), networks.sharing_of(tx, instance_id)


def _changed(tx: Transaction, now: datetime, instance: Instance, kind: str, account_id: str) -> None:
    rows.touch(tx, instance.instance_id)
    record_event(tx, kind, instance.instance_id, instance.account_id, now, account=account_id)
