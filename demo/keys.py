"""The lives of keys: RSA and SM2 sign, a key rotates, another comes from outside, one is deleted, not quite, and for good."""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from typing import Any

from alibabacloud_kms20160120 import models
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from demo.cast import Customer, Server, Story, events, refusal

TEXT = "aGVsbG8gS2V5c3RlYWQ="


def live(story: Story, server: Server) -> None:
    """The whole of it: three weeks of an instance."""
    customer = Customer(server, "demo-keys", "500.00")
    instance_id = str(customer.buy(uuid.uuid4().hex).data.instance_id)
    customer.connect(instance_id)
    _sign(story, customer, instance_id)
    rotating, blob = _rotating(story, customer, instance_id)
    _import(story, customer, instance_id)
    doomed = _schedule(story, customer, instance_id)
    happened = events(server, "7d")
    _rotated(story, customer, rotating, blob)
    destroyed = [event for event in happened if event["kind"] == "key_destroyed" and event["subject"] == doomed]
    code = refusal(customer.encrypt, doomed, TEXT)
    held = len(destroyed) == 1 and code == "404 Forbidden.KeyNotFound"
    proof = destroyed[0]["detail"]["sealed_sha256"] if destroyed else "none"
    story.tell("after seven days the key that was to be deleted is destroyed", held, f"{code}; SHA-256 of what was: {proof}")


def _make(customer: Customer, instance_id: str, **shape: Any) -> str:
    request = models.CreateKeyRequest(dkmsinstance_id=instance_id, **shape)
    return str(customer.kms.create_key(request).body.key_metadata.key_id)


def _version(customer: Customer, key_id: str) -> str:
    page = customer.kms.list_key_versions(models.ListKeyVersionsRequest(key_id=key_id)).body
    return str(page.key_versions.key_version[-1].key_version_id)


def _signature(customer: Customer, key_id: str, algorithm: str, digest: bytes) -> tuple[str, bytes]:
    version = _version(customer, key_id)
    request = models.AsymmetricSignRequest(
        key_id=key_id, key_version_id=version, algorithm=algorithm, digest=base64.b64encode(digest).decode()
    )
    return version, base64.b64decode(customer.kms.asymmetric_sign(request).body.value)


def _verified(customer: Customer, key_id: str, algorithm: str, digest: bytes, signed: tuple[str, bytes]) -> bool:
    request = models.AsymmetricVerifyRequest(
        key_id=key_id,
        key_version_id=signed[0],
        algorithm=algorithm,
        digest=base64.b64encode(digest).decode(),
        value=base64.b64encode(signed[1]).decode(),
    )
    return bool(customer.kms.asymmetric_verify(request).body.value)


def _sign(story: Story, customer: Customer, instance_id: str) -> None:
    digest = hashlib.sha256(b"a contract").digest()
    key_id = _make(customer, instance_id, key_spec="RSA_2048", key_usage="SIGN/VERIFY")
    version, signature = _signature(customer, key_id, "RSA_PSS_SHA_256", digest)
    request = models.GetPublicKeyRequest(key_id=key_id, key_version_id=version)
    public = load_pem_public_key(customer.kms.get_public_key(request).body.public_key.encode())
    assert isinstance(public, RSAPublicKey)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    try:
        public.verify(signature, digest, pss, utils.Prehashed(hashes.SHA256()))
        held = True
    except InvalidSignature:
        held = False
    story.tell("an RSA_2048 key signed; its public key alone verifies that", held, f"{len(signature)} bytes, {version}")
    # e = SM3(Z(A) || M) is 32 bytes; which 32 is for the signer to know
    key_id = _make(customer, instance_id, key_spec="EC_SM2", key_usage="SIGN/VERIFY")
    signed = _signature(customer, key_id, "SM2DSA", digest)
    good = _verified(customer, key_id, "SM2DSA", digest, signed)
    bad = _verified(customer, key_id, "SM2DSA", hashlib.sha256(b"another contract").digest(), signed)
    story.tell("an SM2 key signed; another text does not verify", good and not bad, f"{len(signed[1])} bytes of DER")


def _rotating(story: Story, customer: Customer, instance_id: str) -> tuple[str, str]:
    key_id = _make(customer, instance_id, enable_automatic_rotation=True, rotation_interval="7d")
    found = customer.kms.describe_key(models.DescribeKeyRequest(key_id=key_id)).body.key_metadata
    held = (found.automatic_rotation, found.rotation_interval) == ("Enabled", "604800s")
    story.tell("a key is to rotate every seven days", held, f"next {found.next_rotation_date}")
    return key_id, customer.encrypt(key_id, TEXT)


def _rotated(story: Story, customer: Customer, key_id: str, blob: str) -> None:
    before, after = (base64.b64decode(text)[:36].decode() for text in (blob, customer.encrypt(key_id, TEXT)))
    story.tell("it rotated: the next text is encrypted under another version", before != after, f"{before} -> {after}")
    story.tell("the ciphertext of before decrypts as ever", customer.decrypt(blob) == TEXT)


def _import(story: Story, customer: Customer, instance_id: str) -> None:
    key_id = _make(customer, instance_id, origin="EXTERNAL")
    code = refusal(customer.encrypt, key_id, TEXT)
    story.tell("a key for material from outside has none yet", code.startswith("409"), code)
    asked = models.GetParametersForImportRequest(
        key_id=key_id, wrapping_key_spec="RSA_2048", wrapping_algorithm="RSAES_OAEP_SHA_256"
    )
    offer = customer.kms.get_parameters_for_import(asked).body
    public = load_der_public_key(base64.b64decode(offer.public_key))
    assert isinstance(public, RSAPublicKey)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)

    def bring(material: bytes) -> None:
        customer.kms.import_key_material(
            models.ImportKeyMaterialRequest(
                key_id=key_id,
                encrypted_key_material=base64.b64encode(public.encrypt(material, oaep)).decode(),
                import_token=offer.import_token,
                key_material_expire_unix=0,
            )
        )

    material = os.urandom(32)
    bring(material)
    blob = customer.encrypt(key_id, TEXT)
    story.tell("imported, wrapped under RSA-OAEP: it encrypts and decrypts", customer.decrypt(blob) == TEXT, key_id)
    customer.kms.delete_key_material(models.DeleteKeyMaterialRequest(key_id=key_id))
    gone = refusal(customer.decrypt, blob)
    other = refusal(lambda: bring(os.urandom(32)))
    bring(material)
    held = gone.startswith("409") and other.startswith("4") and customer.decrypt(blob) == TEXT
    story.tell("deleted, then imported again; other material is refused", held, f"{gone}; {other}")


def _schedule(story: Story, customer: Customer, instance_id: str) -> str:
    key_id = _make(customer, instance_id)
    blob = customer.encrypt(key_id, TEXT)
    schedule = models.ScheduleKeyDeletionRequest(key_id=key_id, pending_window_in_days=7)
    customer.kms.schedule_key_deletion(schedule)
    code = refusal(customer.decrypt, blob)
    story.tell("a key scheduled for deletion refuses at once", code.startswith("409"), code)
    customer.kms.cancel_key_deletion(models.CancelKeyDeletionRequest(key_id=key_id))
    story.tell("deletion cancelled: it works again", customer.decrypt(blob) == TEXT)
    customer.kms.schedule_key_deletion(schedule)
    return key_id
