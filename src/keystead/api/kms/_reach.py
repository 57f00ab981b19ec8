"""How the actions reach a key: whose, standing where, in a state that allows it; and what they share in answers."""

from __future__ import annotations

from collections.abc import Mapping

from keystead.access.faults import AccountUnknown
from keystead.access.rows import lock_account
from keystead.access_points.model import Permission
from keystead.defaults import commands as making
from keystead.defaults import rules as defaults
from keystead.gate.call import Call
from keystead.gate.dedicated import hosts
from keystead.gate.dispatch import permit_key
from keystead.gate.parameters import Request, Response
from keystead.instances import commands as instances
from keystead.instances.faults import InstanceNotFound
from keystead.instances.model import InstanceStanding
from keystead.keyring import commands as keyring
from keystead.keyring import rules
from keystead.keyring.commands import Caller
from keystead.keyring.faults import KeyNotFound
from keystead.keyring.model import BY_ACCOUNT, Key, Operation, Selection
from keystead.labels.faults import AliasNotFound
from keystead.labels.model import Home


class KeyRequest(Request):
    """Which key: its id or its ARN."""

    key_id: str


class NothingResponse(Response):
    """Nothing but the request id."""


def caller_of(call: Call) -> Caller:
    """Give who calls, where and when."""
    return Caller(call.account_id, call.region, call.now)


def key_for(call: Call, reference: str, operation: Operation) -> Key:
    """Give the key named by its id or ARN, noted in the record, if its state and its instance allow the operation."""
    return judged(call, keyring.key_by_id(call.tx, caller_of(call), reference), operation)


def named_key_for(call: Call, reference: str, operation: Operation) -> Key:
    """As `key_for`, for an action that takes an alias too."""
    return judged(call, keyring.key_named(call.tx, caller_of(call), reference), operation)


def judged(call: Call, key: Key, operation: Operation) -> Key:
    """Give a key that was found back, noted in the record, if the caller, its state and its instance allow the operation."""
    note(call, key)
    expired = expired_with(call, key)
    defaults.permitted(key, operation, call.principal.service)
    rules.usable(key, operation, call.now, expired=expired)
    return key


def note(call: Call, key: Key, permission: str = "") -> None:
    """Put the key, its instance and, of a service's call, its account into the record; ask whether the caller may.

    The first thing done with a key. `permission` is what the caller needs where that is not what the action is called.
    KeyNotFound if it is not the service's; NotPermitted; NotGranted or NotOfGateway for a client key or at an instance's gateway.
    """
    if call.principal.service:
        defaults.visible(key, call.principal.service)
        call.record.account_id = key.place.account_id
    call.record.instance_id = key.place.instance_id
    call.record.resource_id = key.key_id
    if call.gateway or call.principal.passport is not None:
        hosts.require(call, key.place.instance_id, Permission.KEY_USER, f"key/{key.key_id}")
    permit_key(call, key.key_id, key.place.account_id, lambda: keyring.warm_tags(call.warm, key), permission)


def expired_with(call: Call, key: Key) -> bool:
    """Whether the key's instance is expired; a default key has none. With a released instance the key is gone."""
    standing = standing_of_key(call, key)
    return standing is not None and standing.expired(call.now)


def standing_of_key(call: Call, key: Key) -> InstanceStanding | None:
    """Give the standing of the key's instance, without SQL when it is warm; KeyNotFound once released; None for a default key."""
    if not key.place.instance_id:
        return None
    try:
        standing = instances.standing_of(call.warm, key.place.instance_id)
    except InstanceNotFound:
        raise KeyNotFound(key.key_id) from None
    if standing.released(call.now):
        raise KeyNotFound(key.key_id)
    return standing


def selection_of(call: Call, wanted: Mapping[str, frozenset[str]]) -> Selection:
    """Give what a listing of the caller's keys in the region is made from, default keys too; of released instances, none."""
    kept = instances.standings(call.tx, call.account_id, call.now)
    expired = frozenset(instance_id for instance_id, standing in kept.items() if standing.expired(call.now))
    sealing = frozenset({*kept, f"{BY_ACCOUNT}{call.account_id}"})
    return Selection(call.account_id, call.region, sealing, expired, wanted, call.now)


def make_service_key(call: Call, account_id: str) -> None:
    """Make the calling service's key for an account's data in a commit of its own, before the call goes on (docs/adr/0072).

    AliasNotFound where there is no such account: to a service it looks as if the key were not there. `Cold` on the loop.
    """
    service = call.principal.service
    keyring.leave_the_loop(call.warm, slow=True)
    region = defaults.region_served(call.region, call.service.regions)
    with call.service.store.write() as tx:
        try:
            lock_account(tx, account_id)
        except AccountUnknown:
            raise AliasNotFound(defaults.alias_of(service)) from None
        making.ensure_service_key(tx, call.service.keystore, call.now, Home(account_id, region), service)
    call.warm.refresh()
