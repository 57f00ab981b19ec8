"""What is done with keys. Who may and whether the instance stands is asked before, by the actions.

What a worker keeps warm, and what drops it:

    kms_key       a key's facts                   a change of the key
    key_version   a version's facts, sealed       nothing: a version never changes
    instance_key  the instance's opened versions  the destruction of the instance's key
"""

from __future__ import annotations

import binascii
from datetime import datetime
from typing import NamedTuple

from keystead import ids
from keystead.envelope import rules as envelope
from keystead.envelope.faults import CiphertextNotValid
from keystead.hsm.port import KeyStore, NotAuthentic, VersionHandle, VersionIds
from keystead.keyring import rows, rules
from keystead.keyring.faults import AliasRefused, InstanceKeyDestroyed, KeyNotFound
from keystead.keyring.model import (
    Key,
    KeyState,
    KeyVersion,
    Listing,
    Operation,
    Page,
    Place,
    Selection,
    Shape,
)
from keystead.store import Cold, Transaction, Warm


class ReadyVersion(NamedTuple):
    """A version ready for use, and the key it is of. The state of the key is not judged yet."""

    key: Key
    version_id: str
    handle: VersionHandle


class _Ring:
    """The opened versions of one instance, dropped as one when its key is destroyed."""

    __slots__ = ("handles", "sealed")

    def __init__(self, sealed: bytes) -> None:
        """Start with the instance's sealed key and nothing opened."""
        self.sealed = sealed
        self.handles: dict[str, VersionHandle] = {}


def create_instance_key(tx: Transaction, keystore: KeyStore, now: datetime, instance_id: str) -> None:
    """Make the key under which all key versions of an instance are sealed; making it twice is making it once."""
    if not rows.has_instance_key(tx, instance_id):
        rows.add_instance_key(tx, instance_id, keystore.new_instance_key(instance_id), now)


def intend_destruction(tx: Transaction, now: datetime, instance_id: str) -> None:
    """Record that the instance's key will be destroyed, in a commit of its own, before what cannot be undone."""
    rows.intend_destruction(tx, instance_id, now)


def destroy_instance_key(tx: Transaction, now: datetime, instance_id: str) -> None:
    """Destroy the instance's key: every key version of the instance is noise from this commit on. Repeating it is harmless."""
    rows.intend_destruction(tx, instance_id, now)
    rows.destroy_instance_key(tx, instance_id, now)


def create_key(tx: Transaction, keystore: KeyStore, now: datetime, place: Place, shape: Shape) -> Key:
    """Make an Enabled key with its first version, and its instance's key if it is the instance's first.

    The instance's standing and quota are asked before, in the same transaction.
    """
    create_instance_key(tx, keystore, now, place.instance_id)
    sealed_instance_key = rows.sealed_instance_key(tx, place.instance_id)
    if sealed_instance_key is None:
        raise InstanceKeyDestroyed(place.instance_id)
    key_id = ids.key_id(place.region, now)
    version_id = ids.key_version_id(key_id)
    sealed = keystore.new_version(sealed_instance_key, VersionIds(place.instance_id, key_id, version_id), shape.spec.value)
    key = Key(key_id, place, shape, KeyState.ENABLED, version_id, now, now)
    rows.add_key(tx, key)
    rows.add_version(tx, KeyVersion(version_id, key_id, place.instance_id, sealed, now))
    return key


def key_named(tx: Transaction, account_id: str, region: str, reference: str) -> Key:
    """Give the account's key named by an id or ARN; KeyNotFound or AliasNotFound."""
    key = rows.key_of(tx, rules.key_id_of(reference, account_id, region))
    if key is None or key.place.account_id != account_id or key.place.region != region:
        raise KeyNotFound(reference)
    return key


def key_for_switch(tx: Transaction, account_id: str, region: str, reference: str) -> Key:
    """Give the key that EnableKey or DisableKey names; AliasRefused for an alias, which they do not take."""
    if rules.names_alias(reference):
        raise AliasRefused(reference)
    return key_named(tx, account_id, region, reference)


def switch(tx: Transaction, key: Key, to: KeyState, *, expired: bool) -> None:
    """Enable or disable a key; to do so twice is to do it once. KeyStateFixed or KeyUnavailable if its state forbids."""
    rules.usable(key, Operation.SWITCH, expired=expired)
    if key.state is not to:
        rows.set_state(tx, key.key_id, to)


def list_keys(tx: Transaction, selection: Selection, page: Page) -> Listing:
    """Give one page of an account's keys in a region, oldest first."""
    return rows.listing(tx, selection, page)


def count_versions(tx: Transaction, instance_id: str) -> int:
    """Count the key versions of an instance, each of which takes one of its key quota."""
    return rows.count_versions(tx, instance_id)


def usable_version(warm: Warm, keystore: KeyStore, account_id: str, region: str, reference: str) -> ReadyVersion:
    """Give the primary version of the key a caller names, without SQL when it is warm.

    KeyNotFound or AliasNotFound as for `key_named`; `Cold` where something must be read or opened and may not be.
    """
    key = _warm_key(warm, rules.key_id_of(reference, account_id, region))
    if key.place.account_id != account_id or key.place.region != region:
        raise KeyNotFound(reference)
    version_id = key.primary_version_id
    return ReadyVersion(key, version_id, _handle(warm, keystore, key, version_id))


def version_for_decrypt(warm: Warm, keystore: KeyStore, account_id: str, region: str, version_id: str) -> ReadyVersion:
    """Give the version that a ciphertext names; a foreign one is KeyNotFound exactly as an absent one is."""
    key = _warm_key(warm, _warm_version(warm, version_id).key_id)
    if key.place.account_id != account_id or key.place.region != region:
        raise KeyNotFound(version_id)
    return ReadyVersion(key, version_id, _handle(warm, keystore, key, version_id))


def version_named(warm: Warm, keystore: KeyStore, caller: tuple[str, str], reference: str, version_id: str) -> ReadyVersion:
    """Give a version that a caller (account, region) names together with its key; KeyNotFound if it is not that key's."""
    account_id, region = caller
    key = _warm_key(warm, rules.key_id_of(reference, account_id, region))
    if key.place.account_id != account_id or key.place.region != region:
        raise KeyNotFound(reference)
    if _warm_version(warm, version_id).key_id != key.key_id:
        raise KeyNotFound(version_id)
    return ReadyVersion(key, version_id, _handle(warm, keystore, key, version_id))


def leave_the_loop(warm: Warm, *, slow: bool) -> None:
    """Raise `Cold` for slow work on a thread that may not block: the call is run again in the thread pool."""
    if slow and warm.inline:
        raise Cold


def seal(ready: ReadyVersion, plaintext: bytes, associated_data: bytes) -> str:
    """Seal a caller's bytes; gives the CiphertextBlob, base64."""
    blob = envelope.pack(ready.version_id, ready.handle.seal(plaintext, associated_data))
    return binascii.b2a_base64(blob, newline=False).decode("ascii")


def blob_of(text: str) -> envelope.Unpacked:
    """Read a CiphertextBlob; CiphertextNotValid unless it is base64 of a ciphertext's layout."""
    try:
        blob = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise CiphertextNotValid from None
    return envelope.unpack(blob)


def open_sealed(ready: ReadyVersion, sealed: bytes, associated_data: bytes) -> bytes:
    """Give back what `seal` was given; CiphertextNotValid if anything was changed or the context is another."""
    try:
        return ready.handle.open(sealed, associated_data)
    except NotAuthentic:
        raise CiphertextNotValid from None


def _warm_key(warm: Warm, key_id: str) -> Key:
    def load(tx: Transaction) -> Key:
        key = rows.key_of(tx, key_id)
        if key is None:
            raise KeyNotFound(key_id)
        return key

    return warm.get(rows.CACHED_KEY, key_id, load)


def _warm_version(warm: Warm, version_id: str) -> KeyVersion:
    def load(tx: Transaction) -> KeyVersion:
        version = rows.version_of(tx, version_id)
        if version is None:
            raise KeyNotFound(version_id)
        return version

    return warm.get(rows.CACHED_VERSION, version_id, load)


def _handle(warm: Warm, keystore: KeyStore, key: Key, version_id: str) -> VersionHandle:
    instance_id = key.place.instance_id

    def load(tx: Transaction) -> _Ring:
        sealed = rows.sealed_instance_key(tx, instance_id)
        if sealed is None:
            raise KeyNotFound(key.key_id)
        return _Ring(sealed)

    ring = warm.get(rows.CACHED_INSTANCE_KEY, instance_id, load)
    handle = ring.handles.get(version_id)
    if handle is not None:
        return handle
    if warm.inline:
        raise Cold  # a key store may take its time to open a version
    version = _warm_version(warm, version_id)
    handle = keystore.open_version(
        ring.sealed, version.sealed, VersionIds(instance_id, key.key_id, version_id), key.shape.spec.value
    )
    ring.handles[version_id] = handle
    return handle
