"""Asymmetric keys, message authentication codes and exported data keys through the gate; the judges are other implementations."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from keystead.hsm.algorithms.sm2 import Sm2Key
from tests.world import Reply, Tenant, World

MESSAGE = b"the message whose digest is signed"
DIGEST = hashlib.sha256(MESSAGE).digest()


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


class Pair:
    """A key of a tenant's, and its version."""

    def __init__(self, tenant: Tenant, instance_id: str, spec: str, usage: str = "") -> None:
        """Make it."""
        reply = tenant.kms("CreateKey", DKMSInstanceId=instance_id, KeySpec=spec, KeyUsage=usage)
        assert reply.status == 200, reply.body
        self.tenant = tenant
        self.key_id = str(reply.body["KeyMetadata"]["KeyId"])
        self.named = {"KeyId": self.key_id, "KeyVersionId": _version(tenant, self.key_id)}

    def call(self, action: str, **parameters: object) -> Reply:
        """Call an action on the version; bytes go as base64."""
        plain = {name: text(value) if isinstance(value, bytes) else value for name, value in parameters.items()}
        return self.tenant.kms(action, **self.named, **plain)

    def good(self, action: str, **parameters: object) -> dict[str, object]:
        """The same, which must succeed under the key's plain ids."""
        reply = self.call(action, **parameters)
        assert reply.status == 200, reply.body
        assert (reply.body["KeyId"], reply.body["KeyVersionId"]) == (self.key_id, self.named["KeyVersionId"])
        return reply.body

    def refused(self, action: str, code: str, naming: object = "", **parameters: object) -> None:
        """The same, which must be refused with 400."""
        reply = self.call(action, **parameters)
        assert (reply.status, reply.code) == (400, code), reply.body
        assert str(naming) in reply.body["Message"]

    def public(self) -> bytes:
        """The public key's PEM."""
        return str(self.good("GetPublicKey")["PublicKey"]).encode()


def text(data: bytes) -> str:
    """Bytes as they go over the wire."""
    return base64.b64encode(data).decode()


def _version(tenant: Tenant, key_id: str) -> str:
    return str(tenant.kms("ListKeyVersions", KeyId=key_id).body["KeyVersions"]["KeyVersion"][0]["KeyVersionId"])


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])
def test_rsa_signatures_verify_elsewhere(world: World, spec: str) -> None:
    """PSS with 32 bytes of salt and PKCS#1 v1.5, checked by the library under the public key; a bit off is not a signature."""
    tenant = world.tenant()
    key = Pair(tenant, tenant.instance(Spec=4000), spec)
    public = serialization.load_pem_public_key(key.public())
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == int(spec[4:])
    schemes: dict[str, padding.AsymmetricPadding] = {
        "RSA_PSS_SHA_256": padding.PSS(padding.MGF1(hashes.SHA256()), 32),
        "RSA_PKCS1_SHA_256": padding.PKCS1v15(),
    }
    for algorithm, scheme in schemes.items():
        value = base64.b64decode(str(key.good("AsymmetricSign", Algorithm=algorithm, Digest=DIGEST)["Value"]))
        public.verify(value, MESSAGE, scheme, hashes.SHA256())
        assert key.good("AsymmetricVerify", Algorithm=algorithm, Digest=DIGEST, Value=value)["Value"] is True
        for wrong in (value[:-1] + bytes([value[-1] ^ 1]), value[:-1], b"x"):
            assert key.good("AsymmetricVerify", Algorithm=algorithm, Digest=DIGEST, Value=wrong)["Value"] is False
    other = next(name for name in schemes if name != algorithm)
    assert key.good("AsymmetricVerify", Algorithm=other, Digest=DIGEST, Value=value)["Value"] is False


@pytest.mark.parametrize(("spec", "curve"), [("EC_P256", "secp256r1"), ("EC_P256K", "secp256k1")])
def test_ecdsa_signatures_verify_elsewhere(world: World, spec: str, curve: str) -> None:
    """DER signatures on the right curve; not over another digest."""
    tenant = world.tenant()
    key = Pair(tenant, tenant.instance(Spec=4000), spec)
    public = serialization.load_pem_public_key(key.public())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert public.curve.name == curve
    value = base64.b64decode(str(key.good("AsymmetricSign", Algorithm="ECDSA_SHA_256", Digest=DIGEST)["Value"]))
    public.verify(value, MESSAGE, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(value, bytes(32), ec.ECDSA(Prehashed(hashes.SHA256())))
    assert key.good("AsymmetricVerify", Algorithm="ECDSA_SHA_256", Digest=DIGEST, Value=value)["Value"] is True
    assert key.good("AsymmetricVerify", Algorithm="ECDSA_SHA_256", Digest=bytes(32), Value=value)["Value"] is False
    key.refused("AsymmetricEncrypt", "UnsupportedOperation", Algorithm="RSAES_OAEP_SHA_256", Plaintext=b"x")


def test_sm2_signs_and_encrypts(world: World) -> None:
    """Two keys, one a use; the public half alone verifies and encrypts; 6,047 bytes and not one more."""
    tenant = world.tenant()
    instance_id = tenant.instance(Spec=4000)
    signing, sealing = Pair(tenant, instance_id, "EC_SM2"), Pair(tenant, instance_id, "EC_SM2", "ENCRYPT/DECRYPT")
    value = base64.b64decode(str(signing.good("AsymmetricSign", Algorithm="SM2DSA", Digest=DIGEST)["Value"]))
    assert _sm2(signing.public()).verify(DIGEST, value)
    assert signing.good("AsymmetricVerify", Algorithm="SM2DSA", Digest=DIGEST, Value=value)["Value"] is True
    assert signing.good("AsymmetricVerify", Algorithm="SM2DSA", Digest=bytes(32), Value=value)["Value"] is False
    outside = _sm2(sealing.public()).encrypt(b"from outside")
    assert sealing.good("AsymmetricDecrypt", Algorithm="SM2PKE", CiphertextBlob=outside)["Plaintext"] == text(b"from outside")
    blob = base64.b64decode(str(sealing.good("AsymmetricEncrypt", Algorithm="SM2PKE", Plaintext=b"p" * 6047)["CiphertextBlob"]))
    assert sealing.good("AsymmetricDecrypt", Algorithm="SM2PKE", CiphertextBlob=blob)["Plaintext"] == text(b"p" * 6047)
    sealing.refused("AsymmetricEncrypt", "InvalidParameter", "Plaintext", Algorithm="SM2PKE", Plaintext=b"p" * 6048)
    for wrong in (blob[:-1] + bytes([blob[-1] ^ 1]), blob[:-1], b"\x04" * 97, b"\x04" * 98, b"0", b"x"):
        sealing.refused("AsymmetricDecrypt", "InvalidParameter", "CiphertextBlob", Algorithm="SM2PKE", CiphertextBlob=wrong)
    signing.refused("AsymmetricDecrypt", "UnsupportedOperation", Algorithm="SM2PKE", CiphertextBlob=outside)
    sealing.refused("AsymmetricSign", "UnsupportedOperation", Algorithm="SM2DSA", Digest=DIGEST)


def _sm2(pem: bytes) -> Sm2Key:
    return Sm2Key.public(base64.b64decode(b"".join(pem.splitlines()[1:-1])))


@pytest.mark.parametrize(
    ("spec", "algorithm", "most"),
    [
        ("RSA_2048", "RSAES_OAEP_SHA_256", 190),
        ("RSA_2048", "RSAES_OAEP_SHA_1", 214),
        ("RSA_3072", "RSAES_OAEP_SHA_256", 318),
        ("RSA_3072", "RSAES_OAEP_SHA_1", 342),
    ],
)
def test_rsa_encrypts_up_to_the_documented_length(world: World, spec: str, algorithm: str, most: int) -> None:
    """The lengths of the AsymmetricEncrypt page; and one sentence whatever is wrong with a ciphertext."""
    tenant = world.tenant()
    key = Pair(tenant, tenant.instance(Spec=4000), spec, "ENCRYPT/DECRYPT")
    blob = base64.b64decode(str(key.good("AsymmetricEncrypt", Algorithm=algorithm, Plaintext=b"p" * most)["CiphertextBlob"]))
    assert len(blob) == int(spec[4:]) // 8
    assert key.good("AsymmetricDecrypt", Algorithm=algorithm, CiphertextBlob=blob)["Plaintext"] == text(b"p" * most)
    key.refused("AsymmetricEncrypt", "InvalidParameter", "Plaintext", Algorithm=algorithm, Plaintext=b"p" * (most + 1))
    other = "RSAES_OAEP_SHA_1" if algorithm.endswith("256") else "RSAES_OAEP_SHA_256"
    said = {
        (reply.status, reply.code, reply.body["Message"])
        for reply in (
            key.call("AsymmetricDecrypt", Algorithm=algorithm, CiphertextBlob=blob[:-1] + bytes([blob[-1] ^ 1])),
            key.call("AsymmetricDecrypt", Algorithm=algorithm, CiphertextBlob=blob[:-1]),
            key.call("AsymmetricDecrypt", Algorithm=algorithm, CiphertextBlob=b"\xff" * len(blob)),
            key.call("AsymmetricDecrypt", Algorithm=algorithm, CiphertextBlob=bytes(len(blob))),
            key.call("AsymmetricDecrypt", Algorithm=other, CiphertextBlob=blob),
        )
    }
    assert len(said) == 1
    assert next(iter(said))[:2] == (400, "InvalidParameter")


def test_what_does_not_go_with_the_key_is_refused(world: World) -> None:
    """Wrong algorithm, digest length, version, usage, kind of key, base64; DryRun never succeeds."""
    tenant = world.tenant()
    instance_id = tenant.instance(Spec=4000)
    key, other, symmetric = Pair(tenant, instance_id, "EC_P256"), Pair(tenant, instance_id, "EC_P256"), tenant.key(instance_id)
    sign = {"Algorithm": "ECDSA_SHA_256", "Digest": DIGEST}
    for algorithm in ("RSA_PSS_SHA_256", "ecdsa_sha_256", "SM2DSA", "none"):
        key.refused("AsymmetricSign", "InvalidParameter", "Algorithm", **(sign | {"Algorithm": algorithm}))
    for length in (1, 20, 31, 33, 64):
        key.refused("AsymmetricSign", "InvalidParameter", "Digest", **(sign | {"Digest": bytes(length)}))
    for bad in ("!", "AAA", "AA\n=="):
        key.refused("AsymmetricSign", "InvalidParameter", "Digest", **(sign | {"Digest": bad}))
    key.refused("AsymmetricSign", "DryRunOperationError", **sign, DryRun="true")
    key.named["KeyVersionId"], right = other.named["KeyVersionId"], key.named["KeyVersionId"]
    assert key.call("AsymmetricSign", **sign).code == "Forbidden.KeyNotFound"
    key.named["KeyVersionId"] = right
    assert tenant.kms("DisableKey", KeyId=key.key_id).status == 200
    assert (key.call("AsymmetricSign", **sign).status, key.call("GetPublicKey").code) == (409, "Rejected.Disabled")
    for action, flat in (
        ("Encrypt", {"Plaintext": "aGVsbG8="}),
        ("GenerateDataKey", {}),
        ("GenerateMac", {"Algorithm": "HMAC_SHA_256", "Message": "aGVsbG8="}),
    ):
        assert tenant.kms(action, KeyId=other.key_id, **flat).code == "UnsupportedOperation", action
    named = {"KeyId": symmetric, "KeyVersionId": _version(tenant, symmetric)}
    assert tenant.kms("GetPublicKey", **named).code == "UnsupportedOperation"
    assert tenant.kms("AsymmetricSign", **named, Algorithm="ECDSA_SHA_256", Digest=text(DIGEST)).code == "UnsupportedOperation"


def test_each_key_is_its_own(world: World) -> None:
    """An audit of a mock found all RSA keys of a size sharing one pair: two keys here have two public keys."""
    tenant = world.tenant()
    instance_id = tenant.instance(Spec=4000)
    assert Pair(tenant, instance_id, "RSA_2048").public() != Pair(tenant, instance_id, "RSA_2048").public()


@pytest.mark.parametrize("name", ["sm3", "sha224", "sha256", "sha384", "sha512"])
def test_codes_are_hmac(world: World, name: str) -> None:
    """A code has the hash's length, depends on key and message, and verifies; truncated or of another algorithm it does not."""
    tenant = world.tenant()
    instance_id = tenant.instance(Spec=4000)
    spec = "HMAC_SM3" if name == "sm3" else f"HMAC_SHA_{name[3:]}"
    one, two = (
        str(tenant.kms("CreateKey", DKMSInstanceId=instance_id, KeySpec=spec).body["KeyMetadata"]["KeyId"]) for _ in range(2)
    )
    asked = {"Algorithm": spec, "Message": text(MESSAGE)}
    made = tenant.kms("GenerateMac", KeyId=one, **asked).body
    mac = base64.b64decode(made["Mac"])
    assert len(mac) == hmac.new(b"", b"", name).digest_size
    assert made["Algorithm"] == spec
    assert tenant.kms("GenerateMac", KeyId=two, **asked).body["Mac"] != made["Mac"]
    for candidate, good in ((mac, True), (mac[:-1], False), (mac[:-1] + bytes([mac[-1] ^ 1]), False), (mac + b"\x00", False)):
        reply = tenant.kms("VerifyMac", KeyId=one, **asked, Mac=text(candidate))
        assert (reply.status, reply.body["Value"]) == (200, good)
    other = "HMAC_SHA_256" if spec != "HMAC_SHA_256" else "HMAC_SHA_512"
    assert tenant.kms("GenerateMac", KeyId=one, Algorithm=other, Message=text(MESSAGE)).code == "InvalidParameter"
    assert tenant.kms("Encrypt", KeyId=one, Plaintext="aGVsbG8=").code == "UnsupportedOperation"


def test_data_keys_leave_under_the_callers_key(world: World) -> None:
    """What leaves decrypts, with the private key, to the very data key that Decrypt shows; under RSA and under SM2."""
    tenant = world.tenant()
    key_id = tenant.key(tenant.instance(Spec=4000))
    private = rsa.generate_private_key(65537, 2048)
    spki = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    under = {"PublicKeyBlob": text(spki), "WrappingKeySpec": "RSA_2048", "WrappingAlgorithm": "RSAES_OAEP_SHA_256"}
    context = {"EncryptionContext": '{"a":"b"}'}
    made = tenant.kms("GenerateAndExportDataKey", KeyId=key_id, NumberOfBytes=24, **under, **context).body
    assert "Plaintext" not in made
    clear = base64.b64decode(tenant.kms("Decrypt", CiphertextBlob=made["CiphertextBlob"], **context).body["Plaintext"])
    assert len(clear) == 24
    assert private.decrypt(base64.b64decode(made["ExportedDataKey"]), oaep) == clear
    again = tenant.kms("ExportDataKey", CiphertextBlob=made["CiphertextBlob"], **under, **context).body
    assert private.decrypt(base64.b64decode(again["ExportedDataKey"]), oaep) == clear
    assert again["KeyId"] == key_id
    sm2 = Sm2Key.generated()
    under_sm2 = {"PublicKeyBlob": text(sm2.public_der()), "WrappingKeySpec": "EC_SM2", "WrappingAlgorithm": "SM2PKE"}
    exported = tenant.kms("ExportDataKey", CiphertextBlob=made["CiphertextBlob"], **under_sm2, **context).body["ExportedDataKey"]
    assert sm2.decrypt(base64.b64decode(exported)) == clear
    for wrong, naming in (
        ({"WrappingKeySpec": "RSA_1024"}, "WrappingKeySpec"),
        ({"WrappingAlgorithm": "RSAES_PKCS1_V1_5"}, "WrappingAlgorithm"),
        ({"WrappingKeySpec": "RSA_3072"}, "PublicKeyBlob"),
        ({"WrappingKeySpec": "EC_SM2", "WrappingAlgorithm": "SM2PKE"}, "PublicKeyBlob"),
        ({"PublicKeyBlob": text(spki[:-1])}, "PublicKeyBlob"),
        ({"PublicKeyBlob": text(sm2.public_der())}, "PublicKeyBlob"),
        ({"EncryptionContext": "{}"}, "CiphertextBlob"),
    ):
        reply = tenant.kms("ExportDataKey", CiphertextBlob=made["CiphertextBlob"], **(under | context | wrong))
        assert (reply.status, reply.code) == (400, "InvalidParameter"), reply.body
        assert naming in reply.body["Message"]
    long = tenant.kms("GenerateAndExportDataKey", KeyId=key_id, NumberOfBytes=191, **under)
    assert (long.code, "NumberOfBytes" in long.body["Message"]) == ("InvalidParameter", True)
