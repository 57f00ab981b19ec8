"""Key material from outside by the actions, on both databases; wrapping and the judging of ciphertexts are pyca's."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sqlalchemy import select

from keystead.clock import SystemClock, parse_iso_z, to_ms
from keystead.envelope.rules import associated_data
from keystead.hsm.algorithms.sm2 import Sm2Key
from keystead.hsm.port import ImportWay, VersionIds
from keystead.instances import commands as instances
from keystead.keyring import imports, lifecycle, rows
from keystead.store import business_time, metadata
from tests.world import START, Reply, Tenant, World

PLAIN = "aGVsbG8="
MATERIAL = bytes(range(32))
OTHER = bytes(range(1, 33))
RSA = "RSAES_OAEP_SHA_256"
SCHEMES: dict[str, padding.AsymmetricPadding] = {
    "RSAES_PKCS1_V1_5": padding.PKCS1v15(),
    "RSAES_OAEP_SHA_1": padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None),  # noqa: S303 - documented
    "RSAES_OAEP_SHA_256": padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None),
}
TABLES = ("kms_key", "key_version", "job", "event")


class Offer(NamedTuple):
    """What GetParametersForImport gave."""

    algorithm: str
    public_key: bytes
    token: str

    def wrapped(self, material: bytes, algorithm: str = "") -> str:
        """Wrap material as a customer would, in base64."""
        algorithm = algorithm or self.algorithm
        if algorithm == "SM2PKE":
            return base64.b64encode(Sm2Key.public(self.public_key).encrypt(material)).decode()
        public = load_der_public_key(self.public_key)
        assert isinstance(public, RSAPublicKey)
        assert public.key_size == 2048
        return base64.b64encode(public.encrypt(material, SCHEMES[algorithm])).decode()


class Customer:
    """A tenant with an instance and a key whose material is to come."""

    def __init__(self, tenant: Tenant, **shape: str) -> None:
        """Make them."""
        self.tenant = tenant
        self.instance_id = tenant.instance()
        self.key_id = self.key(**shape)

    def key(self, **shape: str) -> str:
        """Make a further key of Origin EXTERNAL."""
        made = self.tenant.kms("CreateKey", DKMSInstanceId=self.instance_id, Origin="EXTERNAL", **shape)
        assert made.status == 200, made.body
        assert (made.body["KeyMetadata"]["KeyState"], made.body["KeyMetadata"]["Origin"]) == ("PendingImport", "EXTERNAL")
        return str(made.body["KeyMetadata"]["KeyId"])

    def offer(self, algorithm: str = RSA, key_id: str = "") -> Offer:
        """Get parameters for import."""
        key_id = key_id or self.key_id
        spec = "EC_SM2" if algorithm == "SM2PKE" else "RSA_2048"
        reply = self.tenant.kms("GetParametersForImport", KeyId=key_id, WrappingKeySpec=spec, WrappingAlgorithm=algorithm)
        assert reply.status == 200, reply.body
        assert reply.body["KeyId"] == key_id
        lasts = parse_iso_z(reply.body["TokenExpireTime"]) - SystemClock().read().wall
        assert timedelta(hours=24) - timedelta(minutes=1) < lasts <= timedelta(hours=24)
        return Offer(algorithm, base64.b64decode(reply.body["PublicKey"]), reply.body["ImportToken"])

    def send(self, token: str, wrapped: str, expires: int = 0, key_id: str = "") -> Reply:
        """Import wrapped material."""
        flat = {"EncryptedKeyMaterial": wrapped, "ImportToken": token, "KeyMaterialExpireUnix": expires}
        return self.tenant.kms("ImportKeyMaterial", KeyId=key_id or self.key_id, **flat)

    def bring(self, material: bytes, expires: int = 0, key_id: str = "") -> Reply:
        """Get parameters and import material."""
        offer = self.offer(key_id=key_id)
        return self.send(offer.token, offer.wrapped(material), expires, key_id)

    def delete(self) -> Reply:
        """Delete the material."""
        return self.tenant.kms("DeleteKeyMaterial", KeyId=self.key_id)

    def shown(self) -> tuple[str, str]:
        """The key's state and when its material expires."""
        metadata_ = self.tenant.kms("DescribeKey", KeyId=self.key_id).body["KeyMetadata"]
        return metadata_["KeyState"], metadata_["MaterialExpireTime"]

    def encrypted(self) -> str:
        """A ciphertext."""
        reply = self.tenant.kms("Encrypt", KeyId=self.key_id, Plaintext=PLAIN)
        assert reply.status == 200, reply.body
        return str(reply.body["CiphertextBlob"])

    def contents(self) -> list[list[tuple[object, ...]]]:
        """All rows an import could change."""
        with self.tenant.world.service.store.read() as tx:
            return [sorted(map(tuple, tx.execute(select(metadata.tables[name]))), key=repr) for name in TABLES]


@pytest.fixture
def customer(database_url: str, tmp_path: Path) -> Iterator[Customer]:
    """A customer, on each database."""
    world = World(database_url, tmp_path / "var")
    yield Customer(world.tenant())
    world.close()


def refused(reply: Reply, status: int, code: str, naming: str = "") -> None:
    """It was, so."""
    assert (reply.status, reply.code) == (status, code), reply.body
    assert naming in reply.body["Message"]


def unix(at: datetime) -> int:
    """Seconds since 1970."""
    return to_ms(at) // 1000


@pytest.mark.parametrize("algorithm", [*SCHEMES, "SM2PKE"])
def test_material_comes_in_every_documented_way(customer: Customer, algorithm: str) -> None:
    """The key encrypts with the very bytes that were wrapped: a ciphertext opens with them outside; they are nowhere in clear."""
    material = os.urandom(32)
    offer = customer.offer(algorithm)
    assert customer.send(offer.token, offer.wrapped(material)).status == 200
    assert customer.shown() == ("Enabled", "")
    raw = base64.b64decode(customer.encrypted())
    assert AESGCM(material).decrypt(raw[36:48], raw[48:], associated_data(None)) == PLAIN.encode()
    with customer.tenant.world.service.store.read() as tx:
        for table in metadata.tables.values():
            for row in tx.execute(select(table)):
                for value in (each if isinstance(each, bytes) else str(each).encode() for each in row):
                    assert material not in value, table.name
                    assert offer.token.encode() not in value, table.name
    token = base64.b64decode(offer.token)
    assert b"\x02\x01\x00\x02\x82\x01\x01" not in token  # how an RSAPrivateKey of 2048 bits begins


def test_what_is_not_documented_is_refused(customer: Customer) -> None:
    """Other wrapping keys and algorithms, times past or without end, and blobs that are no base64 name their parameter."""
    for spec, algorithm, named in (
        ("RSA_3072", RSA, "WrappingKeySpec"),
        ("EC_P256", RSA, "WrappingKeySpec"),
        ("RSA_2048", "SM2PKE", "WrappingAlgorithm"),
        ("EC_SM2", RSA, "WrappingAlgorithm"),
        ("RSA_2048", "RSAES_OAEP_SHA_512", "WrappingAlgorithm"),
    ):
        flat = {"KeyId": customer.key_id, "WrappingKeySpec": spec, "WrappingAlgorithm": algorithm}
        refused(customer.tenant.kms("GetParametersForImport", **flat), 400, "InvalidParameter", named)
    offer = customer.offer()
    good = offer.wrapped(MATERIAL)
    start = unix(parse_iso_z(START))
    for expires in (start, start - 1, -1, 253_402_300_800):
        refused(customer.send(offer.token, good, expires), 400, "InvalidParameter", "KeyMaterialExpireUnix")
    refused(customer.send("!", good), 400, "InvalidParameter", "ImportToken")
    refused(customer.send(offer.token, "AAA"), 400, "InvalidParameter", "EncryptedKeyMaterial")
    assert customer.shown() == ("PendingImport", "")


def test_other_material_never_comes(customer: Customer) -> None:
    """Deleted or not, other bytes are refused and change nothing; the same come again, and what was encrypted opens again."""
    assert customer.bring(MATERIAL).status == 200
    blob = customer.encrypted()
    before = customer.contents()
    refused(customer.bring(OTHER), 400, "InvalidKeyMaterial")
    assert customer.contents() == before
    assert customer.bring(MATERIAL).status == 200  # a key that has it may be given it again
    assert customer.delete().status == 200
    assert customer.shown() == ("PendingImport", "")
    refused(customer.tenant.kms("Decrypt", CiphertextBlob=blob), 409, "Rejected.PendingImport")
    refused(customer.tenant.kms("Encrypt", KeyId=customer.key_id, Plaintext=PLAIN), 409, "Rejected.PendingImport")
    before = customer.contents()
    refused(customer.bring(OTHER), 400, "InvalidKeyMaterial")
    assert customer.delete().status == 200  # there is none: nothing happens
    assert customer.contents() == before
    assert customer.bring(MATERIAL).status == 200
    assert customer.tenant.kms("Decrypt", CiphertextBlob=blob).body["Plaintext"] == PLAIN


@pytest.mark.parametrize("length", [1, 16, 31, 33, 64])
def test_material_of_another_length(customer: Customer, length: int) -> None:
    """AES_256 takes 32 bytes (Import key material page, read 2026-11-22); no trace of others is left."""
    before = customer.contents()
    refused(customer.bring(os.urandom(length)), 400, "InvalidKeyMaterial")
    assert customer.contents() == before
    assert customer.bring(OTHER).status == 200  # what was refused does not bind


def test_blobs_that_do_not_open(customer: Customer) -> None:
    """Wrapped under another key, by another algorithm, torn, or noise: refused, and nothing changed."""
    offer, other = customer.offer(), customer.offer()
    good = offer.wrapped(MATERIAL)
    torn = base64.b64encode(base64.b64decode(good)[:-1]).decode()
    before = customer.contents()
    for wrapped in (other.wrapped(MATERIAL), offer.wrapped(MATERIAL, "RSAES_OAEP_SHA_1"), torn, PLAIN):
        refused(customer.send(offer.token, wrapped), 400, "InvalidKeyMaterial")
    sm2 = customer.offer("SM2PKE")
    refused(customer.send(sm2.token, good), 400, "InvalidKeyMaterial")
    noise = customer.offer("RSAES_PKCS1_V1_5")
    refused(customer.send(noise.token, base64.b64encode(bytes(256)).decode()), 400, "InvalidKeyMaterial")
    assert customer.contents() == before
    assert customer.send(offer.token, good).status == 200
    assert customer.send(offer.token, offer.wrapped(MATERIAL)).status == 200  # a token is good more than once
    assert customer.send(other.token, other.wrapped(MATERIAL)).status == 200


def test_tokens_that_are_not_the_keys(customer: Customer) -> None:
    """Another key's, a torn one, one that claims more time or another algorithm, and noise: InvalidImportToken."""
    offer, foreign = customer.offer(), customer.offer(key_id=customer.key())
    raw = base64.b64decode(offer.token)
    later = raw[:1] + (int.from_bytes(raw[1:9], "big") + 1000).to_bytes(8, "big") + raw[9:]
    forged = [raw[:-1], later, bytes([raw[0] - 1]) + raw[1:], b"\xff" + raw[1:], raw[:9], b"x", os.urandom(len(raw))]
    before = customer.contents()
    for token in [base64.b64encode(each).decode() for each in forged] + [foreign.token]:
        refused(customer.send(token, offer.wrapped(MATERIAL)), 400, "InvalidImportToken")
    assert customer.contents() == before


@pytest.mark.parametrize(("left_ms", "code"), [(60_000, ""), (0, "ExpiredImportToken"), (-1, "ExpiredImportToken")])
def test_a_token_ends_by_wall_time(customer: Customer, left_ms: int, code: str) -> None:
    """Made as it would have been a day ago by wall time; business time, a month on, does not matter to it."""
    service = customer.tenant.world.service
    customer.tenant.world.advance(days=20)
    with service.store.read() as tx:
        key = rows.key_of(tx, customer.key_id)
        assert key is not None
        ids = VersionIds(customer.instance_id, key.key_id, key.primary_version_id)
        way = ImportWay("RSA_2048", RSA, to_ms(SystemClock().read().wall) + left_ms)
        made = service.keystore.offer_import(lifecycle.sealed_instance_key(tx, key), ids, way)
    offer = Offer(RSA, made.public_key, base64.b64encode(made.token).decode())
    reply = customer.send(offer.token, offer.wrapped(MATERIAL))
    assert reply.code == code
    assert customer.shown()[0] == ("PendingImport" if code else "Enabled")
    assert timedelta(hours=24) == imports.TOKEN_LIFE


def test_material_expires_at_the_instant(customer: Customer) -> None:
    """It is refused at its second whether or not the scheduler was there, and the scheduler destroys it; the same comes back."""
    world, end = customer.tenant.world, parse_iso_z(START) + timedelta(days=3)
    assert customer.bring(MATERIAL, unix(end)).status == 200
    assert customer.shown() == ("Enabled", "2026-01-04T00:00:00Z")
    blob = customer.encrypted()
    for at, state in ((end - timedelta(milliseconds=1), "Enabled"), (end, "PendingImport")):
        with world.service.store.write() as tx:
            business_time.move(tx, at)  # time passes, and no scheduler runs
        world.service.warm.refresh()
        assert customer.shown()[0] == state
        reply = customer.tenant.kms("Decrypt", CiphertextBlob=blob)
        assert reply.code == ("" if state == "Enabled" else "Rejected.PendingImport")
        filters = f'[{{"Key":"KeyState","Values":["{state}"]}}]'
        assert customer.tenant.kms("ListKeys", Filters=filters).body["TotalCount"] == 1
    refused(customer.tenant.kms("EnableKey", KeyId=customer.key_id), 409, "Rejected.StateModifiedFailed")
    with world.service.store.read() as tx:
        assert [len(sealed) for _, sealed in rows.sealed_versions(tx, customer.key_id)] == [1 + 12 + 32 + 16]
    assert [event.kind for event in world.advance(seconds=1) if event.subject == customer.key_id] == ["key_material_expired"]
    with world.service.store.read() as tx:
        assert [sealed for _, sealed in rows.sealed_versions(tx, customer.key_id)] == [b""]
    assert customer.shown() == ("PendingImport", "")
    refused(customer.bring(OTHER), 400, "InvalidKeyMaterial")
    assert customer.bring(MATERIAL).status == 200
    assert customer.tenant.kms("Decrypt", CiphertextBlob=blob).body["Plaintext"] == PLAIN


def test_material_imported_again_lasts_longer(customer: Customer) -> None:
    """The end that counts is the last one given: an earlier one passes without effect, never is never."""
    world, start = customer.tenant.world, parse_iso_z(START)
    for days, told in ((1, "2026-01-02T00:00:00Z"), (5, "2026-01-06T00:00:00Z")):
        assert customer.bring(MATERIAL, unix(start + timedelta(days=days))).status == 200
        assert customer.shown() == ("Enabled", told)
    world.advance(days=4)
    assert customer.shown() == ("Enabled", "2026-01-06T00:00:00Z")
    assert customer.bring(MATERIAL).status == 200
    world.advance(days=4)
    assert customer.shown() == ("Enabled", "")
    assert customer.bring(MATERIAL, unix(start + timedelta(days=9))).status == 200
    world.advance(days=1)
    assert customer.shown() == ("PendingImport", "")


def test_states_around_material(customer: Customer) -> None:
    """A Disabled key stays so; one that lost its material while PendingDeletion is PendingImport when it is kept after all."""
    tenant, key_id = customer.tenant, customer.key_id
    assert customer.bring(MATERIAL).status == 200
    assert tenant.kms("DisableKey", KeyId=key_id).status == 200
    assert customer.bring(MATERIAL).status == 200
    assert customer.shown()[0] == "Disabled"
    assert tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7).status == 200
    refused(customer.bring(MATERIAL), 409, "Rejected.StateModifiedFailed")
    assert customer.delete().status == 200
    assert customer.shown()[0] == "PendingDeletion"
    assert tenant.kms("CancelKeyDeletion", KeyId=key_id).status == 200
    assert customer.shown()[0] == "PendingImport"
    assert customer.bring(MATERIAL).status == 200
    assert customer.shown()[0] == "Enabled"
    tenant.world.advance(days=40)
    flat = {"KeyId": key_id, "WrappingKeySpec": "RSA_2048", "WrappingAlgorithm": RSA}
    refused(tenant.kms("GetParametersForImport", **flat), 409, "Rejected.Unavailable")
    refused(customer.delete(), 409, "Rejected.Unavailable")


def test_only_keys_from_outside(customer: Customer) -> None:
    """The service's own keys: Unsupported.Origin; an alias: Unsupported.Alias; equal material in two keys stays two keys."""
    tenant = customer.tenant
    own, second = tenant.key(customer.instance_id), customer.key()
    offer = customer.offer()
    way = {"WrappingKeySpec": "RSA_2048", "WrappingAlgorithm": RSA}
    assert tenant.kms("CreateAlias", AliasName="alias/a", KeyId=customer.key_id).status == 200
    for reference, code in ((own, "Unsupported.Origin"), ("alias/a", "Unsupported.Alias")):
        refused(tenant.kms("GetParametersForImport", KeyId=reference, **way), 400, code)
        refused(customer.send(offer.token, offer.wrapped(MATERIAL), key_id=reference), 400, code)
        refused(tenant.kms("DeleteKeyMaterial", KeyId=reference), 400, code)
    assert customer.bring(MATERIAL).status == 200
    assert customer.bring(MATERIAL, key_id=second).status == 200
    blob = customer.encrypted()
    assert tenant.kms("Decrypt", CiphertextBlob=blob).body["KeyId"] == customer.key_id
    assert customer.delete().status == 200
    refused(tenant.kms("Decrypt", CiphertextBlob=blob), 409, "Rejected.PendingImport")


def test_specs_beyond_the_cloud_are_the_operators_choice(customer: Customer) -> None:
    """Off in every instance; switched on in one it is on there only; SM4 material has 16 bytes; switched off, keys go on."""
    tenant, second = customer.tenant, customer.tenant.instance()
    specs = ["Aliyun_SM4", "EC_P384", "EC_P521", "EC_ED25519", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ML_KEM_768", "ML_KEM_1024"]

    def codes(instance_id: str) -> set[str]:
        return {tenant.kms("CreateKey", DKMSInstanceId=instance_id, KeySpec=spec).code for spec in specs}

    def switch(*, allowed: bool) -> None:
        with tenant.world.service.store.write() as tx:
            instances.set_specs_beyond(tx, tenant.world.now, customer.instance_id, allowed=allowed)

    assert codes(customer.instance_id) == codes(second) == {"UnsupportedOperation"}
    switch(allowed=True)
    assert (codes(customer.instance_id), codes(second)) == ({""}, {"UnsupportedOperation"})
    customer.key_id = customer.key(KeySpec="Aliyun_SM4")
    refused(customer.bring(MATERIAL), 400, "InvalidKeyMaterial")
    assert customer.bring(MATERIAL[:16]).status == 200
    switch(allowed=False)
    assert codes(customer.instance_id) == {"UnsupportedOperation"}
    assert tenant.kms("Decrypt", CiphertextBlob=customer.encrypted()).body["Plaintext"] == PLAIN
