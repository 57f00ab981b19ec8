"""Key material coming in: import tokens, unwrapping, and the mark by which equal material is known again.

A token holds the private half of the wrapping key, sealed under the instance's key, so that nothing has to be kept for it. Before
base64, byte by byte:

    offset  length  what
    0       1       number of the way in WAYS
    1       8       until when, milliseconds of wall time since 1970, big endian
    9       n       a sealed blob of the key store; bound to the version's ids and to the nine bytes before
"""

from __future__ import annotations

import hmac
from typing import Final, cast

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from keystead.hsm.algorithms.sm2 import Sm2Key
from keystead.hsm.algorithms.specs import SPECS, Kind, Spec
from keystead.hsm.algorithms.wrapping import IMPORT_ALGORITHMS, MaterialRefused, unwrapped
from keystead.hsm.clear_material import ClearMaterial
from keystead.hsm.port import ImportTokenNotValid, ImportWay

WAYS: Final = tuple((spec, algorithm) for spec, algorithms in IMPORT_ALGORITHMS.items() for algorithm in algorithms)
HEADER_BYTES: Final = 9
_MARK: Final = b"mark of imported material"


def header(way: ImportWay) -> bytes:
    """Write what a token says in clear."""
    return bytes([WAYS.index((way.spec, way.algorithm))]) + way.until_ms.to_bytes(8, "big")


def way_of(token: bytes) -> ImportWay:
    """Read what a token says in clear, not yet authentic; ImportTokenNotValid if it cannot be one."""
    if len(token) <= HEADER_BYTES or token[0] >= len(WAYS):
        raise ImportTokenNotValid
    return ImportWay(*WAYS[token[0]], int.from_bytes(token[1:HEADER_BYTES], "big"))


def public_der(spec: str, private: bytearray) -> bytes:
    """Give the public half of a wrapping key."""
    key = _private(spec, private)
    if isinstance(key, Sm2Key):
        return key.public_der()
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def material(spec: Spec, way: ImportWay, private: bytearray, wrapped: bytes) -> ClearMaterial:
    """Unwrap material; MaterialRefused unless it decrypts to as many bytes as a key of the spec has."""
    clear = unwrapped(_private(way.spec, private), way.algorithm, wrapped)
    if len(clear) != spec.size:
        raise MaterialRefused
    return ClearMaterial(bytearray(clear))


def mark(instance_key: bytearray, ids: bytes, opened: ClearMaterial) -> bytes:
    """Give the mark of material: without the instance's key it tells nothing, not even of material that could be guessed."""
    key = hmac.digest(bytes(instance_key), _MARK, "sha256")
    return opened.into(lambda buffer: hmac.digest(key, ids + bytes(buffer), "sha256"))


def _private(spec: str, der: bytearray) -> RSAPrivateKey | Sm2Key:
    if SPECS[spec].kind is Kind.SM2:
        return Sm2Key.opened(bytes(der))
    return cast("RSAPrivateKey", load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True))
