"""Accounts and access keys, on both databases."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from keystead.access import commands as access
from keystead.access import rows
from keystead.access.faults import (
    AccessKeyInactive,
    AccessKeyNotFound,
    AccountExists,
    AccountNameInvalid,
    AccountUnknown,
)
from keystead.access.model import Credential, KeyStatus, MintedKey
from keystead.hsm.software import SoftwareKeyStore, open_root_key
from keystead.store import Cold, Store, Warm, open_store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Room:
    """A store, a key store and two workers' caches."""

    store: Store
    keystore: SoftwareKeyStore
    warm: Warm
    other: Warm

    def account(self, name: str = "tenant") -> str:
        """Make an account; gives its id."""
        with self.store.write() as tx:
            return access.create_account(tx, NOW, name).account_id

    def key(self, account_id: str) -> MintedKey:
        """Make an access key."""
        with self.store.write() as tx:
            return access.create_access_key(tx, self.keystore, NOW, account_id)


@pytest.fixture
def room(database_url: str, tmp_path: Path) -> Iterator[Room]:
    """A room on each database."""
    store = open_store(database_url)
    made = Room(store, SoftwareKeyStore(open_root_key(tmp_path / "root.key")), Warm(store), Warm(store))
    yield made
    made.warm.close()
    made.other.close()
    store.close()


def test_ids_have_the_clouds_shape(room: Room) -> None:
    """16 digits not beginning with 0; LTAI5t and 18 letters and digits; a secret of 30."""
    account_id = room.account()
    assert re.fullmatch(r"[1-9][0-9]{15}", account_id)
    minted = room.key(account_id)
    assert re.fullmatch(r"LTAI5t[A-Za-z0-9]{18}", minted.access_key_id)
    assert re.fullmatch(r"[A-Za-z0-9]{30}", minted.secret)


def test_an_account_is_found_by_name_or_id(room: Room) -> None:
    """The operator's tools take either; nothing else is found."""
    account_id = room.account("acme")
    with room.store.read() as tx:
        assert access.account_named(tx, "acme").account_id == account_id
        assert access.account_named(tx, account_id).name == "acme"
        with pytest.raises(AccountUnknown):
            access.account_named(tx, "acm")


def test_a_name_is_taken_once(room: Room) -> None:
    """A second account of the same name, and a name no command line could carry, are refused."""
    room.account("acme")
    with pytest.raises(AccountExists):
        room.account("acme")
    for name in ("", "a b", "a/b", "x" * 65):
        with pytest.raises(AccountNameInvalid):
            room.account(name)


def test_a_credential_opens_to_the_secret_that_was_shown(room: Room) -> None:
    """The gate gets back the very secret; the database never held it in clear."""
    account_id = room.account()
    minted = room.key(account_id)
    credential = access.credential_of(room.warm, room.keystore, minted.access_key_id)
    assert credential == Credential(minted.access_key_id, account_id, minted.secret, KeyStatus.ACTIVE)
    with room.store.read() as tx:
        stored = tx.execute(text("SELECT sealed_secret FROM access_key")).scalar_one()
    assert minted.secret.encode() not in bytes(stored)


def test_a_secret_has_no_printable_form(room: Room) -> None:
    """A repr ends up in logs: it names the key and no more."""
    minted = room.key(room.account())
    credential = access.credential_of(room.warm, room.keystore, minted.access_key_id)
    assert minted.secret not in repr(minted) + repr(credential) + str(minted) + str(credential)


def test_a_disabled_key_is_refused_by_every_worker_at_its_next_request(room: Room) -> None:
    """Two workers have the key warm; one commit disables it; both refuse it once they have looked at the change log."""
    minted = room.key(room.account())
    for warm in (room.warm, room.other):
        access.credential_of(warm, room.keystore, minted.access_key_id)
    with room.store.write() as tx:
        assert access.disable_access_key(tx, minted.access_key_id).status is KeyStatus.INACTIVE
    for warm in (room.warm, room.other):
        warm.refresh()
        with pytest.raises(AccessKeyInactive):
            access.credential_of(warm, room.keystore, minted.access_key_id)


def test_a_warm_credential_is_read_without_the_database(room: Room) -> None:
    """On the event loop a cold key is `Cold`; once warm it is served there."""
    minted = room.key(room.account())
    room.warm.forbid_blocking_here()
    with pytest.raises(Cold):
        access.credential_of(room.warm, room.keystore, minted.access_key_id)


def test_an_unknown_key_is_not_remembered(room: Room) -> None:
    """Absence is asked for anew each time: a key made a moment later works at once."""
    for _ in range(2):
        with pytest.raises(AccessKeyNotFound):
            access.credential_of(room.warm, room.keystore, "LTAI5tdoesnotexist000000")
    with room.store.write() as tx, pytest.raises(AccessKeyNotFound):
        access.disable_access_key(tx, "LTAI5tdoesnotexist000000")


def test_keys_are_listed_without_secrets(room: Room) -> None:
    """Each account sees its own, with status."""
    mine, other = room.account("mine"), room.account("other")
    first, second = room.key(mine), room.key(mine)
    room.key(other)
    with room.store.write() as tx:
        access.disable_access_key(tx, first.access_key_id)
    with room.store.read() as tx:
        found = {key.access_key_id: key.status for key in access.access_keys(tx, mine)}
        assert [account.name for account in access.accounts(tx)] in (["mine", "other"], ["other", "mine"])
    assert found == {first.access_key_id: KeyStatus.INACTIVE, second.access_key_id: KeyStatus.ACTIVE}


def test_only_an_existing_account_can_be_locked(room: Room) -> None:
    """A writing transaction of nobody is refused at its first act."""
    with room.store.write() as tx:
        rows.lock_account(tx, room_account := access.create_account(tx, NOW, "late").account_id)
        assert room_account
    with room.store.write() as tx, pytest.raises(AccountUnknown):
        rows.lock_account(tx, "1000000000000000")
