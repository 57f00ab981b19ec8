"""GenerateDataKeyPair and its three relatives: key pairs for the caller, private halves sealed (instance API pages, 2026-11-22).

Making one may take seconds of a core: an instance makes one a second, whatever was purchased (performance data page).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final, NamedTuple

from keystead.api.dkms._product import DKMS
from keystead.api.dkms._use import IV_BYTES, sealing_algorithm, version_for
from keystead.api.kms.cryptography import judge
from keystead.envelope import rules as envelope
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.dedicated.protobuf import Message, Reply
from keystead.gate.registry import Effect
from keystead.hsm.port import DataKeyPair
from keystead.keyring import commands as keyring
from keystead.keyring.commands import ReadyVersion
from keystead.quotas.model import Work

SPECS: Final = ("RSA_2048", "RSA_3072", "RSA_4096", "EC_P256", "EC_P256K", "EC_SM2")
ENCODINGS: Final = ("PEM", "DER")


class GenerateDataKeyPairRequest(Message, kw_only=True):
    """Under which symmetric key, which kind of pair, and whether as PEM (the default) or DER."""

    key_id: str
    algorithm: str = ""
    key_pair_spec: str
    key_format: str = ""
    aad: bytes = b""


class GenerateDataKeyPairWithoutPlaintextRequest(GenerateDataKeyPairRequest, kw_only=True):
    """The same."""


class AdvanceGenerateDataKeyPairRequest(Message, kw_only=True):
    """The same, without an algorithm."""

    key_id: str
    key_pair_spec: str
    key_format: str = ""
    aad: bytes = b""


class AdvanceGenerateDataKeyPairWithoutPlaintextRequest(AdvanceGenerateDataKeyPairRequest, kw_only=True):
    """The same."""


class GenerateDataKeyPairResponse(Reply, kw_only=True):
    """The pair: PKCS#8 (of EC_SM2: ECPrivateKey) in clear and sealed, and SubjectPublicKeyInfo."""

    REQUEST_ID: ClassVar[int] = 7
    key_id: str
    iv: bytes
    key_pair_spec: str
    private_key_plaintext: bytes
    private_key_ciphertext_blob: bytes
    public_key: bytes
    algorithm: str


class AdvanceGenerateDataKeyPairResponse(GenerateDataKeyPairResponse, kw_only=True):
    """The same; the ciphertext describes itself."""

    REQUEST_ID: ClassVar[int] = 7
    key_version_id: str


class GenerateDataKeyPairWithoutPlaintextResponse(Reply, kw_only=True):
    """The pair, its private half sealed only."""

    REQUEST_ID: ClassVar[int] = 6
    key_id: str
    iv: bytes
    key_pair_spec: str
    private_key_ciphertext_blob: bytes
    public_key: bytes
    algorithm: str


class AdvanceGenerateDataKeyPairWithoutPlaintextResponse(GenerateDataKeyPairWithoutPlaintextResponse, kw_only=True):
    """The same; the ciphertext describes itself."""

    REQUEST_ID: ClassVar[int] = 6
    key_version_id: str


class _Made(NamedTuple):
    """A pair that was made, and its private half sealed."""

    ready: ReadyVersion
    algorithm: str
    pair: DataKeyPair
    iv: bytes
    blob: bytes


@DKMS.action("GenerateDataKeyPair", Effect.COMPUTE, methods="POST")
def generate_data_key_pair(call: Call, request: GenerateDataKeyPairRequest) -> GenerateDataKeyPairResponse:
    """Make a key pair; give its private half in clear and sealed."""
    made = _made(call, request, request.algorithm, _bare)
    return GenerateDataKeyPairResponse(
        key_id=made.ready.key.key_id,
        iv=made.iv,
        key_pair_spec=request.key_pair_spec,
        private_key_plaintext=made.pair.private,
        private_key_ciphertext_blob=made.blob,
        public_key=made.pair.public,
        algorithm=made.algorithm,
    )


@DKMS.action("GenerateDataKeyPairWithoutPlaintext", Effect.COMPUTE, methods="POST")
def generate_data_key_pair_without_plaintext(
    call: Call, request: GenerateDataKeyPairWithoutPlaintextRequest
) -> GenerateDataKeyPairWithoutPlaintextResponse:
    """Make a key pair; give its private half sealed only."""
    made = _made(call, request, request.algorithm, _bare)
    return GenerateDataKeyPairWithoutPlaintextResponse(
        key_id=made.ready.key.key_id,
        iv=made.iv,
        key_pair_spec=request.key_pair_spec,
        private_key_ciphertext_blob=made.blob,
        public_key=made.pair.public,
        algorithm=made.algorithm,
    )


@DKMS.action("AdvanceGenerateDataKeyPair", Effect.COMPUTE, methods="POST")
def advance_generate_data_key_pair(call: Call, request: AdvanceGenerateDataKeyPairRequest) -> AdvanceGenerateDataKeyPairResponse:
    """Make a key pair; give its private half in clear and as a ciphertext that describes itself."""
    made = _made(call, request, "", envelope.pack_advanced)
    return AdvanceGenerateDataKeyPairResponse(
        key_id=made.ready.key.key_id,
        iv=made.iv,
        key_pair_spec=request.key_pair_spec,
        private_key_plaintext=made.pair.private,
        private_key_ciphertext_blob=made.blob,
        public_key=made.pair.public,
        algorithm=made.algorithm,
        key_version_id=made.ready.version_id,
    )


@DKMS.action("AdvanceGenerateDataKeyPairWithoutPlaintext", Effect.COMPUTE, methods="POST")
def advance_generate_data_key_pair_without_plaintext(
    call: Call, request: AdvanceGenerateDataKeyPairWithoutPlaintextRequest
) -> AdvanceGenerateDataKeyPairWithoutPlaintextResponse:
    """Make a key pair; give its private half as a ciphertext that describes itself, only."""
    made = _made(call, request, "", envelope.pack_advanced)
    return AdvanceGenerateDataKeyPairWithoutPlaintextResponse(
        key_id=made.ready.key.key_id,
        iv=made.iv,
        key_pair_spec=request.key_pair_spec,
        private_key_ciphertext_blob=made.blob,
        public_key=made.pair.public,
        algorithm=made.algorithm,
        key_version_id=made.ready.version_id,
    )


def _made(
    call: Call,
    request: GenerateDataKeyPairRequest | AdvanceGenerateDataKeyPairRequest,
    asked: str,
    laid_out: Callable[[str, bytes], bytes],
) -> _Made:
    encoding = request.key_format or ENCODINGS[0]
    if request.key_pair_spec not in SPECS:
        raise InvalidParameter("KeyPairSpec", f"It must be one of {', '.join(SPECS)}.")
    if encoding not in ENCODINGS:
        raise InvalidParameter("KeyFormat", f"It must be {' or '.join(ENCODINGS)}.")
    ready = version_for(call, request.key_id)
    keyring.leave_the_loop(call.warm, slow=True)
    standing = judge(call, ready)
    algorithm = sealing_algorithm(ready, asked, b"", "")
    if standing is not None:  # an application has keys of instances only
        call.admit("", Work.PAIR, standing)
    pair = call.service.keystore.data_key_pair(request.key_pair_spec, encoding)
    sealed = ready.handle.seal(pair.private, request.aad)
    return _Made(ready, algorithm, pair, sealed[:IV_BYTES], laid_out(ready.version_id, sealed))


def _bare(_version_id: str, sealed: bytes) -> bytes:
    return sealed[IV_BYTES:]
