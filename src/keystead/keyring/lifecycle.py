"""How keys come, change and go. Who may, whether the instance stands and whether there is room is asked before, by the callers.

A key whose deletion window is over is gone at that instant (`rules.gone`). What is left is carried out by two jobs: one records
the intent in a commit of its own, the next destroys the material and leaves the proof of it, an event.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

import msgspec

from keystead import ids
from keystead.clock import iso_z
from keystead.hsm.port import KeyStore, VersionIds
from keystead.keyring import rows, rules
from keystead.keyring.commands import create_instance_key
from keystead.keyring.faults import InstanceKeyDestroyed
from keystead.keyring.model import Key, KeyState, KeyVersion, Operation, Origin, Place, Rotation, Shape
from keystead.labels import commands as labels
from keystead.labels.model import Home, Kind, Resource
from keystead.store import Transaction
from keystead.store.events import record_event
from keystead.store.jobs import ask_again, enqueue

DELETE_JOB: Final = "delete_key"
DESTROY_JOB: Final = "destroy_key"
ROTATE_JOB: Final = "rotate_key"
RESUME_JOB: Final = "resume_rotations"
QUOTA_RETRY: Final = timedelta(days=1)


def create_key(tx: Transaction, keystore: KeyStore, now: datetime, place: Place, shape: Shape) -> Key:
    """Make a key with its first version, and its instance's key if it is the instance's first.

    Enabled; PendingImport, with a version that has no material yet, if it comes from outside (Origin EXTERNAL). The instance's
    standing and quota are asked before, in the same transaction.
    """
    sealed_by = rows.sealed_instance_key(tx, place.sealing_id)
    if sealed_by is None:
        create_instance_key(tx, keystore, now, place.sealing_id)
    key_id = ids.key_id(place.region, now) if place.instance_id else ids.default_key_id()
    version_id = ids.key_version_id(key_id)
    external = shape.origin is Origin.EXTERNAL
    key = Key(key_id, place, shape, KeyState.PENDING_IMPORT if external else KeyState.ENABLED, version_id, now, now)
    sealed = None if external else _new_material(keystore, key, version_id, sealed_by or sealed_instance_key(tx, key))
    rows.add_key(tx, key)
    rows.add_version(tx, KeyVersion(version_id, key_id, place.sealing_id, sealed, now))
    return key


def resource_of(key: Key) -> Resource:
    """Give the key as something that bears tags."""
    return Resource(Home(key.place.account_id, key.place.region), Kind.KEY, key.key_id)


def switch(tx: Transaction, now: datetime, key: Key, to: KeyState, *, expired: bool) -> None:
    """Enable or disable a key; to do so twice is to do it once. KeyStateFixed or KeyUnavailable if its state forbids.

    A rotation that fell due while the key was Disabled runs at once when it is enabled.
    """
    rules.usable(key, Operation.SWITCH, now, expired=expired)
    if key.state is not to:
        changed = msgspec.structs.replace(key, state=to)
        rows.store_key(tx, changed)
        _plan_rotation(tx, now, changed)


def describe(tx: Transaction, key: Key, description: str) -> None:
    """Give a key another description."""
    rows.store_key(tx, msgspec.structs.replace(key, shape=msgspec.structs.replace(key.shape, description=description)))


def protect(tx: Transaction, now: datetime, key: Key, because: str, *, protected: bool) -> None:
    """Protect a key from deletion, saying why, or no longer."""
    because = because if protected else ""
    rows.store_key(tx, msgspec.structs.replace(key, deletion_protected=protected, protected_because=because))
    status = "Enabled" if protected else "Disabled"
    record_event(tx, "key_protection_set", key.key_id, key.place.account_id, now, status=status)


def schedule_deletion(tx: Transaction, now: datetime, key: Key, window: timedelta) -> Key:
    """Have a key be gone after `window`; until then it is kept, and refused. DeletionProtected if it is protected."""
    rules.deletable(key)
    changed = msgspec.structs.replace(key, state=KeyState.PENDING_DELETION, delete_at=now + window)
    rows.store_key(tx, changed)
    enqueue(tx, DELETE_JOB, key.key_id, key.place.account_id, now + window)
    account_id = key.place.account_id
    record_event(tx, "key_deletion_scheduled", key.key_id, account_id, now, delete_at=iso_z(now + window))
    return changed


def cancel_deletion(tx: Transaction, now: datetime, key: Key) -> Key:
    """Keep a key after all: it is Enabled, or PendingImport if it has no material to use."""
    version = rows.version_of(tx, key.primary_version_id)
    has_material = version is not None and version.sealed is not None
    state = rules.state_after_cancelling(key, has_material=has_material)
    changed = msgspec.structs.replace(key, state=state, delete_at=None)
    rows.store_key(tx, changed)
    _plan_rotation(tx, now, changed)
    record_event(tx, "key_deletion_cancelled", key.key_id, key.place.account_id, now)
    return changed


def delete_key(tx: Transaction, now: datetime, key_id: str) -> None:
    """Record that a key whose deletion window is over is to be destroyed; nothing if its deletion was cancelled."""
    key = rows.key_of(tx, key_id)
    if key is None or not rules.gone(key, now):
        return
    if rows.intend_key_destruction(tx, key_id, now):
        record_event(tx, "key_destruction_intended", key_id, key.place.account_id, now)
    enqueue(tx, DESTROY_JOB, key_id, key.place.account_id, now)


def destroy_key(tx: Transaction, now: datetime, key_id: str) -> None:
    """Destroy the material of a key that is to be destroyed, and leave proof of what it was; its names are free again."""
    key = rows.key_of(tx, key_id)
    if key is None or not rules.gone(key, now):
        return
    versions = rows.sealed_versions(tx, key_id)
    digest = hashlib.sha256(b"".join(version_id.encode() + sealed for version_id, sealed in versions)).hexdigest()
    labels.forget(tx, resource_of(key))
    rows.destroy_key(tx, key, now)
    account_id = key.place.account_id
    record_event(tx, "key_destroyed", key_id, account_id, now, versions=str(len(versions)), sealed_sha256=digest)


def add_version(tx: Transaction, keystore: KeyStore, now: datetime, key: Key) -> KeyVersion:
    """Add a version that is the key's primary one from this commit on; quota and rules are asked before."""
    version_id = ids.key_version_id(key.key_id)
    sealed = _new_material(keystore, key, version_id, sealed_instance_key(tx, key))
    version = KeyVersion(version_id, key.key_id, key.place.sealing_id, sealed, now)
    rows.add_version(tx, version)
    changed = msgspec.structs.replace(key, primary_version_id=version_id, last_rotation_at=now)
    rows.store_key(tx, changed)
    _plan_rotation(tx, now, changed)
    return version


def set_rotation(tx: Transaction, now: datetime, key: Key, rotation: Rotation) -> Key:
    """Keep a wish for rotation; one that should have happened by now happens at once."""
    changed = msgspec.structs.replace(key, rotation=rotation)
    rows.store_key(tx, changed)
    _plan_rotation(tx, now, changed)
    return changed


def due_for_rotation(tx: Transaction, now: datetime, key_id: str) -> Key | None:
    """Give the key if it is to be rotated now; None if it no longer wishes so, cannot be used, or was rotated meanwhile."""
    key = rows.key_of(tx, key_id)
    if key is None or key.state is not KeyState.ENABLED:
        return None
    due = rules.next_rotation_at(key)
    return key if due is not None and due <= now else None


def rotate(tx: Transaction, keystore: KeyStore, now: datetime, key: Key) -> None:
    """Add a version because it was time to."""
    version = add_version(tx, keystore, now, key)
    record_event(tx, "key_rotated", key.key_id, key.place.account_id, now, version_id=version.version_id)


def postpone_rotation(tx: Transaction, now: datetime, key: Key, why: str) -> None:
    """Say that a rotation could not be, and try again tomorrow: the key goes on with its last version (docs/adr/0053)."""
    record_event(tx, "key_rotation_refused", key.key_id, key.place.account_id, now, why=why)
    enqueue(tx, ROTATE_JOB, key.key_id, key.place.account_id, now + QUOTA_RETRY)


def resume_rotations(tx: Transaction, now: datetime, instance_id: str) -> None:
    """Ask anew for the rotations of an instance's keys, when it was renewed or has more room; what is overdue runs at once."""
    for key in rows.rotating_keys(tx, instance_id):
        _plan_rotation(tx, now, key)


def _plan_rotation(tx: Transaction, now: datetime, key: Key) -> None:
    due = rules.next_rotation_at(key)
    if due is not None and key.state is KeyState.ENABLED:
        ask_again(tx, ROTATE_JOB, key.key_id, key.place.account_id, max(due, now))


def sealed_instance_key(tx: Transaction, key: Key) -> bytes:
    """Give the key under which the key's versions are sealed: the instance's, or the account's for its default keys."""
    sealed = rows.sealed_instance_key(tx, key.place.sealing_id)
    if sealed is None:
        raise InstanceKeyDestroyed(key.place.sealing_id)
    return sealed


def _new_material(keystore: KeyStore, key: Key, version_id: str, sealed_by: bytes) -> bytes:
    """Have the key store make a version of the key's kind, sealed under the (itself sealed) key of the instance."""
    ids_of_version = VersionIds(key.place.sealing_id, key.key_id, version_id)
    return keystore.new_version(sealed_by, ids_of_version, key.shape.spec.value)
