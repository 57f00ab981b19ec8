"""Encrypt, Decrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext (KMS API pages, read 2026-11-22).

What is checked, in this order: the parameters; the key (404); the instance's standing (released 404, expired 409); the state of
the key (409); the instance's rate (429); then the work. DryRun=true is refused where the work would be done or, for Decrypt, was
done.
"""

from __future__ import annotations

from keystead.api.kms._product import KMS
from keystead.api.kms._reach import note, standing_of_key
from keystead.envelope.rules import associated_data, data_key_bytes, plaintext_of
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.instances.model import InstanceStanding
from keystead.keyring import commands as keyring
from keystead.keyring import rules
from keystead.keyring.faults import NotOffered
from keystead.keyring.model import Operation


class EncryptRequest(Request):
    """What to seal under which key; `plaintext` is base64 text of 1 to 6,144 bytes."""

    key_id: str
    plaintext: str
    encryption_context: dict[str, str] | None = None
    dry_run: bool | None = None


class EncryptResponse(Response):
    """The ciphertext, base64, and the key and version that made it; the key by its plain id."""

    ciphertext_blob: str
    key_id: str
    key_version_id: str


class DecryptRequest(Request):
    """What to open: the version's id is in the ciphertext."""

    ciphertext_blob: str
    encryption_context: dict[str, str] | None = None
    recipient: str = ""
    dry_run: bool | None = None


class DecryptResponse(Response):
    """The identical text that Encrypt was given, or the base64 of the data key."""

    plaintext: str
    key_id: str
    key_version_id: str


class GenerateDataKeyRequest(Request):
    """How long a data key (`number_of_bytes` wins over `key_spec`, AES_256 or AES_128), and under which key."""

    key_id: str
    key_spec: str = ""
    number_of_bytes: int | None = None
    encryption_context: dict[str, str] | None = None
    recipient: str = ""
    dry_run: bool | None = None


class GenerateDataKeyResponse(Response):
    """The data key, base64, and the same sealed: Decrypt of the blob gives the very `plaintext`."""

    plaintext: str
    ciphertext_blob: str
    key_id: str
    key_version_id: str


class GenerateDataKeyWithoutPlaintextRequest(Request):
    """As for GenerateDataKey."""

    key_id: str
    key_spec: str = ""
    number_of_bytes: int | None = None
    encryption_context: dict[str, str] | None = None
    dry_run: bool | None = None


class GenerateDataKeyWithoutPlaintextResponse(Response):
    """The data key, sealed only."""

    ciphertext_blob: str
    key_id: str
    key_version_id: str


@KMS.action("Encrypt", Effect.COMPUTE)
def encrypt(call: Call, request: EncryptRequest) -> EncryptResponse:
    """Seal a small text under the key's primary version."""
    plaintext = plaintext_of(request.plaintext)
    context = associated_data(request.encryption_context)
    ready = _ready_to_seal(call, request.key_id)
    call.dry_run_gate(request.dry_run)
    blob = keyring.seal(ready, plaintext, context)
    return EncryptResponse(ciphertext_blob=blob, key_id=ready.key.key_id, key_version_id=ready.version_id)


@KMS.action("Decrypt", Effect.COMPUTE)
def decrypt(call: Call, request: DecryptRequest) -> DecryptResponse:
    """Open what Encrypt or GenerateDataKey sealed, with whichever version of the key did."""
    _no_recipient(request.recipient)
    blob = keyring.blob_of(request.ciphertext_blob)
    context = associated_data(request.encryption_context)
    keystore = call.service.keystore
    ready = keyring.version_for_decrypt(call.warm, keystore, call.account_id, call.region, blob.version_id)
    admit(call, ready)
    plaintext = keyring.open_sealed(ready, blob.iv_and_ciphertext, context).decode("ascii")
    call.dry_run_gate(request.dry_run)
    return DecryptResponse(plaintext=plaintext, key_id=ready.key.key_id, key_version_id=ready.version_id)


@KMS.action("GenerateDataKey", Effect.COMPUTE)
def generate_data_key(call: Call, request: GenerateDataKeyRequest) -> GenerateDataKeyResponse:
    """Draw a data key; give it in clear and sealed."""
    _no_recipient(request.recipient)
    length = data_key_bytes(request.key_spec, request.number_of_bytes)
    context = associated_data(request.encryption_context)
    ready = _ready_to_seal(call, request.key_id)
    call.dry_run_gate(request.dry_run)
    text = call.service.keystore.data_key_text(length)
    return GenerateDataKeyResponse(
        plaintext=text.decode("ascii"),
        ciphertext_blob=keyring.seal(ready, text, context),
        key_id=ready.key.key_id,
        key_version_id=ready.version_id,
    )


@KMS.action("GenerateDataKeyWithoutPlaintext", Effect.COMPUTE)
def generate_data_key_without_plaintext(
    call: Call, request: GenerateDataKeyWithoutPlaintextRequest
) -> GenerateDataKeyWithoutPlaintextResponse:
    """Draw a data key; give it sealed only."""
    length = data_key_bytes(request.key_spec, request.number_of_bytes)
    context = associated_data(request.encryption_context)
    ready = _ready_to_seal(call, request.key_id)
    call.dry_run_gate(request.dry_run)
    blob = keyring.seal(ready, call.service.keystore.data_key_text(length), context)
    return GenerateDataKeyWithoutPlaintextResponse(ciphertext_blob=blob, key_id=ready.key.key_id, key_version_id=ready.version_id)


def _ready_to_seal(call: Call, key_reference: str) -> keyring.ReadyVersion:
    ready = keyring.usable_version(call.warm, call.service.keystore, call.account_id, call.region, key_reference)
    admit(call, ready)
    return ready


def admit(call: Call, ready: keyring.ReadyVersion, permission: str = "") -> None:
    """Judge the key, then ask for rate. What may be `Cold` comes first: a call run again must take one request, not two."""
    call.admit(ready.key.place.instance_id, judge(call, ready, permission).qps_at(call.now))


def judge(call: Call, ready: keyring.ReadyVersion, permission: str = "") -> InstanceStanding:
    """Ask standing, state and kind of a key that seals or opens; gives its instance's standing."""
    key = ready.key
    note(call, key, permission)
    call.record.key_version_id = ready.version_id
    standing = standing_of_key(call, key)
    rules.usable(key, Operation.USE, call.now, expired=standing.expired(call.now))
    rules.seals(key)
    return standing


def _no_recipient(recipient: str) -> None:
    if recipient:
        raise NotOffered("Delivery to an attested Recipient is not offered.")
