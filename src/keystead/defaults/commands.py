"""How default keys come to be. The account's lock is held: two callers cannot both make one."""

from __future__ import annotations

from datetime import datetime

from keystead.defaults import rows, rules
from keystead.defaults.faults import DefaultKeyThere
from keystead.faults import NotFound
from keystead.hsm.port import KeyStore
from keystead.keyring import commands as keyring
from keystead.keyring import lifecycle
from keystead.keyring.commands import Caller
from keystead.keyring.model import Key, Place, Shape
from keystead.labels import commands as labels
from keystead.labels.model import Home
from keystead.store import Transaction
from keystead.store.events import record_event


def create_default_key(tx: Transaction, keystore: KeyStore, now: datetime, home: Home, shape: Shape) -> Key:
    """Make the account's default key in the region; DefaultKeyThere if it has one, PendingDeletion or not."""
    there = rows.key_id_of(tx, home)
    if there is not None:
        try:
            raise DefaultKeyThere(keyring.key_named(tx, Caller(home.account_id, home.region, now), there).key_id)
        except NotFound:
            rows.forget(tx, there)  # its deletion window is over
    key = lifecycle.create_key(tx, keystore, now, Place(home.account_id, home.region, "", home.account_id), shape)
    rows.add(tx, home, key.key_id)
    return key


def ensure_service_key(tx: Transaction, keystore: KeyStore, now: datetime, home: Home, service: str) -> None:
    """Make a service's key for an account's data in a region, under its reserved name, unless it is there."""
    if rows.key_id_of(tx, home, service) is not None:
        return
    place = Place(home.account_id, home.region, "", rules.code_of(service))
    key = lifecycle.create_key(tx, keystore, now, place, rules.SERVICE_SHAPE)
    rows.add(tx, home, key.key_id, service)
    labels.create_alias(tx, now, home, rules.alias_of(service), key.key_id)
    record_event(tx, "service_key_created", key.key_id, home.account_id, now, service=service)
