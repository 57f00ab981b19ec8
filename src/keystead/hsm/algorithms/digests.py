"""What an algorithm signs of a message: its digest; for SM2 that of the message behind the signer's own (GM/T 0003.2, 5.5)."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from cryptography.hazmat.primitives.hashes import SM3, Hash

_IDENTITY: Final = b"1234567812345678"  # the standard's own, where signer and verifier have agreed on no other (GM/T 0009)
# a, b, x and y of the generator (GM/T 0003.5)
_CURVE: Final = bytes.fromhex(
    "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93"
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
)
_POINT_BYTES: Final = 64
_HASHES: Final = {"SHA_256": "sha256", "SHA_384": "sha384", "SHA_512": "sha512"}


def digest_of(algorithm: str, public_pem: str, message: bytes) -> bytes:
    """Give what `sign` of the algorithm takes for a message; of one that hashes by itself, the message."""
    if algorithm == "SM2DSA":
        point = base64.b64decode("".join(public_pem.splitlines()[1:-1]))[-_POINT_BYTES:]
        signer = _sm3(len(_IDENTITY * 8).to_bytes(2, "big") + _IDENTITY + _CURVE + point)
        return _sm3(signer + message)
    name = _HASHES.get("_".join(algorithm.split("_")[-2:]))
    return message if name is None else hashlib.new(name, message).digest()


def _sm3(data: bytes) -> bytes:
    running = Hash(SM3())
    running.update(data)
    return running.finalize()
