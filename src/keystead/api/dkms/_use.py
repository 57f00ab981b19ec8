"""How the operations come to a version of a key. The key is named in the message; a version, if at all, in a header.

Without the header the newest version seals and signs, and what is opened or verified is tried with the older ones too: their
ciphertext and signatures do not say which of them made them.
"""

from __future__ import annotations

from typing import Final

from keystead.api.kms._reach import caller_of
from keystead.envelope.rules import VERSION_ID_BYTES
from keystead.faults import MissingParameter
from keystead.gate.call import Call
from keystead.keyring import commands as keyring
from keystead.keyring.commands import ReadyVersion
from keystead.keyring.faults import KeyNotFound, NotOffered
from keystead.keyring.model import KeySpec
from keystead.keyring.specs import SPECS

IV_BYTES: Final = 12
TEXT_BYTES_MAX: Final = 8192
"""The base64 of the 6,144 bytes that Encrypt takes: official transfer clients send that text."""
_GCM: Final = {KeySpec.SM4: "SM4_GCM"}


def version_for(call: Call, key_reference: str) -> ReadyVersion:
    """Give the version that the header names, else the newest."""
    warm, keystore = call.warm, call.service.keystore
    if call.key_version:
        return keyring.ready_version(warm, keystore, caller_of(call), key_reference, call.key_version)
    return keyring.usable_version(warm, keystore, call.account_id, call.region, key_reference)


def versions_for(call: Call, key_reference: str) -> list[ReadyVersion]:
    """Give the version that the header names, else all that have material, the newest first.

    Transfer clients name a version without its key; without either it is MissingParameter.
    """
    version_id = call.key_version
    if version_id and not key_reference:
        if not (len(version_id) == VERSION_ID_BYTES and version_id.isascii() and version_id.isprintable()):
            raise KeyNotFound(version_id)
        return [keyring.version_for_decrypt(call.warm, call.service.keystore, call.account_id, call.region, version_id)]
    if not key_reference:
        raise MissingParameter("KeyId")
    if version_id:
        return [version_for(call, key_reference)]
    return keyring.usable_versions(call.warm, call.service.keystore, caller_of(call), key_reference)


def symmetric(ready: ReadyVersion) -> bool:
    """Whether the key seals and opens by one secret."""
    return SPECS[ready.key.shape.spec].symmetric


def sealing_algorithm(ready: ReadyVersion, asked: str, iv: bytes, padding: str) -> str:
    """Give the algorithm that a symmetric key seals by; NotOffered for another one, a padding, or an IV of the caller's."""
    algorithm = _GCM.get(ready.key.shape.spec, "AES_GCM")
    if asked not in {"", algorithm}:
        raise NotOffered(f"A key of KeySpec {ready.key.shape.spec.value} takes {algorithm} here.")
    if padding:
        raise NotOffered(f"{algorithm} has no padding.")
    if iv:
        raise NotOffered("The initial vector is drawn here, anew for each text: leave Iv out.")
    return algorithm


def used(call: Call, ready: ReadyVersion) -> str:
    """Note the version that was used; gives its id. The answer's header names it."""
    call.record.key_version_id = ready.version_id
    return ready.version_id
