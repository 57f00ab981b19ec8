"""Every operation of the dedicated gateway, in one process."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import gmssl_pyx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from tests.dedicated import Stage, staged


@pytest.fixture
def stage(sqlite_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A tenant's application on SQLite."""
    with staged(sqlite_url, tmp_path) as made:
        yield made


def test_a_round_trip_on_both_databases(database_url: str, tmp_path: Path) -> None:
    """Encrypt gives IV and ciphertext apart, and names its version in a header; Decrypt gives the very bytes."""
    with staged(database_url, tmp_path) as stage:
        key_id, text = stage.key(), bytes(range(256))
        made = stage.call("Encrypt", KeyId=key_id, Plaintext=text, Aad=b"\x00\xff")
        version_id = stage.tenant.kms("DescribeKey", KeyId=key_id).body["KeyMetadata"]["PrimaryKeyVersion"]
        assert made.headers["x-kms-migrationkeyversionid"] == version_id
        assert (made.body["KeyId"], made.body["Algorithm"]) == (key_id, "AES_GCM")
        assert (len(made.body["Iv"]), len(made.body["CiphertextBlob"])) == (12, 256 + 16)
        sealed = {"KeyId": key_id, "CiphertextBlob": made.body["CiphertextBlob"], "Iv": made.body["Iv"]}
        assert stage.good("Decrypt", Aad=b"\x00\xff", **sealed)["Plaintext"] == text
        assert stage.good("Decrypt", Aad=b"\x00\xff", Algorithm="AES_GCM", **sealed)["Plaintext"] == text
        for wrong in ({"Aad": b"\x00"}, {"Aad": b"\x00\xff", "CiphertextBlob": sealed["CiphertextBlob"][:-1]}):
            refused = stage.call("Decrypt", **{**sealed, **wrong})
            assert (refused.status, refused.code) == (400, "InvalidParameter")


def test_what_the_two_apis_encrypt_each_opens(stage: Stage) -> None:
    """The JSON API's blob is version, IV and ciphertext; Advance adds `$`, 0x00 and 0x02 before it: nothing else differs."""
    key_id = stage.key()
    text = base64.b64encode(b"hello")
    made = stage.good("AdvanceEncrypt", KeyId=key_id, Plaintext=text)
    blob = made["CiphertextBlob"]
    assert blob[:3] == b"$\x00\x02"
    assert blob[3:39].decode() == made["KeyVersionId"]
    assert blob[39:51] == made["Iv"]
    opened = stage.tenant.kms("Decrypt", CiphertextBlob=base64.b64encode(blob[3:]).decode())
    assert opened.body["Plaintext"] == text.decode()
    shared = base64.b64decode(stage.tenant.kms("Encrypt", KeyId=key_id, Plaintext=text.decode()).body["CiphertextBlob"])
    told = stage.good("AdvanceDecrypt", CiphertextBlob=b"$\x00\x02" + shared)
    assert (told["Plaintext"], told["KeyId"], told["KeyVersionId"]) == (text, key_id, shared[:36].decode())
    apart = stage.good("Decrypt", KeyId=key_id, Iv=shared[36:48], CiphertextBlob=shared[48:])
    assert apart["Plaintext"] == text
    raw = stage.good("AdvanceEncrypt", KeyId=key_id, Plaintext=b"\xff\xfe")["CiphertextBlob"]
    refused = stage.tenant.kms("Decrypt", CiphertextBlob=base64.b64encode(raw[3:]).decode())
    assert (refused.status, refused.code) == (400, "UnsupportedOperation")


def test_bad_advanced_ciphertext(stage: Stage) -> None:
    """Another layout, another key named, another IV beside it, a changed byte: refused alike; nothing at all is missing."""
    key_id, other = stage.key(), stage.key()
    blob = stage.good("AdvanceEncrypt", KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    bad: list[dict[str, str | bytes | int]] = [
        {"CiphertextBlob": blob[3:]},
        {"CiphertextBlob": b"$\x10\x02" + blob[3:]},
        {"CiphertextBlob": b"$"},
        {"CiphertextBlob": blob[:-1] + bytes([blob[-1] ^ 1])},
        {"CiphertextBlob": blob, "KeyId": other},
        {"CiphertextBlob": blob, "Iv": bytes(12)},
        {"CiphertextBlob": blob, "Aad": b"a"},
    ]
    for values in bad:
        refused = stage.call("AdvanceDecrypt", **values)
        assert (refused.status, refused.code) == (400, "InvalidParameter"), values
    missing = stage.call("AdvanceDecrypt", KeyId=key_id)
    assert (missing.status, missing.code) == (400, "MissingParameter")


def test_data_keys_are_raw_bytes(stage: Stage) -> None:
    """32 bytes unless asked otherwise; what is sealed is the very key, not its base64."""
    key_id = stage.key()
    made = stage.good("GenerateDataKey", KeyId=key_id, Aad=b"a")
    assert len(made["Plaintext"]) == 32
    sealed = {"KeyId": key_id, "CiphertextBlob": made["CiphertextBlob"], "Iv": made["Iv"], "Aad": b"a"}
    assert stage.good("Decrypt", **sealed)["Plaintext"] == made["Plaintext"]
    made = stage.good("AdvanceGenerateDataKey", KeyId=key_id, NumberOfBytes=1024)
    assert len(made["Plaintext"]) == 1024
    assert stage.good("AdvanceDecrypt", CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    assert len(stage.good("GenerateRandom", Length=1024)["Random"]) == 1024
    for operation, values in (
        ("GenerateDataKey", {"KeyId": key_id, "NumberOfBytes": 1025}),
        ("GenerateDataKey", {"KeyId": key_id, "NumberOfBytes": -1}),
        ("GenerateRandom", {"Length": 1025}),
        ("GenerateRandom", {"Length": -(2**31)}),
    ):
        refused = stage.call(operation, **values)
        assert (refused.status, refused.code) == (400, "InvalidParameter")


@pytest.mark.parametrize(
    ("spec", "algorithm"),
    [("RSA_2048", "RSA_PSS_SHA_256"), ("RSA_2048", "RSA_PKCS1_SHA_256"), ("EC_P256", "ECDSA_SHA_256"), ("EC_SM2", "SM2DSA")],
)
def test_signatures_verify_outside(stage: Stage, spec: str, algorithm: str) -> None:
    """Of a message as of its digest, by the public key alone; another message does not verify."""
    key_id, text = stage.key(spec, "SIGN/VERIFY"), b"to be signed"
    public = stage.good("GetPublicKey", KeyId=key_id)["PublicKey"]
    made = stage.good("Sign", KeyId=key_id, Message=text, MessageType="RAW", Algorithm=algorithm)
    key = load_pem_public_key(public.encode()) if spec != "EC_SM2" else None
    if isinstance(key, RSAPublicKey):
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if "PSS" in algorithm else padding.PKCS1v15()
        key.verify(made["Signature"], text, scheme, hashes.SHA256())
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(made["Signature"], text, ec.ECDSA(hashes.SHA256()))
    else:  # GmSSL hashes the signer's identity and the message itself
        point = base64.b64decode("".join(public.splitlines()[1:-1]))[-64:]
        assert gmssl_pyx.sm2_verify(point, text, made["Signature"])
    asked = {"KeyId": key_id, "Algorithm": algorithm, "Signature": made["Signature"]}
    assert stage.good("Verify", Message=text, **asked)["Value"] == 1
    assert "Value" not in stage.good("Verify", Message=b"another", **asked)
    if algorithm != "SM2DSA":
        digest = hashlib.sha256(text).digest()
        assert stage.good("Verify", Message=digest, MessageType="DIGEST", **asked)["Value"] == 1
        assert stage.good("Verify", Digest=digest, **asked)["Value"] == 1


def test_asymmetric_keys_encrypt(stage: Stage) -> None:
    """RSA and SM2 by the same two operations: no IV, and the algorithm of their kind."""
    for spec, algorithm in (("RSA_2048", "RSAES_OAEP_SHA_256"), ("EC_SM2", "SM2PKE")):
        key_id = stage.key(spec, "ENCRYPT/DECRYPT")
        made = stage.good("Encrypt", KeyId=key_id, Plaintext=b"small")
        assert (made["Algorithm"], "Iv" in made) == (algorithm, False)
        opened = stage.good("Decrypt", KeyId=key_id, CiphertextBlob=made["CiphertextBlob"], Algorithm=algorithm)
        assert opened["Plaintext"] == b"small"
        refused = stage.call("AdvanceEncrypt", KeyId=key_id, Plaintext=b"small")
        assert (refused.status, refused.code) == (400, "UnsupportedOperation")


@pytest.mark.parametrize("operation", ["GenerateDataKeyPair", "AdvanceGenerateDataKeyPair"])
def test_data_key_pairs(stage: Stage, operation: str) -> None:
    """The private half opens to what was given, and goes with the public one; without plaintext it is given sealed only."""
    key_id = stage.key()
    for spec, form in (("EC_P256", "PEM"), ("EC_SM2", "DER")):
        made = stage.good(operation, KeyId=key_id, KeyPairSpec=spec, KeyFormat=form, Aad=b"a")
        private, sealed = made["PrivateKeyPlaintext"], made["PrivateKeyCiphertextBlob"]
        if operation.startswith("Advance"):
            opened = stage.good("AdvanceDecrypt", CiphertextBlob=sealed, Aad=b"a")
        else:
            opened = stage.good("Decrypt", KeyId=key_id, CiphertextBlob=sealed, Iv=made["Iv"], Aad=b"a")
        assert opened["Plaintext"] == private
        if spec != "EC_SM2":
            key = load_pem_private_key(private, None)
            public = load_pem_public_key(made["PublicKey"])
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            assert key.public_key() == public
        at_once = stage.call(f"{operation}WithoutPlaintext", KeyId=key_id, KeyPairSpec=spec)
        assert (at_once.status, at_once.code) == (429, "Rejected.Throttling")  # one a second, whatever was bought
        threading.Event().wait(1.1)
    without = stage.good(f"{operation}WithoutPlaintext", KeyId=key_id, KeyPairSpec="EC_P256")
    assert "PrivateKeyPlaintext" not in without
    assert without["PublicKey"].startswith(b"-----BEGIN PUBLIC KEY-----")
    refused = stage.call(operation, KeyId=key_id, KeyPairSpec="RSA_1024")
    assert (refused.status, refused.code) == (400, "InvalidParameter")


def test_older_versions_open_what_they_sealed(stage: Stage) -> None:
    """After a rotation Decrypt without the header still opens; the header names the version that did, and picks one."""
    key_id = stage.key()
    old = stage.call("Encrypt", KeyId=key_id, Plaintext=b"old")
    first = old.headers["x-kms-migrationkeyversionid"]
    reply = stage.tenant.kms("UpdateRotationPolicy", KeyId=key_id, EnableAutomaticRotation="true", RotationInterval="7d")
    assert reply.status == 200
    stage.world.advance(days=8)
    new = stage.call("Encrypt", KeyId=key_id, Plaintext=b"new")
    second = new.headers["x-kms-migrationkeyversionid"]
    assert second != first
    for made, version, text in ((old, first, b"old"), (new, second, b"new")):
        sealed = {"KeyId": key_id, "CiphertextBlob": made.body["CiphertextBlob"], "Iv": made.body["Iv"]}
        opened = stage.call("Decrypt", **sealed)
        assert (opened.body["Plaintext"], opened.headers["x-kms-migrationkeyversionid"]) == (text, version)
        named = stage.sent("Decrypt", {"x_kms_migrationkeyversionid": version}, **sealed)
        assert named.body["Plaintext"] == text
        keyless = {name: value for name, value in sealed.items() if name != "KeyId"}
        assert stage.sent("Decrypt", {"x_kms_migrationkeyversionid": version}, **keyless).body["Plaintext"] == text
        missing = stage.call("Decrypt", **keyless)
        assert (missing.status, missing.code) == (400, "MissingParameter")
        for nonsense in ("no-such", "é" * 36, "x" * 36):
            absent = stage.sent("Decrypt", {"x_kms_migrationkeyversionid": nonsense}, **keyless)
            assert (absent.status, absent.code) == (404, "Forbidden.KeyNotFound")
        other = second if version == first else first
        wrong = stage.sent("Decrypt", {"x_kms_migrationkeyversionid": other}, **sealed)
        assert (wrong.status, wrong.code) == (400, "InvalidParameter")
    absent = stage.sent(
        "Decrypt", {"x_kms_migrationkeyversionid": "no-such"}, KeyId=key_id, CiphertextBlob=b"x" * 17, Iv=bytes(12)
    )
    assert (absent.status, absent.code) == (404, "Forbidden.KeyNotFound")


def test_what_is_not_offered_is_said(stage: Stage) -> None:
    """A cipher mode, a padding, an IV of the caller's: refused by the documented code, never passed over."""
    key_id = stage.key()
    asked: dict[str, str | bytes | int] = {"KeyId": key_id, "Plaintext": b"x"}
    bad: list[tuple[str, str | bytes]] = [("Algorithm", "AES_CBC"), ("PaddingMode", "PKCS7_PADDING"), ("Iv", bytes(12))]
    for name, value in bad:
        for operation in ("Encrypt", "AdvanceEncrypt"):
            refused = stage.call(operation, **asked | {name: value})
            assert (refused.status, refused.code) == (400, "UnsupportedOperation")
    long = stage.call("Encrypt", KeyId=key_id, Plaintext=b"x" * 8193)
    assert (long.status, long.code) == (400, "InvalidParameter")
    secret = stage.call("GetSecretValue", SecretName="db")
    assert (secret.status, secret.code) == (404, "Forbidden.ResourceNotFound")


def test_states_of_keys_and_instances(stage: Stage) -> None:
    """Disabled and expired are 409, a key that is not there 404; an instance's end stops random bytes too."""
    key_id = stage.key()
    assert stage.tenant.kms("DisableKey", KeyId=key_id).status == 200
    refused = stage.call("Encrypt", KeyId=key_id, Plaintext=b"x")
    assert (refused.status, refused.code) == (409, "Rejected.Disabled")
    assert stage.tenant.kms("EnableKey", KeyId=key_id).status == 200
    absent = stage.call("Encrypt", KeyId="key-soz00000000aaaaaaaaaa", Plaintext=b"x")
    assert (absent.status, absent.code) == (404, "Forbidden.KeyNotFound")
    assert absent.body["ErrorMessage"] == "The specified Key is not found."
    stage.world.advance(days=40)
    for operation, values in (("Encrypt", {"KeyId": key_id, "Plaintext": b"x"}), ("GenerateRandom", {"Length": 1})):
        refused = stage.call(operation, **values)
        assert (refused.status, refused.code) == (409, "Rejected.Unavailable")
