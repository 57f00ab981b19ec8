"""GetParametersForImport, ImportKeyMaterial, DeleteKeyMaterial (KMS API pages, read 2026-11-22).

Checked in this order: the form of the parameters; the key (404, an alias 400) and its origin (400); standing and state (409); the
token, its age, the material (400).
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

from keystead.api.kms._product import KMS
from keystead.api.kms._reach import KeyRequest, NothingResponse, caller_of, held, judged, note
from keystead.api.kms.asymmetric import bytes_of, text_of
from keystead.clock import iso_z
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.keyring import commands as keyring
from keystead.keyring import imports, rules
from keystead.keyring.model import Key, Operation

TOKEN_BYTES_MAX: Final = 4096
WRAPPED_BYTES_MAX: Final = 1024


class GetParametersForImportRequest(Request):
    """Which key, and how its material is to be wrapped."""

    key_id: str
    wrapping_key_spec: str
    """`RSA_2048` or `EC_SM2`."""
    wrapping_algorithm: str
    """`RSAES_PKCS1_V1_5`, `RSAES_OAEP_SHA_1`, `RSAES_OAEP_SHA_256`; `SM2PKE` for EC_SM2."""


class GetParametersForImportResponse(Response):
    """The public key (DER of SubjectPublicKeyInfo) and the token, base64; the token is good for 24 hours of wall time."""

    key_id: str
    public_key: str
    import_token: str
    token_expire_time: str


class ImportKeyMaterialRequest(Request):
    """Wrapped material, the token of its wrapping key, and the second since 1970 when it expires; 0: never."""

    key_id: str
    encrypted_key_material: str
    import_token: str
    key_material_expire_unix: int


def _wrapping_key_ahead(call: Call, request: GetParametersForImportRequest) -> AbstractContextManager[None]:
    """Make an RSA key before the transaction."""
    return call.service.keystore.made_ahead(request.wrapping_key_spec if request.wrapping_key_spec == "RSA_2048" else "")


@KMS.action("GetParametersForImport", Effect.READ, ahead=_wrapping_key_ahead)
def get_parameters_for_import(call: Call, request: GetParametersForImportRequest) -> GetParametersForImportResponse:
    """Make a public key to wrap the material of a key of Origin EXTERNAL with; nothing is kept here, the token holds it all."""
    key = _external(call, request.key_id, Operation.IMPORT_PARAMETERS)
    until = call.instant.wall + imports.TOKEN_LIFE
    way = (request.wrapping_key_spec, request.wrapping_algorithm)
    offer = imports.offer(call.tx, call.service.keystore, key, way, until)
    return GetParametersForImportResponse(
        key_id=key.key_id,
        public_key=text_of(offer.public_key),
        import_token=text_of(offer.token),
        token_expire_time=iso_z(until),
    )


@KMS.action("ImportKeyMaterial", Effect.WRITE)
def import_key_material(call: Call, request: ImportKeyMaterialRequest) -> NothingResponse:
    """Give a key its material, for good: only the same comes again, after it expired or was deleted, or to last longer."""
    wrapped = bytes_of("EncryptedKeyMaterial", request.encrypted_key_material, WRAPPED_BYTES_MAX)
    token = bytes_of("ImportToken", request.import_token, TOKEN_BYTES_MAX)
    expires_at = rules.material_expiry(request.key_material_expire_unix, call.now)
    key = _external(call, request.key_id, Operation.IMPORT_MATERIAL)
    imports.import_material(call.tx, call.service.keystore, call.instant, key, imports.Parcel(token, wrapped, expires_at))
    return NothingResponse()


@KMS.action("DeleteKeyMaterial", Effect.WRITE)
def delete_key_material(call: Call, request: KeyRequest) -> NothingResponse:
    """Delete the imported material of a key, which is PendingImport until it comes back; a key without stays so."""
    imports.delete_material(call.tx, call.now, _external(call, request.key_id, Operation.DELETE_MATERIAL))
    return NothingResponse()


def _external(call: Call, reference: str, operation: Operation) -> Key:
    key = keyring.key_by_id(call.tx, caller_of(call), reference)
    note(call, key)
    rules.from_outside(key)
    return judged(call, held(call, key, operation), operation)
