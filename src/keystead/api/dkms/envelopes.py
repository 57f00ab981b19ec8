"""AdvanceEncrypt, AdvanceDecrypt, AdvanceGenerateDataKey: ciphertext that says which version of which key opens it.

Behind its three bytes of header it is what the JSON API's Encrypt gives (`envelope/rules.py`): adding or taking away the header
is all that lies between the two.
"""

from __future__ import annotations

import base64
from typing import ClassVar

from keystead.api.dkms._product import DKMS
from keystead.api.dkms._use import IV_BYTES, sealing_algorithm, version_for
from keystead.api.dkms.symmetric import EncryptResponse, text_of
from keystead.api.kms.cryptography import admit
from keystead.envelope import rules as envelope
from keystead.envelope.faults import CiphertextNotValid
from keystead.envelope.rules import data_key_bytes
from keystead.gate.call import Call
from keystead.gate.dedicated.protobuf import Message, Reply
from keystead.gate.registry import Effect
from keystead.keyring import commands as keyring


class AdvanceEncryptRequest(Message, kw_only=True):
    """What to encrypt, 1 to 8,192 bytes, under which symmetric key."""

    key_id: str
    plaintext: bytes
    algorithm: str = ""
    aad: bytes = b""
    iv: bytes = b""
    padding_mode: str = ""


class AdvanceEncryptResponse(EncryptResponse, kw_only=True):
    """The ciphertext that describes itself; the IV is in it, and told besides."""

    REQUEST_ID: ClassVar[int] = 4
    key_version_id: str = ""


class AdvanceDecryptRequest(Message, kw_only=True):
    """What AdvanceEncrypt answered; a key, if named, must be the one it is of."""

    ciphertext_blob: bytes
    key_id: str = ""
    algorithm: str = ""
    aad: bytes = b""
    iv: bytes = b""
    padding_mode: str = ""


class AdvanceDecryptResponse(Reply, kw_only=True):
    """The very bytes."""

    REQUEST_ID: ClassVar[int] = 3
    key_id: str
    plaintext: bytes
    algorithm: str
    padding_mode: str = ""
    key_version_id: str = ""


class AdvanceGenerateDataKeyRequest(Message, kw_only=True):
    """Under which key, and how long: 1 to 1,024 bytes, 32 by default."""

    key_id: str
    number_of_bytes: int = 0
    aad: bytes = b""


class AdvanceGenerateDataKeyResponse(Reply, kw_only=True):
    """A data key, as it is and sealed."""

    REQUEST_ID: ClassVar[int] = 5
    key_id: str
    iv: bytes
    plaintext: bytes
    ciphertext_blob: bytes
    algorithm: str
    key_version_id: str


@DKMS.action("AdvanceEncrypt", Effect.COMPUTE, methods="POST")
def advance_encrypt(call: Call, request: AdvanceEncryptRequest) -> AdvanceEncryptResponse:
    """Encrypt a small text into a ciphertext that describes itself."""
    text_of(request.plaintext)
    ready = version_for(call, request.key_id)
    admit(call, ready)
    algorithm = sealing_algorithm(ready, request.algorithm, request.iv, request.padding_mode)
    sealed = ready.handle.seal(request.plaintext, request.aad)
    return AdvanceEncryptResponse(
        key_id=ready.key.key_id,
        ciphertext_blob=envelope.pack_advanced(ready.version_id, sealed),
        iv=sealed[:IV_BYTES],
        algorithm=algorithm,
        key_version_id=ready.version_id,
    )


@DKMS.action("AdvanceDecrypt", Effect.COMPUTE, methods="POST")
def advance_decrypt(call: Call, request: AdvanceDecryptRequest) -> AdvanceDecryptResponse:
    """Decrypt a ciphertext that describes itself; its IV is in it, whatever is told besides."""
    blob = envelope.unpack_advanced(request.ciphertext_blob)
    warm, keystore = call.warm, call.service.keystore
    ready = keyring.version_for_decrypt(warm, keystore, call.account_id, call.region, blob.version_id)
    named = keyring.warm_key_id(warm, call.account_id, call.region, request.key_id) if request.key_id else ready.key.key_id
    admit(call, ready)
    if named != ready.key.key_id or request.iv not in {b"", blob.iv_and_ciphertext[:IV_BYTES]}:
        raise CiphertextNotValid
    algorithm = sealing_algorithm(ready, request.algorithm, b"", request.padding_mode)
    return AdvanceDecryptResponse(
        key_id=ready.key.key_id,
        plaintext=keyring.open_sealed(ready, blob.iv_and_ciphertext, request.aad),
        algorithm=algorithm,
        key_version_id=ready.version_id,
    )


@DKMS.action("AdvanceGenerateDataKey", Effect.COMPUTE, methods="POST")
def advance_generate_data_key(call: Call, request: AdvanceGenerateDataKeyRequest) -> AdvanceGenerateDataKeyResponse:
    """Draw a data key; give it in clear and as a ciphertext that describes itself."""
    length = data_key_bytes("", request.number_of_bytes or None)
    ready = version_for(call, request.key_id)
    admit(call, ready)
    clear = base64.b64decode(call.service.keystore.data_key_text(length))
    sealed = ready.handle.seal(clear, request.aad)
    return AdvanceGenerateDataKeyResponse(
        key_id=ready.key.key_id,
        iv=sealed[:IV_BYTES],
        plaintext=clear,
        ciphertext_blob=envelope.pack_advanced(ready.version_id, sealed),
        algorithm=sealing_algorithm(ready, "", b"", ""),
        key_version_id=ready.version_id,
    )
