"""AsymmetricSign, -Verify, -Encrypt, -Decrypt and GetPublicKey (KMS API pages, read 2026-11-22).

Checked in this order: the form of the parameters; key and version (404); standing (404, 409), state (409); what the key is for;
the instance's rate (429); then the algorithm and what it asks of its input. What takes long on a core runs in the thread pool.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from keystead.api.kms._product import KMS
from keystead.api.kms._reach import note, standing_of_key
from keystead.api.kms._sharing import owner_named
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.keyring import commands as keyring
from keystead.keyring import rules
from keystead.keyring.commands import Caller
from keystead.keyring.faults import NotOffered
from keystead.keyring.model import KeyUsage, Operation
from keystead.quotas.model import Work

INPUT_BYTES_MAX: Final = 6400
_WORK: Final = {None: Work.PUBLIC_KEY, KeyUsage.MAC: Work.SYMMETRIC}
"""What an instance does for a usage; all others are asymmetric."""


class AsymmetricSignRequest(Request):
    """A digest to sign, base64; the service does not hash."""

    key_id: str
    key_version_id: str
    algorithm: str
    digest: str
    dry_run: bool | None = None


class AsymmetricSignResponse(Response):
    """The signature, base64: ASN.1 DER for ECDSA_SHA_256 and SM2DSA."""

    value: str
    key_id: str
    key_version_id: str


class AsymmetricVerifyRequest(Request):
    """A digest and what is said to be its signature, base64."""

    key_id: str
    key_version_id: str
    algorithm: str
    digest: str
    value: str
    dry_run: bool | None = None


class AsymmetricVerifyResponse(Response):
    """Whether the signature is the key's; a malformed one is not."""

    value: bool
    key_id: str
    key_version_id: str


class AsymmetricEncryptRequest(Request):
    """A text, base64, to encrypt under the public key."""

    key_id: str
    key_version_id: str
    algorithm: str
    plaintext: str
    dry_run: bool | None = None


class AsymmetricEncryptResponse(Response):
    """The ciphertext, base64: nothing but what the algorithm gives."""

    ciphertext_blob: str
    key_id: str
    key_version_id: str


class AsymmetricDecryptRequest(Request):
    """A ciphertext, base64, made with the public key here or anywhere."""

    key_id: str
    key_version_id: str
    algorithm: str
    ciphertext_blob: str
    recipient: str = ""
    dry_run: bool | None = None


class AsymmetricDecryptResponse(Response):
    """The text, base64."""

    plaintext: str
    key_id: str
    key_version_id: str


class GetPublicKeyRequest(Request):
    """Which version's public key."""

    key_id: str
    key_version_id: str
    dry_run: bool | None = None


class GetPublicKeyResponse(Response):
    """The public key: SubjectPublicKeyInfo in PEM."""

    public_key: str
    key_id: str
    key_version_id: str


@KMS.action("AsymmetricSign", Effect.COMPUTE)
def asymmetric_sign(call: Call, request: AsymmetricSignRequest) -> AsymmetricSignResponse:
    """Sign a digest with a version of a SIGN/VERIFY key."""
    digest = bytes_of("Digest", request.digest)
    ready = _ready(call, (request.key_id, request.key_version_id), "sign", KeyUsage.SIGN_VERIFY)
    value = ready.handle.sign(request.algorithm, digest)
    call.dry_run_gate(request.dry_run)
    return AsymmetricSignResponse(value=text_of(value), key_id=ready.key.key_id, key_version_id=ready.version_id)


@KMS.action("AsymmetricVerify", Effect.COMPUTE)
def asymmetric_verify(call: Call, request: AsymmetricVerifyRequest) -> AsymmetricVerifyResponse:
    """Tell whether a signature over a digest is that of a version of a SIGN/VERIFY key."""
    digest, signature = bytes_of("Digest", request.digest), bytes_of("Value", request.value)
    ready = _ready(call, (request.key_id, request.key_version_id), "verify", KeyUsage.SIGN_VERIFY)
    good = ready.handle.verify(request.algorithm, digest, signature)
    call.dry_run_gate(request.dry_run)
    return AsymmetricVerifyResponse(value=good, key_id=ready.key.key_id, key_version_id=ready.version_id)


@KMS.action("AsymmetricEncrypt", Effect.COMPUTE)
def asymmetric_encrypt(call: Call, request: AsymmetricEncryptRequest) -> AsymmetricEncryptResponse:
    """Encrypt a small text under the public key of a version of an ENCRYPT/DECRYPT key."""
    plaintext = bytes_of("Plaintext", request.plaintext)
    ready = _ready(call, (request.key_id, request.key_version_id), "encrypt", KeyUsage.ENCRYPT_DECRYPT)
    blob = ready.handle.encrypt(request.algorithm, plaintext)
    call.dry_run_gate(request.dry_run)
    return AsymmetricEncryptResponse(ciphertext_blob=text_of(blob), key_id=ready.key.key_id, key_version_id=ready.version_id)


@KMS.action("AsymmetricDecrypt", Effect.COMPUTE)
def asymmetric_decrypt(call: Call, request: AsymmetricDecryptRequest) -> AsymmetricDecryptResponse:
    """Decrypt with a version of an ENCRYPT/DECRYPT key; one refusal for whatever does not decrypt."""
    if request.recipient:
        raise NotOffered("Delivery to an attested Recipient is not offered.")
    blob = bytes_of("CiphertextBlob", request.ciphertext_blob)
    ready = _ready(call, (request.key_id, request.key_version_id), "decrypt", KeyUsage.ENCRYPT_DECRYPT)
    plaintext = ready.handle.decrypt(request.algorithm, blob)
    call.dry_run_gate(request.dry_run)
    return AsymmetricDecryptResponse(plaintext=text_of(plaintext), key_id=ready.key.key_id, key_version_id=ready.version_id)


@KMS.action("GetPublicKey", Effect.COMPUTE)
def get_public_key(call: Call, request: GetPublicKeyRequest) -> GetPublicKeyResponse:
    """Show the public key of a version of an asymmetric key."""
    ready = _ready(call, (request.key_id, request.key_version_id), "public_pem", None)
    pem = ready.handle.public_pem()
    call.dry_run_gate(request.dry_run)
    return GetPublicKeyResponse(public_key=pem, key_id=ready.key.key_id, key_version_id=ready.version_id)


def bytes_of(name: str, text: str, most: int = INPUT_BYTES_MAX) -> bytes:
    """Read base64 (standard alphabet, padded, no line breaks) of 1 to `most` bytes; InvalidParameter for anything else."""
    too_long = InvalidParameter(name, f"It decodes to more than {most} bytes.")
    if len(text) > (most + 2) // 3 * 4:
        raise too_long
    try:
        decoded = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise InvalidParameter(name, "It must be base64 text with its padding and no line breaks.") from None
    if not decoded:
        raise InvalidParameter(name, "It is empty.")
    if len(decoded) > most:
        raise too_long
    return decoded


def text_of(data: bytes) -> str:
    """Give bytes as base64."""
    return base64.b64encode(data).decode("ascii")


def admit_for(call: Call, ready: keyring.ReadyVersion, usage: KeyUsage | None) -> None:
    """Ask standing, state, usage and rate, in this order; what may be `Cold` comes before, so that one call takes one request.

    No `usage` is the public key's.
    """
    note(call, ready.key)
    call.record.key_version_id = ready.version_id
    standing = standing_of_key(call, ready.key)
    rules.usable(ready.key, Operation.USE, call.now, expired=standing is not None and standing.expired(call.now))
    if usage is not None:
        rules.require_usage(ready.key, usage)
    if standing is None:
        call.admit(call.account_id)
    else:
        call.admit("", _WORK.get(usage, Work.ASYMMETRIC), standing)


def _ready(call: Call, named: tuple[str, str], work: str, usage: KeyUsage | None) -> keyring.ReadyVersion:
    """Find the version (`named`: key, version) and admit the call; then off the loop if `work` takes long with this key.

    What is left for the thread is the work: between two signatures all else is slow, the processor has forgotten it each time.
    """
    if isinstance(call.kept, keyring.ReadyVersion):
        return call.kept
    caller = Caller(owner_named(call, named[0]), call.region, call.now)
    ready = keyring.ready_version(call.warm, call.service.keystore, caller, *named)
    admit_for(call, ready, usage)
    call.kept = ready
    keyring.leave_the_loop(call.warm, slow=work in ready.handle.slow)
    return ready
