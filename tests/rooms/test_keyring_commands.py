"""The keyring on both databases: making, finding, switching, listing, sealing, and what destroying an instance's key means."""

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from keystead.access import rows as access_rows
from keystead.access.model import Account
from keystead.envelope.faults import CiphertextNotValid
from keystead.envelope.rules import associated_data
from keystead.hsm.port import SealBroken
from keystead.hsm.software import SoftwareKeyStore, open_root_key
from keystead.keyring import commands as keyring
from keystead.keyring import lifecycle, rows
from keystead.keyring.faults import (
    AliasRefused,
    InstanceKeyDestroyed,
    KeyNotFound,
    KeyStateFixed,
    KeyUnavailable,
)
from keystead.keyring.model import Key, KeyState, Page, Place, Selection
from keystead.keyring.rules import AskedShape, filters_of, shape_of
from keystead.store import Cold, Store, Warm, open_store
from keystead.store.changes import LEASE_SECONDS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REGION = "ap-southeast-1"
MINE, OTHER = "1000000000000001", "1000000000000002"
INSTANCE, SECOND, FOREIGN = "kst-asz6955b9000000000001", "kst-asz6955b9000000000002", "kst-asz6955b9000000000003"
ME = keyring.Caller(MINE, REGION, NOW)
SHAPE = shape_of(AskedShape())


@dataclass
class Room:
    """A store with two accounts and three instances' keys, and what a worker holds open."""

    store: Store
    warm: Warm
    keystore: SoftwareKeyStore

    def make(self, instance_id: str = INSTANCE, account_id: str = MINE, region: str = REGION, now: datetime = NOW) -> Key:
        """Make a key."""
        with self.store.write() as tx:
            return lifecycle.create_key(tx, self.keystore, now, Place(account_id, region, instance_id, account_id), SHAPE)

    def ready(self, reference: str, account_id: str = MINE, region: str = REGION) -> keyring.ReadyVersion:
        """Ask for a key to encrypt with, as a worker would after another's commit."""
        self.warm.check()
        return keyring.usable_version(self.warm, self.keystore, account_id, region, reference)

    def listed(self, text: str = "", page: Page | None = None, *, expired: frozenset[str] = frozenset()) -> list[str]:
        """List my keys in my two instances."""
        selection = Selection(MINE, REGION, frozenset({INSTANCE, SECOND}), expired, filters_of(text), NOW)
        with self.store.read() as tx:
            return [key.key_id for key in keyring.list_keys(tx, selection, page or Page(1, 100)).keys]


@pytest.fixture
def room(database_url: str, tmp_path: Path) -> Iterator[Room]:
    """A room on each database."""
    store = open_store(database_url)
    made = Room(store, Warm(store), SoftwareKeyStore(open_root_key(tmp_path / "root.key")))
    with store.write() as tx:
        for account_id, name in ((MINE, "mine"), (OTHER, "other")):
            access_rows.add_account(tx, Account(account_id, name, "", NOW))
        for instance_id in (INSTANCE, FOREIGN):  # SECOND's is made with its first key
            keyring.create_instance_key(tx, made.keystore, NOW, instance_id)
    yield made
    made.warm.close()
    store.close()


def test_new_key(room: Room) -> None:
    """A new key is Enabled with one version, which is its primary; its last rotation is its making (CreateKey page)."""
    key = room.make()
    assert key.state is KeyState.ENABLED
    assert len(key.key_id) == 25
    assert len(key.primary_version_id) == 36
    assert key.created_at == key.last_rotation_at == NOW
    assert key.arn == f"acs:kms:{REGION}:{MINE}:key/{key.key_id}"
    with room.store.read() as tx:
        assert keyring.key_named(tx, ME, key.key_id) == key
        assert keyring.key_named(tx, ME, key.arn) == key


def test_what_is_not_mine_is_not_there(room: Room) -> None:
    """An unknown key, another account's and another region's answer the very same thing."""
    foreign, elsewhere = room.make(FOREIGN, OTHER), room.make(region="eu-central-1")
    with room.store.read() as tx:
        for reference in ("key-unknown", foreign.key_id, foreign.arn, elsewhere.key_id, elsewhere.arn):
            with pytest.raises(KeyNotFound, match=r"^The specified Key is not found\.$"):
                keyring.key_named(tx, ME, reference)
            with pytest.raises(KeyNotFound):
                room.ready(reference)
    for version_id in ("x" * 36, foreign.primary_version_id, elsewhere.primary_version_id):
        with pytest.raises(KeyNotFound, match=r"^The specified Key is not found\.$"):
            keyring.version_for_decrypt(room.warm, room.keystore, MINE, REGION, version_id)


def test_every_version_takes_one_of_its_instance(room: Room) -> None:
    """Counted by instance, whatever the state of the key."""
    keys = [room.make(), room.make(), room.make(SECOND)]
    with room.store.write() as tx:
        lifecycle.switch(tx, NOW, keys[0], KeyState.DISABLED, expired=False)
    with room.store.read() as tx:
        assert [keyring.count_versions(tx, instance) for instance in (INSTANCE, SECOND, FOREIGN)] == [2, 1, 0]


def test_seal_and_open(room: Room) -> None:
    """The blob is base64 of version id, IV, ciphertext and tag; opening needs the same context, in any order."""
    key = room.make()
    ready = room.ready(key.key_id)
    text = keyring.seal(ready, b"aGVsbG8=", associated_data({"a": "b", "x": "y"}))
    blob = base64.b64decode(text)
    assert blob[:36].decode() == key.primary_version_id
    assert len(blob) == 36 + 12 + 8 + 16

    unpacked = keyring.blob_of(text)
    found = keyring.version_for_decrypt(room.warm, room.keystore, MINE, REGION, unpacked.version_id)
    assert found.key == key
    sealed = unpacked.iv_and_ciphertext
    assert keyring.open_sealed(found, sealed, associated_data({"x": "y", "a": "b"})) == b"aGVsbG8="
    for wrong in (None, {"a": "b"}, {"a": "B", "x": "y"}):
        with pytest.raises(CiphertextNotValid):
            keyring.open_sealed(found, sealed, associated_data(wrong))


def test_another_keys_version_id_does_not_open(room: Room) -> None:
    """A ciphertext whose header is replaced by another version's id is refused like any changed one."""
    first, second = room.make(), room.make()
    text = keyring.seal(room.ready(first.key_id), b"aGVsbG8=", b"")
    moved = second.primary_version_id.encode() + base64.b64decode(text)[36:]
    unpacked = keyring.blob_of(base64.b64encode(moved).decode())
    found = keyring.version_for_decrypt(room.warm, room.keystore, MINE, REGION, unpacked.version_id)
    with pytest.raises(CiphertextNotValid):
        keyring.open_sealed(found, unpacked.iv_and_ciphertext, b"")


@pytest.mark.parametrize("text", ["", "%%%", "aGVsbG8", "aGVsbG8=", "\u00e9", "A" * 10_000 + "\n"])
def test_text_that_is_no_blob(text: str) -> None:
    """Not base64, or too short: the one refusal of ciphertexts."""
    with pytest.raises(CiphertextNotValid):
        keyring.blob_of(text)


def test_switching_is_idempotent_and_seen_by_workers(room: Room) -> None:
    """Disable twice is disable once; each switch reaches a worker that had the key warm."""
    key = room.make()
    assert room.ready(key.key_id).key.state is KeyState.ENABLED
    for to in (KeyState.DISABLED, KeyState.DISABLED, KeyState.ENABLED, KeyState.ENABLED):
        with room.store.write() as tx:
            found = keyring.key_by_id(tx, ME, key.key_id)
            lifecycle.switch(tx, NOW, found, to, expired=False)
        _wait_for_change(room)
        assert room.ready(key.key_id).key.state is to


def test_switching_needs_an_id_and_a_state_that_moves(room: Room) -> None:
    """An alias has its own refusal; PendingDeletion is fixed; in an expired instance nothing is switched."""
    key = room.make()
    with room.store.write() as tx:
        with pytest.raises(AliasRefused):
            keyring.key_by_id(tx, ME, "alias/mine")
        with pytest.raises(KeyUnavailable):
            lifecycle.switch(tx, NOW, key, KeyState.DISABLED, expired=True)
        rows.store_key(tx, msgspec.structs.replace(key, state=KeyState.PENDING_DELETION))
        with pytest.raises(KeyStateFixed):
            lifecycle.switch(tx, NOW, keyring.key_named(tx, ME, key.key_id), KeyState.ENABLED, expired=False)


def test_listing_pages_oldest_first(room: Room) -> None:
    """Pages follow one another without gap or repeat; the total is the whole; foreign and other regions' keys are not in it."""
    made = [room.make(now=NOW + timedelta(seconds=second)).key_id for second in range(5)]
    room.make(FOREIGN, OTHER)
    room.make(region="eu-central-1")
    assert room.listed() == made
    assert [room.listed(page=Page(number, 2)) for number in (1, 2, 3, 4)] == [made[:2], made[2:4], made[4:], []]
    selection = Selection(MINE, REGION, frozenset({INSTANCE}), frozenset(), {}, NOW)
    with room.store.read() as tx:
        assert keyring.list_keys(tx, selection, Page(4, 2)).total == 5
        nowhere = Selection(MINE, REGION, frozenset(), frozenset(), {}, NOW)
        assert keyring.list_keys(tx, nowhere, Page(1, 10)).total == 0


def test_filters(room: Room) -> None:
    """AND between keys, OR within one; what no key has matches nothing."""
    enabled, disabled, second = (
        room.make(now=NOW).key_id,
        room.make(now=NOW + timedelta(seconds=1)),
        room.make(SECOND, now=NOW + timedelta(seconds=2)).key_id,
    )
    with room.store.write() as tx:
        lifecycle.switch(tx, NOW, disabled, KeyState.DISABLED, expired=False)
    every = [enabled, disabled.key_id, second]
    expectations: dict[str, list[str]] = {
        '[{"Key":"KeyState","Values":["Enabled"]}]': [enabled, second],
        '[{"Key":"KeyState","Values":["Enabled"]},{"Key":"KeyState","Values":["Disabled"]}]': every,
        '[{"Key":"KeyState","Values":["Enabled"]},{"Key":"DKMSInstanceId","Values":["' + SECOND + '"]}]': [second],
        '[{"Key":"KeyState","Values":["Unavailable","PendingDeletion"]}]': [],
        '[{"Key":"KeySpec","Values":["Aliyun_AES_256","RSA_2048"]}]': every,
        '[{"Key":"KeySpec","Values":["RSA_2048"]}]': [],
        '[{"Key":"KeyUsage","Values":["ENCRYPT/DECRYPT"]}]': every,
        '[{"Key":"ProtectionLevel","Values":["SOFTWARE"]}]': every,
        '[{"Key":"ProtectionLevel","Values":["HSM"]}]': [],
        '[{"Key":"CreatorType","Values":["User"]}]': every,
        '[{"Key":"CreatorType","Values":["Service"]}]': [],
        '[{"Key":"Creator","Values":["' + MINE + '"]}]': every,
        '[{"Key":"Creator","Values":["OSS"]}]': [],
        '[{"Key":"keyId","Values":["' + second + '","key-unknown"]}]': [second],
        '[{"Key":"DKMSInstanceId","Values":["' + FOREIGN + '"]}]': [],
        '[{"Key":"AliasName","Values":["alias/x"]}]': [],
        '[{"Key":"TagKey","Values":["x"]}]': [],
        '[{"Key":"TagValue","Values":["x"]}]': [],
    }
    for text, expected in expectations.items():
        assert room.listed(text) == expected, text


def test_keys_of_an_expired_instance_are_filtered_as_unavailable(room: Room) -> None:
    """What DescribeKey shows is what the filter sees: Unavailable, whatever is stored."""
    first, second = room.make(now=NOW), room.make(SECOND, now=NOW + timedelta(seconds=1))
    expired = frozenset({SECOND})
    assert room.listed('[{"Key":"KeyState","Values":["Enabled"]}]', expired=expired) == [first.key_id]
    assert room.listed('[{"Key":"KeyState","Values":["Unavailable"]}]', expired=expired) == [second.key_id]
    both = '[{"Key":"KeyState","Values":["Unavailable","Enabled"]}]'
    assert room.listed(both, expired=expired) == [first.key_id, second.key_id]


def test_warm_use_reads_nothing_and_cold_use_does_not_block(room: Room) -> None:
    """On the event loop's thread, where no store may be read, a cold key is `Cold` and a warm one serves both ways."""
    key = room.make()
    blob = keyring.blob_of(keyring.seal(room.ready(key.key_id), b"aGVsbG8=", b""))
    room.warm.forbid_blocking_here()
    cold = Warm(room.store)
    cold.forbid_blocking_here()
    with pytest.raises(Cold):
        keyring.usable_version(cold, room.keystore, MINE, REGION, key.key_id)
    cold.close()

    keyring.usable_version(room.warm, room.keystore, MINE, REGION, key.key_id)
    with pytest.raises(Cold):
        keyring.usable_version(room.warm, room.keystore, MINE, REGION, "key-unknown")
    found = keyring.version_for_decrypt(room.warm, room.keystore, MINE, REGION, blob.version_id)
    assert keyring.open_sealed(found, blob.iv_and_ciphertext, b"") == b"aGVsbG8="


def test_instance_key_is_made_once(room: Room) -> None:
    """Enabling that is run again after a crash keeps the first key: what it sealed still opens."""
    key = room.make()
    with room.store.write() as tx:
        keyring.create_instance_key(tx, room.keystore, NOW + timedelta(days=1), INSTANCE)
    with room.store.read() as tx:
        assert rows.sealed_instance_key(tx, INSTANCE) is not None
    assert room.ready(key.key_id).handle.seal(b"x", b"")


def test_destroying_the_instance_key_shreds_its_keys_only(room: Room) -> None:
    """After release nothing of the instance opens or is made, warm or not; another instance is untouched; twice is once."""
    gone, kept = room.make(), room.make(SECOND)
    assert room.ready(gone.key_id).handle.seal(b"x", b"")
    with room.store.write() as tx:
        keyring.intend_destruction(tx, NOW, INSTANCE)
    assert room.ready(gone.key_id).handle.seal(b"x", b"")
    for _ in range(2):
        with room.store.write() as tx:
            keyring.destroy_instance_key(tx, NOW + timedelta(days=1), INSTANCE)
    _wait_for_change(room)
    with pytest.raises(KeyNotFound):
        room.ready(gone.key_id)
    with pytest.raises(InstanceKeyDestroyed):
        room.make()
    with room.store.write() as tx:
        keyring.create_instance_key(tx, room.keystore, NOW, INSTANCE)
        assert rows.sealed_instance_key(tx, INSTANCE) is None
    assert room.ready(kept.key_id).handle.seal(b"x", b"")


def test_swapped_rows_do_not_open(room: Room) -> None:
    """Whoever can write the database still cannot make one version's blob serve as another's."""
    first, second = room.make(), room.make()
    with room.store.write() as tx:
        stolen = rows.version_of(tx, first.primary_version_id)
        assert stolen is not None
        place = rows.key_version.c.version_id == second.primary_version_id
        tx.execute(rows.key_version.update().where(place).values(sealed=stolen.sealed))
    with pytest.raises(SealBroken):
        room.ready(second.key_id)


def _wait_for_change(room: Room) -> None:
    """On SQLite a worker sees a commit at once; on PostgreSQL within the bound that the store states."""
    if room.store.dialect == "postgresql":
        time.sleep(LEASE_SECONDS)
