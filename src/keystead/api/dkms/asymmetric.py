"""Sign, Verify and GetPublicKey of the instance API (its pages, read 2026-11-22)."""

from __future__ import annotations

from typing import ClassVar, Final

from keystead.api.dkms._product import DKMS
from keystead.api.dkms._use import used, version_for, versions_for
from keystead.api.kms.asymmetric import INPUT_BYTES_MAX, admit_for
from keystead.faults import InvalidParameter, MissingParameter
from keystead.gate.call import Call
from keystead.gate.dedicated.protobuf import Message, Reply
from keystead.gate.registry import Effect
from keystead.hsm.algorithms.digests import digest_of
from keystead.hsm.algorithms.specs import SPECS
from keystead.keyring import commands as keyring
from keystead.keyring.commands import ReadyVersion
from keystead.keyring.model import KeyUsage

RAW: Final = "RAW"
DIGEST: Final = "DIGEST"


class SignRequest(Message, kw_only=True):
    """A message of up to 6,400 bytes, or its digest: in `message` with the type DIGEST, or in the older `digest`."""

    key_id: str
    digest: bytes = b""
    algorithm: str = ""
    message: bytes = b""
    message_type: str = ""


class SignResponse(Reply, kw_only=True):
    """The signature: ASN.1 DER for ECDSA_SHA_256 and SM2DSA."""

    REQUEST_ID: ClassVar[int] = 3
    key_id: str
    signature: bytes
    algorithm: str
    message_type: str


class VerifyRequest(Message, kw_only=True):
    """As for Sign, and what is said to be the signature."""

    key_id: str
    digest: bytes = b""
    signature: bytes
    algorithm: str = ""
    message: bytes = b""
    message_type: str = ""


class VerifyResponse(Reply, kw_only=True):
    """Whether the signature is the key's; a malformed one is not."""

    REQUEST_ID: ClassVar[int] = 3
    key_id: str
    value: bool
    algorithm: str
    message_type: str


class GetPublicKeyRequest(Message, kw_only=True):
    """Whose public key."""

    key_id: str


class GetPublicKeyResponse(Reply, kw_only=True):
    """The public key: SubjectPublicKeyInfo in PEM."""

    REQUEST_ID: ClassVar[int] = 3
    key_id: str
    public_key: str


@DKMS.action("Sign", Effect.COMPUTE, methods="POST")
def sign(call: Call, request: SignRequest) -> SignResponse:
    """Sign a message or its digest with the key's newest version, or the one that the header names."""
    given, kind = _given(request)
    ready = version_for(call, request.key_id)
    algorithm = _algorithm(ready, request.algorithm)
    keyring.leave_the_loop(call.warm, slow="sign" in ready.handle.slow)
    admit_for(call, ready, KeyUsage.SIGN_VERIFY)
    signature = ready.handle.sign(algorithm, _digest(ready, algorithm, given, kind))
    return SignResponse(key_id=ready.key.key_id, signature=signature, algorithm=algorithm, message_type=kind)


@DKMS.action("Verify", Effect.COMPUTE, methods="POST")
def verify(call: Call, request: VerifyRequest) -> VerifyResponse:
    """Tell whether a signature is that of any version of the key, or of the one that the header names."""
    given, kind = _given(request)
    if len(request.signature) > INPUT_BYTES_MAX:
        raise InvalidParameter("Signature", f"It has more than {INPUT_BYTES_MAX} bytes.")
    found = versions_for(call, request.key_id)
    algorithm = _algorithm(found[0], request.algorithm)
    keyring.leave_the_loop(call.warm, slow="verify" in found[0].handle.slow or len(found) > 1)
    admit_for(call, found[0], KeyUsage.SIGN_VERIFY)
    for ready in found:
        if ready.handle.verify(algorithm, _digest(ready, algorithm, given, kind), request.signature):
            used(call, ready)
            return VerifyResponse(key_id=ready.key.key_id, value=True, algorithm=algorithm, message_type=kind)
    return VerifyResponse(key_id=found[0].key.key_id, value=False, algorithm=algorithm, message_type=kind)


@DKMS.action("GetPublicKey", Effect.COMPUTE, methods="POST")
def get_public_key(call: Call, request: GetPublicKeyRequest) -> GetPublicKeyResponse:
    """Show the public key of the key's newest version, or of the one that the header names."""
    ready = version_for(call, request.key_id)
    admit_for(call, ready, None)
    return GetPublicKeyResponse(key_id=ready.key.key_id, public_key=ready.handle.public_pem())


def _given(request: SignRequest | VerifyRequest) -> tuple[bytes, str]:
    """Give what is to be signed, and whether it is a message or a digest."""
    kind = request.message_type or (DIGEST if request.digest else RAW)
    if kind not in {RAW, DIGEST}:
        raise InvalidParameter("MessageType", f"It must be {RAW} or {DIGEST}.")
    if request.digest and request.message:
        raise InvalidParameter("Message", "Give a Message or a Digest, not both.")
    given = request.message or request.digest
    if not given:
        raise MissingParameter("Message")
    if len(given) > INPUT_BYTES_MAX:
        raise InvalidParameter("Message", f"It has more than {INPUT_BYTES_MAX} bytes: sign its digest.")
    return given, DIGEST if request.digest else kind


def _algorithm(ready: ReadyVersion, asked: str) -> str:
    """Give the algorithm asked for, else the documented default of the key's kind; the handle judges it."""
    return asked or next(iter(SPECS[ready.key.shape.spec.value].signing), "")


def _digest(ready: ReadyVersion, algorithm: str, given: bytes, kind: str) -> bytes:
    return given if kind == DIGEST else digest_of(algorithm, ready.handle.public_pem(), given)
