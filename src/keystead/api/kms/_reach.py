"""How the actions reach a key: whose, standing where, in a state that allows it; and what they share in answers."""

from __future__ import annotations

from collections.abc import Mapping

from keystead.gate.call import Call
from keystead.gate.dispatch import permit_key
from keystead.gate.parameters import Request, Response
from keystead.instances import commands as instances
from keystead.instances.faults import InstanceNotFound
from keystead.instances.model import InstanceStanding
from keystead.keyring import commands as keyring
from keystead.keyring import rules
from keystead.keyring.commands import Caller
from keystead.keyring.faults import KeyNotFound
from keystead.keyring.model import Key, Operation, Selection


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
    """Give a key that was found back, noted in the record, if its state and its instance allow the operation."""
    note(call, key)
    rules.usable(key, operation, call.now, expired=standing_of_key(call, key).expired(call.now))
    return key


def note(call: Call, key: Key, permission: str = "") -> None:
    """Put the key and its instance into the call's record, and ask whether the caller may: the first thing done with a key.

    `permission` is what the caller needs where that is not what the action is called.
    """
    call.record.instance_id = key.place.instance_id
    call.record.resource_id = key.key_id
    permit_key(call, key.key_id, key.place.account_id, lambda: keyring.warm_tags(call.warm, key), permission)


def standing_of_key(call: Call, key: Key) -> InstanceStanding:
    """Give the standing of the key's instance, without SQL when it is warm; with a released instance the key is gone."""
    try:
        standing = instances.standing_of(call.warm, key.place.instance_id)
    except InstanceNotFound:
        raise KeyNotFound(key.key_id) from None
    if standing.released(call.now):
        raise KeyNotFound(key.key_id)
    return standing


def selection_of(call: Call, wanted: Mapping[str, frozenset[str]]) -> Selection:
    """Give what a listing of the caller's keys in the region is made from: keys of released instances are gone."""
    kept = instances.standings(call.tx, call.account_id, call.now)
    expired = frozenset(instance_id for instance_id, standing in kept.items() if standing.expired(call.now))
    return Selection(call.account_id, call.region, frozenset(kept), expired, wanted, call.now)
