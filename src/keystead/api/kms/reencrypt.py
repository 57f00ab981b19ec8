"""ReEncrypt (KMS API page, read 2026-11-22): open under one key, seal under another or its newest version, in one call."""

from __future__ import annotations

from typing import Final

from keystead.api.kms._product import KMS
from keystead.api.kms._reach import note
from keystead.api.kms.cryptography import judge, sealed_by, sealing_with
from keystead.envelope.rules import associated_data
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.instances.model import InstanceStanding
from keystead.keyring import commands as keyring
from keystead.keyring.faults import NotOffered
from keystead.quotas.model import Work

_ALGORITHMS: Final = ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1", "SM2PKE")


class ReEncryptRequest(Request):
    """What to seal anew, and under which key.

    The source is named by the ciphertext; if its key or version is given too, they must be those.
    """

    ciphertext_blob: str
    destination_key_id: str
    source_key_id: str = ""
    source_key_version_id: str = ""
    source_encryption_algorithm: str = ""
    """Of an asymmetric source only: not served."""
    source_encryption_context: dict[str, str] | None = None
    destination_encryption_context: dict[str, str] | None = None
    dry_run: bool | None = None


class ReEncryptResponse(Response):
    """The new ciphertext, base64, and the key and version that made it."""

    ciphertext_blob: str
    key_id: str
    key_version_id: str


@KMS.action("ReEncrypt", Effect.COMPUTE, for_services=True)
def re_encrypt(call: Call, request: ReEncryptRequest) -> ReEncryptResponse:
    """Seal anew what Encrypt or GenerateDataKey sealed; nobody sees it in clear. One request of each instance concerned."""
    if request.source_encryption_algorithm:
        if request.source_encryption_algorithm not in _ALGORITHMS:
            raise InvalidParameter("SourceEncryptionAlgorithm", f"It must be one of {', '.join(_ALGORITHMS)}.")
        raise NotOffered("An asymmetric source is not offered: Encrypt and GenerateDataKey name their key in the ciphertext.")
    blob = keyring.blob_of(request.ciphertext_blob)
    opened_with = associated_data(request.source_encryption_context)
    sealed_with = associated_data(request.destination_encryption_context)
    source = sealed_by(call, blob, "kms:ReEncryptFrom")
    target = sealing_with(call, request.destination_key_id, "kms:ReEncryptTo")
    if request.source_key_version_id not in {"", source.version_id}:
        raise InvalidParameter("SourceKeyVersionId", "The ciphertext is of another version.")
    if request.source_key_id:
        owner_id = source.key.place.account_id
        if keyring.warm_key_id(call.warm, owner_id, call.region, request.source_key_id) != source.key.key_id:
            raise InvalidParameter("SourceKeyId", "The ciphertext is of another key.")
    note(call, target.key, "kms:ReEncryptTo")  # who may not is told so before anything is told of the source
    _admit(call, source, target)
    call.record.opened_version_id = source.version_id
    plaintext = keyring.open_sealed(source, blob.iv_and_ciphertext, opened_with)
    call.dry_run_gate(request.dry_run)
    return ReEncryptResponse(
        ciphertext_blob=keyring.seal(target, plaintext, sealed_with),
        key_id=target.key.key_id,
        key_version_id=target.version_id,
    )


def _admit(call: Call, source: keyring.ReadyVersion, target: keyring.ReadyVersion) -> None:
    """Judge both, then take one request from each instance concerned, and of its owner's quota for a key in none."""
    standings: dict[str, InstanceStanding] = {}
    owner_id = ""
    for ready, permission in ((source, "kms:ReEncryptFrom"), (target, "kms:ReEncryptTo")):
        standing = judge(call, ready, permission)
        if standing is None:
            owner_id = ready.key.place.account_id
        else:
            standings[standing.instance_id] = standing
    call.admit(owner_id, Work.SYMMETRIC, *standings.values())
