"""Material that comes from outside, goes and comes back (Import key material page, read 2026-11-22).

Who may, whether the key's origin and state allow it and whether the instance stands is asked before, by the actions.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from keystead.clock import Instant, from_ms, iso_z, to_ms
from keystead.hsm.port import ImportOffer, ImportWay, KeyStore, VersionIds
from keystead.keyring import rows
from keystead.keyring.faults import ImportTokenExpired, KeyNotFound, OtherMaterial
from keystead.keyring.lifecycle import sealed_instance_key
from keystead.keyring.model import Key, KeyState, KeyVersion
from keystead.store import Transaction
from keystead.store.events import record_event
from keystead.store.jobs import ask_again

EXPIRE_JOB: Final = "expire_material"
TOKEN_LIFE: Final = timedelta(hours=24)
"""Of wall time, like all that a client holds in its hands; material expires by business time."""


class Parcel(msgspec.Struct, frozen=True):
    """Wrapped material, the token that goes with it, and when the material expires (business time); None: never."""

    token: bytes
    wrapped: bytes
    expires_at: datetime | None

    def __repr__(self) -> str:
        return "Parcel()"


def offer(tx: Transaction, keystore: KeyStore, key: Key, way: tuple[str, str], until: datetime) -> ImportOffer:
    """Make what material is wrapped with, `way` by WrappingKeySpec and WrappingAlgorithm; good before `until`, wall time."""
    return keystore.offer_import(sealed_instance_key(tx, key), _ids(key), ImportWay(*way, to_ms(until)))


def import_material(tx: Transaction, keystore: KeyStore, at: Instant, key: Key, parcel: Parcel) -> Key:
    """Give a key its material: Enabled if it had none, as it was if it had the same.

    ImportTokenNotValid, ImportTokenExpired, MaterialRefused, OtherMaterial, the first that applies.
    """
    instance_key, version = sealed_instance_key(tx, key), _version(tx, key)
    if from_ms(keystore.import_way(instance_key, _ids(key), parcel.token).until_ms) <= at.wall:
        raise ImportTokenExpired
    imported = keystore.import_version(instance_key, _ids(key), key.shape.spec.value, parcel.token, parcel.wrapped)
    if version.mark not in {None, imported.mark}:
        raise OtherMaterial
    rows.store_material(tx, msgspec.structs.replace(version, sealed=imported.sealed, mark=imported.mark))
    state = KeyState.ENABLED if key.state is KeyState.PENDING_IMPORT else key.state
    changed = msgspec.structs.replace(key, state=state, material_expires_at=parcel.expires_at)
    rows.store_key(tx, changed)
    told = "" if parcel.expires_at is None else iso_z(parcel.expires_at)
    if parcel.expires_at is not None:
        ask_again(tx, EXPIRE_JOB, key.key_id, key.place.account_id, parcel.expires_at)
    record_event(tx, "key_material_imported", key.key_id, key.place.account_id, at.now, expires_at=told)
    return changed


def delete_material(tx: Transaction, now: datetime, key: Key) -> None:
    """Delete a key's imported material: PendingImport, or PendingDeletion still; nothing if there is none."""
    if _forget(tx, key):
        record_event(tx, "key_material_deleted", key.key_id, key.place.account_id, now)


def expire_material(tx: Transaction, now: datetime, key_id: str) -> None:
    """Delete material that has expired; nothing if it was imported again to last longer, or is gone."""
    key = rows.key_of(tx, key_id)
    if key is None or key.material_expires_at is None or key.material_expires_at > now:
        return
    if _forget(tx, key):
        record_event(tx, "key_material_expired", key_id, key.place.account_id, now)


def _forget(tx: Transaction, key: Key) -> bool:
    version = _version(tx, key)
    if version.sealed is None:
        return False
    rows.store_material(tx, msgspec.structs.replace(version, sealed=None))
    state = key.state if key.state is KeyState.PENDING_DELETION else KeyState.PENDING_IMPORT
    rows.store_key(tx, msgspec.structs.replace(key, state=state, material_expires_at=None))
    return True


def _version(tx: Transaction, key: Key) -> KeyVersion:
    version = rows.version_of(tx, key.primary_version_id)
    if version is None:
        raise KeyNotFound(key.key_id)
    return version


def _ids(key: Key) -> VersionIds:
    return VersionIds(key.place.sealing_id, key.key_id, key.primary_version_id)
