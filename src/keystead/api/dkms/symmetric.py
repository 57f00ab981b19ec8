"""Encrypt, Decrypt and GenerateDataKey of the instance API (its pages, read 2026-11-22), symmetric keys and RSA and SM2 ones.

Whether the caller may is asked before anything is said about the key. What a symmetric key seals comes as ciphertext with tag,
and the IV beside it. Fields are numbered by their order.
"""

from __future__ import annotations

import base64
from typing import ClassVar

from keystead.api.dkms._product import DKMS
from keystead.api.dkms._use import (
    IV_BYTES,
    TEXT_BYTES_MAX,
    sealing_algorithm,
    symmetric,
    used,
    version_for,
    versions_for,
)
from keystead.api.kms.asymmetric import INPUT_BYTES_MAX, admit_for
from keystead.api.kms.cryptography import admit
from keystead.envelope.faults import CiphertextNotValid
from keystead.envelope.rules import data_key_bytes
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.dedicated.protobuf import Message, Reply
from keystead.gate.registry import Effect
from keystead.hsm.algorithms.handle import NotDecrypted
from keystead.hsm.algorithms.specs import SPECS
from keystead.keyring import commands as keyring
from keystead.keyring.commands import ReadyVersion
from keystead.keyring.model import KeyUsage


class EncryptRequest(Message, kw_only=True):
    """What to encrypt, 1 to 8,192 bytes, under which key: its id, alias or ARN."""

    key_id: str
    plaintext: bytes
    algorithm: str = ""
    aad: bytes = b""
    iv: bytes = b""
    padding_mode: str = ""


class EncryptResponse(Reply, kw_only=True):
    """The ciphertext; of a symmetric key it needs IV and key to be opened."""

    REQUEST_ID: ClassVar[int] = 4
    key_id: str
    ciphertext_blob: bytes
    iv: bytes
    algorithm: str
    padding_mode: str = ""


class DecryptRequest(Message, kw_only=True):
    """What Encrypt answered; the key may be left out where the header names its version."""

    ciphertext_blob: bytes
    key_id: str = ""
    algorithm: str = ""
    aad: bytes = b""
    iv: bytes = b""
    padding_mode: str = ""


class DecryptResponse(Reply, kw_only=True):
    """The very bytes that Encrypt was given."""

    REQUEST_ID: ClassVar[int] = 3
    key_id: str
    plaintext: bytes
    algorithm: str
    padding_mode: str = ""


class GenerateDataKeyRequest(Message, kw_only=True):
    """Under which key, and how long: 1 to 1,024 bytes, 32 by default."""

    key_id: str
    algorithm: str = ""
    number_of_bytes: int = 0
    aad: bytes = b""


class GenerateDataKeyResponse(Reply, kw_only=True):
    """A data key, as it is and sealed: Decrypt gives these very bytes."""

    REQUEST_ID: ClassVar[int] = 5
    key_id: str
    iv: bytes
    plaintext: bytes
    ciphertext_blob: bytes
    algorithm: str


@DKMS.action("Encrypt", Effect.COMPUTE, methods="POST")
def encrypt(call: Call, request: EncryptRequest) -> EncryptResponse:
    """Encrypt a small text with the key's newest version, or the one that the header names."""
    text_of(request.plaintext)
    ready = version_for(call, request.key_id)
    if not symmetric(ready):
        return _encrypt_for(call, request, ready)
    admit(call, ready)
    algorithm = sealing_algorithm(ready, request.algorithm, request.iv, request.padding_mode)
    sealed = ready.handle.seal(request.plaintext, request.aad)
    return EncryptResponse(key_id=ready.key.key_id, ciphertext_blob=sealed[IV_BYTES:], iv=sealed[:IV_BYTES], algorithm=algorithm)


@DKMS.action("Decrypt", Effect.COMPUTE, methods="POST")
def decrypt(call: Call, request: DecryptRequest) -> DecryptResponse:
    """Decrypt what Encrypt or GenerateDataKey made, with whichever version of the key did."""
    found = versions_for(call, request.key_id)
    if not symmetric(found[0]):
        return _decrypt_for(call, request, found)
    admit(call, found[0])
    algorithm = sealing_algorithm(found[0], request.algorithm, b"", request.padding_mode)
    if len(request.iv) != IV_BYTES:
        raise InvalidParameter("Iv", f"It must have {IV_BYTES} bytes.")
    for ready in found:
        try:
            plaintext = keyring.open_sealed(ready, request.iv + request.ciphertext_blob, request.aad)
        except CiphertextNotValid:
            continue
        used(call, ready)
        return DecryptResponse(key_id=ready.key.key_id, plaintext=plaintext, algorithm=algorithm)
    raise CiphertextNotValid


@DKMS.action("GenerateDataKey", Effect.COMPUTE, methods="POST")
def generate_data_key(call: Call, request: GenerateDataKeyRequest) -> GenerateDataKeyResponse:
    """Draw a data key; give it in clear and sealed."""
    length = data_key_bytes("", request.number_of_bytes or None)
    ready = version_for(call, request.key_id)
    admit(call, ready)
    algorithm = sealing_algorithm(ready, request.algorithm, b"", "")
    clear = base64.b64decode(call.service.keystore.data_key_text(length))
    sealed = ready.handle.seal(clear, request.aad)
    return GenerateDataKeyResponse(
        key_id=ready.key.key_id,
        iv=sealed[:IV_BYTES],
        plaintext=clear,
        ciphertext_blob=sealed[IV_BYTES:],
        algorithm=algorithm,
    )


def text_of(plaintext: bytes) -> None:
    """Raise InvalidParameter for a text that is too long."""
    if len(plaintext) > TEXT_BYTES_MAX:
        raise InvalidParameter("Plaintext", f"It has more than {TEXT_BYTES_MAX} bytes.")


def _encrypt_for(call: Call, request: EncryptRequest, ready: ReadyVersion) -> EncryptResponse:
    algorithm = _public_algorithm(ready, request.algorithm)
    keyring.leave_the_loop(call.warm, slow="encrypt" in ready.handle.slow)
    admit_for(call, ready, KeyUsage.ENCRYPT_DECRYPT)
    blob = ready.handle.encrypt(algorithm, request.plaintext)
    return EncryptResponse(key_id=ready.key.key_id, ciphertext_blob=blob, iv=b"", algorithm=algorithm)


def _decrypt_for(call: Call, request: DecryptRequest, found: list[ReadyVersion]) -> DecryptResponse:
    if len(request.ciphertext_blob) > INPUT_BYTES_MAX:
        raise NotDecrypted
    algorithm = _public_algorithm(found[0], request.algorithm)
    keyring.leave_the_loop(call.warm, slow="decrypt" in found[0].handle.slow)
    admit_for(call, found[0], KeyUsage.ENCRYPT_DECRYPT)
    for ready in found:
        try:
            plaintext = ready.handle.decrypt(algorithm, request.ciphertext_blob)
        except NotDecrypted:
            continue
        used(call, ready)
        return DecryptResponse(key_id=ready.key.key_id, plaintext=plaintext, algorithm=algorithm)
    raise NotDecrypted


def _public_algorithm(ready: ReadyVersion, asked: str) -> str:
    """Give the algorithm asked for, else the documented default of the key's kind; the handle judges it."""
    return asked or next(iter(SPECS[ready.key.shape.spec.value].encrypting), "")
