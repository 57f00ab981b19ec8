"""Mistakes that mocks of key services made, tried here: one test a mistake, named for what it guards.

From the bug lists of LocalStack and fakecloud, read 2026-11-22; test_others_advisories.py has the services' own.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.journeys.bad_values import DIGEST, key_of, served, wrapped
from tests.world import Tenant, World

TEXT = "aGVsbG8="


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """A service."""
    made = World(sqlite_url, tmp_path / "var")
    yield made
    made.close()


def public_key(tenant: Tenant, ids: dict[str, str]) -> RSAPublicKey:
    """The public half of an RSA key."""
    found = load_pem_public_key(served(tenant.kms("GetPublicKey", **ids)).body["PublicKey"].encode())
    assert isinstance(found, RSAPublicKey)
    return found


def test_no_two_rsa_keys_share_a_key_pair(world: World) -> None:
    """Fakecloud: all RSA keys of a size had one pair. Here two keys and two versions of one have three moduli."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    first, second = (key_of(tenant, instance_id, KeySpec="RSA_2048") for _ in range(2))
    world.advance(days=7)
    third = served(tenant.kms("CreateKeyVersion", KeyId=first["KeyId"])).body["KeyVersion"]["KeyVersionId"]
    later = {"KeyId": first["KeyId"], "KeyVersionId": third}
    assert len({public_key(tenant, ids).public_numbers().n for ids in (first, second, later)}) == 3


def test_each_state_is_refused_by_its_own_name(world: World) -> None:
    """Fakecloud: every state but Enabled answered "disabled"."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    disabled, doomed = tenant.key(instance_id), tenant.key(instance_id)
    waiting = key_of(tenant, instance_id, Origin="EXTERNAL")["KeyId"]
    alive = tenant.key(instance_id)
    served(tenant.kms("DisableKey", KeyId=disabled))
    served(tenant.kms("ScheduleKeyDeletion", KeyId=doomed, PendingWindowInDays=7))
    told = {key: tenant.kms("Encrypt", KeyId=key, Plaintext=TEXT).code for key in (disabled, doomed, waiting)}
    assert told == {disabled: "Rejected.Disabled", doomed: "Rejected.PendingDeletion", waiting: "Rejected.PendingImport"}
    world.advance(days=35)  # a month was bought
    assert tenant.kms("Encrypt", KeyId=alive, Plaintext=TEXT).code == "Rejected.Unavailable"


@pytest.mark.parametrize("action", ["GenerateMac", "VerifyMac"])
def test_a_mac_key_has_one_algorithm(world: World, action: str) -> None:
    """Fakecloud: the algorithm of a MAC was not held against the key's."""
    tenant = world.tenant()
    key_id = key_of(tenant, tenant.instance(), KeySpec="HMAC_SHA_256", KeyUsage="GENERATE/VERIFY")["KeyId"]
    good = served(tenant.kms("GenerateMac", KeyId=key_id, Algorithm="HMAC_SHA_256", Message=TEXT)).body["Mac"]
    for algorithm in ("HMAC_SHA_224", "HMAC_SHA_384", "HMAC_SHA_512", "HMAC_SM3"):
        flat = {"KeyId": key_id, "Algorithm": algorithm, "Message": TEXT} | ({"Mac": good} if action == "VerifyMac" else {})
        assert tenant.kms(action, **flat).status == 400, algorithm


def test_an_import_of_nothing_is_refused(world: World) -> None:
    """Fakecloud: material of no length took the process down. Nothing, one byte and one too many are refused; 32 bytes go in."""
    tenant = world.tenant()
    key_id = key_of(tenant, tenant.instance(), Origin="EXTERNAL")["KeyId"]
    for material, status in ((b"", 400), (b"x", 400), (b"x" * 33, 400), (bytes(range(32)), 200)):
        asked = tenant.kms("ImportKeyMaterial", KeyId=key_id, **wrapped(tenant, key_id, material), KeyMaterialExpireUnix="0")
        assert asked.status == status, (len(material), asked.body)
    assert tenant.kms("ImportKeyMaterial", KeyId=key_id, ImportToken="", EncryptedKeyMaterial="").code == "MissingParameter"


def test_an_import_token_outlives_a_restart(database_url: str, tmp_path: Path) -> None:
    """Fakecloud: tokens were kept in memory."""
    world = World(database_url, tmp_path / "var")
    tenant = world.tenant()
    key_id = key_of(tenant, tenant.instance(), Origin="EXTERNAL")["KeyId"]
    sent = wrapped(tenant, key_id)
    world.close()
    tenant.world = World(database_url, tmp_path / "var")
    served(tenant.kms("ImportKeyMaterial", KeyId=key_id, **sent, KeyMaterialExpireUnix="0"))
    served(tenant.kms("Encrypt", KeyId=key_id, Plaintext=TEXT))
    tenant.world.close()


def test_an_arn_of_another_region_is_not_this_regions_key(world: World) -> None:
    """Fakecloud: the ARN of a replica elsewhere was taken for the primary's."""
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance())
    here = f"acs:kms:ap-southeast-1:{tenant.account_id}:key/{key_id}"
    served(tenant.kms("Encrypt", KeyId=here, Plaintext=TEXT))
    for region in ("eu-central-1", "ap-southeast-10", "AP-SOUTHEAST-1", "*", ""):
        asked = tenant.kms("Encrypt", KeyId=here.replace("ap-southeast-1", region), Plaintext=TEXT)
        assert (asked.status, asked.code) == (404, "Forbidden.KeyNotFound"), region


def test_a_deletion_window_is_7_to_366_days(world: World) -> None:
    """Fakecloud: any window was taken. The bounds are the ScheduleKeyDeletion page's."""
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance())
    for days in ("6", "367", "0", "-7", "7.5", "1e1", "07d", ""):
        assert tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=days).status == 400, days
        served(tenant.kms("Encrypt", KeyId=key_id, Plaintext=TEXT))
    for days in ("7", "366"):
        served(tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=days))
        served(tenant.kms("CancelKeyDeletion", KeyId=key_id))


def test_the_encryption_context_is_neither_dropped_nor_inverted(world: World) -> None:
    """LocalStack 8503, 8505: what was sealed with a context opens with it, in any order, and in no other way."""
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance())
    bare = served(tenant.kms("Encrypt", KeyId=key_id, Plaintext=TEXT)).body["CiphertextBlob"]
    bound = served(tenant.kms("Encrypt", KeyId=key_id, Plaintext=TEXT, EncryptionContext='{"a":"1","b":"2"}'))
    blob = bound.body["CiphertextBlob"]
    for text, opens in (('{"b":"2","a":"1"}', True), ("", False), ('{"a":"1"}', False), ('{"a":"2","b":"1"}', False)):
        asked = tenant.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=text)
        assert (asked.status == 200) is opens, text
    assert tenant.kms("Decrypt", CiphertextBlob=bare, EncryptionContext='{"a":"1"}').status == 400
    assert served(tenant.kms("Decrypt", CiphertextBlob=bare)).body["Plaintext"] == TEXT


def test_keys_outlive_a_restart(database_url: str, tmp_path: Path) -> None:
    """LocalStack 4441, 6753: keys were gone after a restart."""
    world = World(database_url, tmp_path / "var")
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance())
    blob = served(tenant.kms("Encrypt", KeyId=key_id, Plaintext=TEXT)).body["CiphertextBlob"]
    world.close()
    again = World(database_url, tmp_path / "var")
    tenant.world = again
    assert served(tenant.kms("Decrypt", CiphertextBlob=blob)).body["Plaintext"] == TEXT
    again.close()


def test_an_asymmetric_key_is_asymmetric(world: World) -> None:
    """LocalStack (documentation 572): "RSA" keys encrypted symmetrically. What the public half seals outside, opens here."""
    tenant = world.tenant()
    ids = key_of(tenant, tenant.instance(), KeySpec="RSA_2048", KeyUsage="ENCRYPT/DECRYPT")
    scheme = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    sealed = base64.b64encode(public_key(tenant, ids).encrypt(b"hello", scheme)).decode()
    opened = served(tenant.kms("AsymmetricDecrypt", **ids, Algorithm="RSAES_OAEP_SHA_256", CiphertextBlob=sealed))
    assert base64.b64decode(opened.body["Plaintext"]) == b"hello"


def test_a_key_is_used_for_its_usage_only(world: World) -> None:
    """LocalStack 4560: KeyUsage was ignored."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    signing = key_of(tenant, instance_id, KeySpec="RSA_2048", KeyUsage="SIGN/VERIFY")
    sealing = key_of(tenant, instance_id, KeySpec="RSA_2048", KeyUsage="ENCRYPT/DECRYPT")
    asked = tenant.kms("AsymmetricEncrypt", **signing, Algorithm="RSAES_OAEP_SHA_256", Plaintext=TEXT)
    assert (asked.status, asked.code) == (400, "UnsupportedOperation")
    asked = tenant.kms("AsymmetricSign", **sealing, Algorithm="RSA_PSS_SHA_256", Digest=DIGEST)
    assert (asked.status, asked.code) == (400, "UnsupportedOperation")


def test_threads_that_meet_a_cold_key_open_it_once_or_alike(sqlite_url: str, tmp_path: Path) -> None:
    """LocalStack 6753, its other half: after a restart many callers meet a key that nobody has opened, and all are served."""
    world = World(sqlite_url, tmp_path / "var")
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance())
    world.close()
    tenant.world = World(sqlite_url, tmp_path / "var")
    start = threading.Barrier(8)
    answers: list[Any] = []

    def work() -> None:
        start.wait()
        answers.append(tenant.kms("Encrypt", KeyId=key_id, Plaintext=TEXT))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers:
        assert served(tenant.kms("Decrypt", CiphertextBlob=served(answer).body["CiphertextBlob"])).body["Plaintext"] == TEXT
    assert len(answers) == 8
    tenant.world.close()
