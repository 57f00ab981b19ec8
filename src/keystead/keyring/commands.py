"""What is done with keys. Who may and whether the instance stands is asked before, by the actions.

What a worker keeps warm, and what drops it:

    kms_key       a key's facts                   a change of the key
    key_version   a version's facts, sealed       the destruction of the key: else a version never changes
    key_alias     the key an alias names          a change of the alias
    instance_key  the instance's opened versions  the destruction of the instance's key, or of one of its keys

How keys are made, changed and destroyed is in `lifecycle.py`; how material comes from outside in `imports.py`.
"""

from __future__ import annotations

import binascii
from datetime import datetime

import msgspec

from keystead.access import policies
from keystead.access import rows as access_rows
from keystead.envelope import rules as envelope
from keystead.envelope.faults import CiphertextNotValid
from keystead.faults import NotFound
from keystead.hsm.port import KeyStore, NotAuthentic, VersionHandle, VersionIds
from keystead.keyring import rows, rules
from keystead.keyring.faults import AliasRefused, KeyNotFound
from keystead.keyring.model import Key, KeyVersion, Listing, Page, Selection, Versions
from keystead.labels import commands as labels
from keystead.labels.model import Alias, Home, Kind, Resource, Tagged, Wanted
from keystead.labels.rules import ALIAS_PREFIX
from keystead.networks import commands as networks
from keystead.networks import rules as network_rules
from keystead.store import Cold, Transaction, Warm


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Who asks for a key, where, and when (business time)."""

    account_id: str
    region: str
    now: datetime


class ReadyVersion(msgspec.Struct, frozen=True, gc=False):
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
    """Destroy the instance's key: every key version of the instance is noise from this commit on, and its aliases are free.

    Repeating it is harmless.
    """
    rows.intend_destruction(tx, instance_id, now)
    rows.destroy_instance_key(tx, instance_id, now)
    for alias in rows.aliases_of_instance(tx, instance_id):
        labels.delete_alias(tx, alias.home, alias.name)


def key_named(tx: Transaction, caller: Caller, reference: str) -> Key:
    """Give the account's key named by an id, an alias or the ARN of either; KeyNotFound or AliasNotFound."""
    key_id = rules.meant_by(reference, caller.account_id, caller.region)
    if key_id.startswith(ALIAS_PREFIX):
        key_id = labels.alias_named(tx, Home(caller.account_id, caller.region), key_id).key_id
    key = rows.key_of(tx, key_id)
    if key is None or not _is_for(tx, caller.account_id, key) or key.place.region != caller.region:
        raise KeyNotFound(reference)
    if rules.gone(key, caller.now):
        raise KeyNotFound(reference)
    return rules.as_of(key, caller.now)


def key_by_id(tx: Transaction, caller: Caller, reference: str) -> Key:
    """Give the key named by its id or ARN to an action that takes no alias (AliasRefused); docs/adr/0051 has which do."""
    if rules.names_alias(reference):
        raise AliasRefused(reference)
    return key_named(tx, caller, reference)


def known(tx: Transaction, key_id: str) -> Key | None:
    """Give a key, whoever's, to work that no caller asked for; None once it is destroyed."""
    return rows.key_of(tx, key_id)


def list_keys(tx: Transaction, selection: Selection, page: Page) -> Listing:
    """Give one page of an account's keys in a region, oldest first."""
    return rows.listing(tx, selection, page)


def list_versions(tx: Transaction, key_id: str, page: Page) -> Versions:
    """Give one page of a key's versions, oldest first."""
    return rows.versions_of(tx, key_id, page)


def version_named(tx: Transaction, key: Key, version_id: str) -> KeyVersion:
    """Give a version of the key; KeyNotFound for one of another key, as for none."""
    version = rows.version_of(tx, version_id) if version_id.isascii() and version_id.isprintable() else None
    if version is None or version.key_id != key.key_id:
        raise KeyNotFound(version_id)
    return version


def list_aliases(tx: Transaction, selection: Selection, page: Page, key_id: str = "") -> tuple[list[Alias], int]:
    """Give one page of the aliases of the selected keys, or of one of them, and their number."""
    return rows.aliases(tx, selection, page, key_id)


def tagged(tx: Transaction, selection: Selection, wanted: Wanted, after: tuple[str, str], limit: int) -> list[Tagged]:
    """Give tags of the selected keys by key id and tag key, `limit` at most, from behind `after`."""
    return rows.tagged(tx, selection, wanted, after, limit)


def policy_of(tx: Transaction, key: Key) -> str:
    """Give the key's policy: as it was set, or the default one."""
    return access_rows.policy_of(tx, key.key_id) or policies.default_document(key.place.account_id, policies.DEFAULT_KEY_SID)


def warm_tags(warm: Warm, key: Key) -> dict[str, str]:
    """Give a key's tags, without SQL when they are warm; `Cold`."""
    resource = Resource(Home(key.place.account_id, key.place.region), Kind.KEY, key.key_id)
    return warm.get(labels.TAGS, key.key_id, lambda tx: labels.tags_of(tx, resource))


def set_policy(tx: Transaction, now: datetime, key: Key, document: str) -> None:
    """Keep a policy that was checked."""
    access_rows.set_policy(tx, key.key_id, document, now)


def count_versions(tx: Transaction, instance_id: str) -> int:
    """Count the key versions of an instance, each of which takes one of its key quota."""
    return rows.count_versions(tx, instance_id)


def count_keys(tx: Transaction, caller: Caller, instance_id: str) -> int:
    """Count the keys the caller has in an instance, those that wait to be deleted too."""
    mine = Selection(caller.account_id, caller.region, frozenset({instance_id}), frozenset(), {}, caller.now)
    return rows.listing(tx, mine, Page(1, 1)).total


def usable_version(warm: Warm, keystore: KeyStore, account_id: str, region: str, reference: str) -> ReadyVersion:
    """Give the primary version of the key a caller names, without SQL when it is warm.

    KeyNotFound or AliasNotFound as for `key_named`; `Cold` where something must be read or opened and may not be.
    """
    key = _warm_key(warm, warm_key_id(warm, account_id, region, reference))
    if not _warm_for(warm, account_id, key) or key.place.region != region:
        raise KeyNotFound(reference)
    version_id = key.primary_version_id
    return ReadyVersion(key, version_id, _handle(warm, keystore, key, version_id))


def usable_versions(warm: Warm, keystore: KeyStore, caller: Caller, reference: str) -> list[ReadyVersion]:
    """Give all versions of a key that have material, the primary one first; as for `usable_version` otherwise."""
    primary = usable_version(warm, keystore, caller.account_id, caller.region, reference)
    key = primary.key

    def load(tx: Transaction) -> list[str]:
        return [version_id for version_id, sealed in rows.sealed_versions(tx, key.key_id) if sealed]

    # A new version is the primary one: under its id nothing is kept yet.
    others = warm.get("key_versions", primary.version_id, load)
    ready = (ReadyVersion(key, each, _handle(warm, keystore, key, each)) for each in others if each != primary.version_id)
    return [primary, *ready]


def warm_key_id(warm: Warm, account_id: str, region: str, reference: str) -> str:
    """Give the key id that a caller means, looking an alias up in the cache; KeyNotFound, AliasNotFound, `Cold`."""
    meant = rules.meant_by(reference, account_id, region)
    return labels.key_id_of_alias(warm, account_id, region, meant) if meant.startswith(ALIAS_PREFIX) else meant


def version_for_decrypt(warm: Warm, keystore: KeyStore, account_id: str | None, region: str, version_id: str) -> ReadyVersion:
    """Give the version that a ciphertext names; a foreign one is KeyNotFound exactly as an absent one is.

    None for `account_id` finds whoever's: for a cloud service, whose right to the key the action asks next.
    """
    key = _warm_key(warm, _warm_version(warm, version_id).key_id)
    if (account_id is not None and not _warm_for(warm, account_id, key)) or key.place.region != region:
        raise KeyNotFound(version_id)
    return ReadyVersion(key, version_id, _handle(warm, keystore, key, version_id))


def ready_version(warm: Warm, keystore: KeyStore, caller: Caller, reference: str, version_id: str) -> ReadyVersion:
    """Give a version that a caller names together with its key; KeyNotFound if it is not that key's."""
    key = _warm_key(warm, warm_key_id(warm, caller.account_id, caller.region, reference))
    if not _warm_for(warm, caller.account_id, key) or key.place.region != caller.region:
        raise KeyNotFound(reference)
    if not (version_id.isascii() and version_id.isprintable()) or _warm_version(warm, version_id).key_id != key.key_id:
        raise KeyNotFound(version_id)
    return ReadyVersion(key, version_id, _handle(warm, keystore, key, version_id))


def spec_named(warm: Warm, caller: Caller, reference: str) -> str:
    """Give the KeySpec of the caller's key of that name, to prepare for it; empty if there is none."""
    try:
        key = _warm_key(warm, warm_key_id(warm, caller.account_id, caller.region, reference))
    except NotFound:
        return ""
    mine = _warm_for(warm, caller.account_id, key) and key.place.region == caller.region
    return key.shape.spec.value if mine else ""


def leave_the_loop(warm: Warm, *, slow: bool) -> None:
    """Raise `Cold` for slow work on a thread that may not block: the call goes on in another one."""
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


def warm_key(warm: Warm, key_id: str) -> Key:
    """Give a key, whoever's, for what decides whether the caller may know of it; KeyNotFound, `Cold`."""
    return _warm_key(warm, key_id)


def warm_key_of(warm: Warm, version_id: str) -> Key:
    """As `warm_key`, by one of its versions."""
    return _warm_key(warm, _warm_version(warm, version_id).key_id)


def _is_for(tx: Transaction, account_id: str, key: Key) -> bool:
    """Whether a key is an account's own, or one of its instance in joint ownership."""
    place = key.place
    if place.account_id == account_id:
        return True
    return bool(place.instance_id) and network_rules.managed(networks.sharing_of(tx, place.instance_id), account_id)


def _warm_for(warm: Warm, account_id: str, key: Key) -> bool:
    place = key.place
    if place.account_id == account_id:
        return True
    return bool(place.instance_id) and networks.manages(warm, account_id, place.instance_id)


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
    instance_id = key.place.sealing_id

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
    if version.sealed is None:
        raise rules.without_material(key)
    ids = VersionIds(instance_id, key.key_id, version_id)
    handle = keystore.open_version(ring.sealed, version.sealed, ids, key.shape.spec.value)
    ring.handles[version_id] = handle
    return handle
