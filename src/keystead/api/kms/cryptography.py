"""Encrypt, Decrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext (KMS API pages, read 2026-11-22).

What is checked, in this order: the parameters; the key (404); the instance's standing (released 404, expired 409); whether the
key is the caller's to use (400); the state of the key (409); the rates of account and instance (429); then the work. DryRun=true
is refused where the work would be done or, for Decrypt, was done.
"""

from __future__ import annotations

from keystead.api.kms._product import KMS
from keystead.api.kms._reach import make_service_key, note, standing_of_key
from keystead.api.kms._sharing import owner_named, owner_of_version
from keystead.defaults import rules as defaults
from keystead.envelope.rules import Unpacked, associated_data, data_key_bytes, plaintext_of
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.instances.model import InstanceStanding
from keystead.keyring import commands as keyring
from keystead.keyring import rules
from keystead.keyring.faults import KeyNotFound, NotOffered
from keystead.keyring.model import Operation
from keystead.labels.faults import AliasNotFound
from keystead.quotas.model import Work


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


@KMS.action("Encrypt", Effect.COMPUTE, for_services=True)
def encrypt(call: Call, request: EncryptRequest) -> EncryptResponse:
    """Seal a small text under the key's primary version."""
    plaintext = plaintext_of(request.plaintext)
    context = associated_data(request.encryption_context)
    ready = _ready_to_seal(call, request.key_id)
    call.dry_run_gate(request.dry_run)
    blob = keyring.seal(ready, plaintext, context)
    return EncryptResponse(ciphertext_blob=blob, key_id=ready.key.key_id, key_version_id=ready.version_id)


@KMS.action("Decrypt", Effect.COMPUTE, for_services=True)
def decrypt(call: Call, request: DecryptRequest) -> DecryptResponse:
    """Open what Encrypt or GenerateDataKey sealed, with whichever version of the key did."""
    _no_recipient(request.recipient)
    blob = keyring.blob_of(request.ciphertext_blob)
    context = associated_data(request.encryption_context)
    ready = sealed_by(call, blob)
    admit(call, ready)
    plaintext = text_of(keyring.open_sealed(ready, blob.iv_and_ciphertext, context))
    call.dry_run_gate(request.dry_run)
    return DecryptResponse(plaintext=plaintext, key_id=ready.key.key_id, key_version_id=ready.version_id)


@KMS.action("GenerateDataKey", Effect.COMPUTE, for_services=True)
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


@KMS.action("GenerateDataKeyWithoutPlaintext", Effect.COMPUTE, for_services=True)
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


def text_of(opened: bytes) -> str:
    """Give what was sealed as the text it is; NotOffered for bytes, which only the instance API seals and gives."""
    try:
        return opened.decode("ascii")
    except UnicodeDecodeError:
        raise NotOffered("It was encrypted through the instance API: decrypt it there.") from None


def _ready_to_seal(call: Call, key_reference: str) -> keyring.ReadyVersion:
    ready = sealing_with(call, key_reference)
    admit(call, ready)
    return ready


def sealing_with(call: Call, key_reference: str, permission: str = "") -> keyring.ReadyVersion:
    """Give the primary version of the key that the caller means, ready but not judged.

    A service of the deployment means a key of the account in its ARN, and gets its own key for that account made where it lacks.
    """
    service, owner_id = call.principal.service, owner_named(call, key_reference, permission)
    try:
        return keyring.usable_version(call.warm, call.service.keystore, owner_id, call.region, key_reference)
    except AliasNotFound as absent:
        if not service or absent.alias != defaults.alias_of(service):
            raise
    make_service_key(call, owner_id)
    return keyring.usable_version(call.warm, call.service.keystore, owner_id, call.region, key_reference)


def sealed_by(call: Call, blob: Unpacked, permission: str = "") -> keyring.ReadyVersion:
    """Give the version that a ciphertext names, ready but not judged: the caller's, or of a key shared with it for this action.

    To a service, of whichever account it is.
    """
    keystore, region, version_id = call.service.keystore, call.region, blob.version_id
    if call.principal.service:
        return keyring.version_for_decrypt(call.warm, keystore, None, region, version_id)
    try:
        return keyring.version_for_decrypt(call.warm, keystore, call.account_id, region, version_id)
    except KeyNotFound:
        owner_id = owner_of_version(call, version_id, permission)
        if owner_id == call.account_id:
            raise
    return keyring.version_for_decrypt(call.warm, keystore, owner_id, region, version_id)


def admit(call: Call, ready: keyring.ReadyVersion) -> None:
    """Judge the key, then take a symmetric request from its instance, or of its owner's quota where it is in none."""
    standing = judge(call, ready)
    if standing is None:
        call.admit(ready.key.place.account_id)
    else:
        call.admit("", Work.SYMMETRIC, standing)


def judge(call: Call, ready: keyring.ReadyVersion, permission: str = "") -> InstanceStanding | None:
    """Ask standing, state and kind of a key that seals or opens, and whether it is the caller's to use; gives the standing.

    `permission` is what the caller needs where that is not what the action is called. What may be `Cold` comes first, before a
    request is taken: a call run again must take one, not two.
    """
    key = ready.key
    note(call, key, permission)
    call.record.key_version_id = ready.version_id
    standing = standing_of_key(call, key)
    defaults.permitted(key, Operation.USE, call.principal.service)
    rules.usable(key, Operation.USE, call.now, expired=standing is not None and standing.expired(call.now))
    rules.seals(key)
    return standing


def _no_recipient(recipient: str) -> None:
    if recipient:
        raise NotOffered("Delivery to an attested Recipient is not offered.")
