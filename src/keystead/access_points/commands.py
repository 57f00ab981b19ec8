"""What is done with access points. What a worker keeps warm, and what drops it:

    client_key     a client key and its public half   its deletion
    access_point   what an access point is granted    a change of it, of its holder's policies or network rules

The writing verbs expect the account's row lock to be held. That a policy's instance is the holder's is asked by the action.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple, TypeVar, cast

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate

from keystead import ids
from keystead.access_points import rows, rules
from keystead.access_points.faults import (
    AccessObjectExists,
    AccessObjectInUse,
    AccessObjectNotFound,
    ClientKeyUnknown,
    TooManyClientKeys,
)
from keystead.access_points.model import AccessPoint, ClientKey, Credential, Grant, Holder, NetworkRule, Passport, Policy
from keystead.clock import Instant
from keystead.hsm.port import KeyStore
from keystead.store import Transaction, Warm
from keystead.store.events import record_event
from keystead.store.jobs import enqueue

REMIND_CLIENT_KEY_JOB: Final = "remind_of_client_key"
T = TypeVar("T")


class AskedClientKey(NamedTuple):
    """What CreateClientKey asks for, checked: for which access point, the password, from when until when (wall time)."""

    access_point: str
    password: bytes
    not_before: datetime
    not_after: datetime


class MintedClientKey(NamedTuple):
    """A new client key and its private half, PKCS#12 under the password: the only time it is there."""

    key: ClientKey
    pkcs12: bytes

    def __repr__(self) -> str:
        """Show the id only."""
        return f"MintedClientKey({self.key.client_key_id})"


def create_access_point(tx: Transaction, holder: Holder, new: AccessPoint) -> None:
    """Make an access point with policies that are there; AccessObjectExists, AccessObjectNotFound."""
    if rows.access_point_of(tx, holder, new.name) is not None:
        raise AccessObjectExists(new.name)
    _require_policies(tx, holder, new)
    rows.add_access_point(tx, holder, new)


def access_point_named(tx: Transaction, holder: Holder, name: str) -> AccessPoint:
    """Give an access point; AccessObjectNotFound."""
    return _there(rows.access_point_of(tx, holder, name), name)


def access_points(tx: Transaction, holder: Holder, number: int, size: int) -> tuple[list[AccessPoint], int]:
    """Give one page of access points by name, and the number of all."""
    return rows.access_points(tx, holder, number, size)


def change_access_point(tx: Transaction, holder: Holder, changed: AccessPoint) -> None:
    """Keep other policies and another description: in force from this commit on."""
    _require_policies(tx, holder, changed)
    rows.store_access_point(tx, holder, changed)


def delete_access_point(tx: Transaction, holder: Holder, name: str) -> None:
    """Delete an access point with its client keys: they are refused from this commit on."""
    access_point_named(tx, holder, name)
    rows.delete_access_point(tx, holder, name)


def create_policy(tx: Transaction, holder: Holder, new: Policy) -> None:
    """Make a policy with network rules that are there; AccessObjectExists, AccessObjectNotFound."""
    if rows.policy_of(tx, holder, new.name) is not None:
        raise AccessObjectExists(new.name)
    _require_rules(tx, holder, new)
    rows.add_policy(tx, holder, new)


def policy_named(tx: Transaction, holder: Holder, name: str) -> Policy:
    """Give a policy; AccessObjectNotFound."""
    return _there(rows.policy_of(tx, holder, name), name)


def policies(tx: Transaction, holder: Holder, number: int, size: int) -> tuple[list[Policy], int]:
    """Give one page of policies by name, and the number of all."""
    return rows.policies(tx, holder, number, size)


def change_policy(tx: Transaction, holder: Holder, changed: Policy) -> None:
    """Keep what a policy now says: in force from this commit on."""
    _require_rules(tx, holder, changed)
    rows.store_policy(tx, holder, changed)


def delete_policy(tx: Transaction, holder: Holder, name: str) -> None:
    """Delete a policy; AccessObjectInUse while an access point has it."""
    policy_named(tx, holder, name)
    users = [each.name for each in rows.access_points(tx, holder)[0] if name in each.policies]
    if users:
        raise AccessObjectInUse(name, f"the access point {users[0]}")
    rows.delete_policy(tx, holder, name)


def create_network_rule(tx: Transaction, holder: Holder, new: NetworkRule) -> None:
    """Make a network rule; AccessObjectExists."""
    if rows.network_rule_of(tx, holder, new.name) is not None:
        raise AccessObjectExists(new.name)
    rows.add_network_rule(tx, holder, new)


def network_rule_named(tx: Transaction, holder: Holder, name: str) -> NetworkRule:
    """Give a network rule; AccessObjectNotFound."""
    return _there(rows.network_rule_of(tx, holder, name), name)


def network_rules(tx: Transaction, holder: Holder, number: int, size: int) -> tuple[list[NetworkRule], int]:
    """Give one page of network rules by name, and the number of all."""
    return rows.network_rules(tx, holder, number, size)


def change_network_rule(tx: Transaction, holder: Holder, changed: NetworkRule) -> None:
    """Keep other addresses and another description: in force from this commit on."""
    rows.store_network_rule(tx, holder, changed)


def delete_network_rule(tx: Transaction, holder: Holder, name: str) -> None:
    """Delete a network rule; AccessObjectInUse while a policy has it."""
    network_rule_named(tx, holder, name)
    users = [each.name for each in rows.policies(tx, holder)[0] if name in each.network_rules]
    if users:
        raise AccessObjectInUse(name, f"the policy {users[0]}")
    rows.delete_network_rule(tx, holder, name)


def create_client_key(
    tx: Transaction, keystore: KeyStore, now: datetime, holder: Holder, asked: AskedClientKey
) -> MintedClientKey:
    """Make a client key; what is kept is its certificate. Its owner is reminded of its end."""
    access_point_named(tx, holder, asked.access_point)
    if len(rows.client_keys(tx, holder, asked.access_point)) >= rules.CLIENT_KEYS_MAX:
        raise TooManyClientKeys(asked.access_point, rules.CLIENT_KEYS_MAX)
    client_key_id = ids.client_key_id()
    made = keystore.new_client_key(client_key_id, asked.password, (asked.not_before, asked.not_after))
    key = ClientKey(client_key_id, holder, asked.access_point, made.certificate.decode(), asked.not_before, asked.not_after, now)
    rows.add_client_key(tx, key)
    for due in rules.reminders(key, now):
        enqueue(tx, REMIND_CLIENT_KEY_JOB, client_key_id, holder.account_id, due)
    record_event(tx, "client_key_created", client_key_id, holder.account_id, now, access_point=asked.access_point)
    return MintedClientKey(key, made.pkcs12)


def client_key_named(tx: Transaction, holder: Holder, client_key_id: str) -> ClientKey:
    """Give the holder's client key; AccessObjectNotFound."""
    key = rows.client_key_of(tx, client_key_id) if rules.client_key_id_shaped(client_key_id) else None
    return _there(key if key is not None and key.holder == holder else None, client_key_id)


def client_keys(tx: Transaction, holder: Holder, name: str) -> list[ClientKey]:
    """Give the client keys of an access point, or of all without a name, oldest first."""
    return rows.client_keys(tx, holder, name)


def delete_client_key(tx: Transaction, now: datetime, holder: Holder, client_key_id: str) -> None:
    """Delete a client key: it is refused from this commit on."""
    client_key_named(tx, holder, client_key_id)
    rows.delete_client_key(tx, client_key_id)
    record_event(tx, "client_key_deleted", client_key_id, holder.account_id, now)


def ending_client_key(tx: Transaction, now: datetime, client_key_id: str) -> tuple[ClientKey, int] | None:
    """Give a client key whose end is to be told of at `now`, and how many days before it; None if there is nothing to tell."""
    key = rows.client_key_of(tx, client_key_id)
    days = None if key is None else rules.reminder_due(key, now)
    return None if key is None or days is None else (key, days)


def credential_of(warm: Warm, client_key_id: str, instant: Instant) -> Credential:
    """Give what the gate checks a client key's signature with, from the worker's cache where it is there.

    ClientKeyUnknown, ClientKeyNotValidNow (by wall time); `Cold` where a look-up may not block.
    """
    if not rules.client_key_id_shaped(client_key_id):
        raise ClientKeyUnknown(client_key_id)

    def load(tx: Transaction) -> Credential:
        key = rows.client_key_of(tx, client_key_id)
        if key is None:
            raise ClientKeyUnknown(client_key_id)
        public_key = load_pem_x509_certificate(key.certificate.encode()).public_key()
        return Credential(key, cast("RSAPublicKey", public_key))

    credential = warm.get(rows.CACHED_CLIENT_KEY, client_key_id, load)
    rules.valid_now(credential.key, instant.wall)
    return credential


def passport_of(warm: Warm, key: ClientKey, source: str) -> Passport:
    """Give what the client key's access point is granted, from the cache where it is there."""

    def load(tx: Transaction) -> tuple[Grant, ...]:
        found = rows.access_point_of(tx, key.holder, key.access_point)
        if found is None:
            raise ClientKeyUnknown(key.client_key_id)
        policies = [rows.policy_of(tx, key.holder, name) for name in found.policies]
        names = {name for policy in policies if policy is not None for name in policy.network_rules}
        named = {name: rule for name in names if (rule := rows.network_rule_of(tx, key.holder, name)) is not None}
        return tuple(rules.grant_of(policy, named) for policy in policies if policy is not None)

    return Passport(warm.get(rows.CACHED_GRANTS, rows.cache_key(key.holder, key.access_point), load), source)


def _require_policies(tx: Transaction, holder: Holder, point: AccessPoint) -> None:
    for name in point.policies:
        policy_named(tx, holder, name)


def _require_rules(tx: Transaction, holder: Holder, policy: Policy) -> None:
    for name in policy.network_rules:
        network_rule_named(tx, holder, name)


def _there(found: T | None, name: str) -> T:
    if found is None:
        raise AccessObjectNotFound(name)
    return found
