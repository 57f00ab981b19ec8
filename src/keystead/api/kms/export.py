"""ExportDataKey and GenerateAndExportDataKey: data keys under a public key of the caller's (KMS API pages, read 2026-11-22).

What is wrapped is the data key itself, not its base64 text: the module that holds the private key imports it as a key.
"""

from __future__ import annotations

import base64
import binascii

from keystead.api.kms._product import KMS
from keystead.api.kms.asymmetric import bytes_of, text_of
from keystead.api.kms.cryptography import admit, sealed_by, sealing_with
from keystead.envelope.rules import associated_data, data_key_bytes
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.hsm.port import Wrapping
from keystead.keyring import commands as keyring


class ExportDataKeyRequest(Request):
    """A sealed data key, and the public key (DER of SubjectPublicKeyInfo in base64) it is to leave under."""

    ciphertext_blob: str
    public_key_blob: str
    wrapping_key_spec: str
    wrapping_algorithm: str
    encryption_context: dict[str, str] | None = None
    dry_run: bool | None = None


class ExportDataKeyResponse(Response):
    """The data key under the public key, base64."""

    exported_data_key: str
    key_id: str
    key_version_id: str


class GenerateAndExportDataKeyRequest(Request):
    """As for GenerateDataKey, and the public key."""

    key_id: str
    public_key_blob: str
    wrapping_key_spec: str
    wrapping_algorithm: str
    key_spec: str = ""
    number_of_bytes: int | None = None
    encryption_context: dict[str, str] | None = None
    dry_run: bool | None = None


class GenerateAndExportDataKeyResponse(Response):
    """The data key sealed, and the same under the public key; base64."""

    ciphertext_blob: str
    exported_data_key: str
    key_id: str
    key_version_id: str


@KMS.action("ExportDataKey", Effect.COMPUTE)
def export_data_key(call: Call, request: ExportDataKeyRequest) -> ExportDataKeyResponse:
    """Open a data key and give it under the caller's public key, never in clear."""
    wrapping = _wrapping(call, request)
    blob = keyring.blob_of(request.ciphertext_blob)
    context = associated_data(request.encryption_context)
    ready = sealed_by(call, blob)
    keyring.leave_the_loop(call.warm, slow=wrapping.slow)
    admit(call, ready)
    text = keyring.open_sealed(ready, blob.iv_and_ciphertext, context)
    exported = _wrapped(wrapping, text, "CiphertextBlob")
    call.dry_run_gate(request.dry_run)
    return ExportDataKeyResponse(exported_data_key=exported, key_id=ready.key.key_id, key_version_id=ready.version_id)


@KMS.action("GenerateAndExportDataKey", Effect.COMPUTE)
def generate_and_export_data_key(call: Call, request: GenerateAndExportDataKeyRequest) -> GenerateAndExportDataKeyResponse:
    """Draw a data key; give it sealed and under the caller's public key, never in clear."""
    wrapping = _wrapping(call, request)
    length = data_key_bytes(request.key_spec, request.number_of_bytes)
    context = associated_data(request.encryption_context)
    ready = sealing_with(call, request.key_id)
    keyring.leave_the_loop(call.warm, slow=wrapping.slow)
    admit(call, ready)
    call.dry_run_gate(request.dry_run)
    text = call.service.keystore.data_key_text(length)
    return GenerateAndExportDataKeyResponse(
        exported_data_key=_wrapped(wrapping, text, "NumberOfBytes"),
        ciphertext_blob=keyring.seal(ready, text, context),
        key_id=ready.key.key_id,
        key_version_id=ready.version_id,
    )


def _wrapping(call: Call, request: ExportDataKeyRequest | GenerateAndExportDataKeyRequest) -> Wrapping:
    spki = bytes_of("PublicKeyBlob", request.public_key_blob)
    return call.service.keystore.wrapping(request.wrapping_key_spec, request.wrapping_algorithm, spki)


def _wrapped(wrapping: Wrapping, text: bytes, named: str) -> str:
    """Wrap the data key of this text; a fault names the parameter that made it too long."""
    try:
        return text_of(wrapping.wrapped(base64.b64decode(text, validate=True)))
    except InvalidParameter as fault:
        raise InvalidParameter(named, fault.reason) from None
    except binascii.Error:
        raise InvalidParameter(named, "It does not hold a data key.") from None
