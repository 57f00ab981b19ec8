"""Keys that are random bytes: SM4 in GCM (RFC 8998), and HMAC (RFC 2104).

AES has its handle in the key store: it is the hot path.
"""

from __future__ import annotations

import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hmac import HMAC

from keystead.hsm.algorithms.handle import Handle
from keystead.hsm.algorithms.specs import Spec
from keystead.hsm.port import NotAuthentic

IV_BYTES: Final = 12
TAG_BYTES: Final = 16
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "HMAC_SM3": hashes.SM3(),
    "HMAC_SHA_224": hashes.SHA224(),
    "HMAC_SHA_256": hashes.SHA256(),
    "HMAC_SHA_384": hashes.SHA384(),
    "HMAC_SHA_512": hashes.SHA512(),
}


class Sm4Handle(Handle):
    """An SM4 key in GCM, laid out as the AES keys' ciphertext is."""

    __slots__ = ("_key",)

    def __init__(self, spec: Spec, secret: bytearray) -> None:
        """Keep the key in the library's own object."""
        super().__init__(spec)
        self._key = SM4(bytes(secret))

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Give IV, ciphertext and tag; the IV is drawn at random."""
        iv = os.urandom(IV_BYTES)
        sealing = Cipher(self._key, GCM(iv)).encryptor()
        sealing.authenticate_additional_data(associated_data)
        return iv + sealing.update(plaintext) + sealing.finalize() + sealing.tag

    def open(self, iv_and_ciphertext: bytes, associated_data: bytes) -> bytes:
        """Give the plaintext; NotAuthentic for anything else than what `seal` gave."""
        if len(iv_and_ciphertext) < IV_BYTES + TAG_BYTES:
            raise NotAuthentic
        iv, body, tag = iv_and_ciphertext[:IV_BYTES], iv_and_ciphertext[IV_BYTES:-TAG_BYTES], iv_and_ciphertext[-TAG_BYTES:]
        opening = Cipher(self._key, GCM(iv, tag)).decryptor()
        opening.authenticate_additional_data(associated_data)
        try:
            return opening.update(body) + opening.finalize()
        except InvalidTag:
            raise NotAuthentic from None


class MacHandle(Handle):
    """An HMAC key, bound to one hash."""

    __slots__ = ("_keyed",)

    def __init__(self, spec: Spec, secret: bytearray) -> None:
        """Begin an HMAC that each message goes on from."""
        super().__init__(spec)
        self._keyed = HMAC(bytes(secret), _HASHES[spec.signing[0]])

    def mac(self, algorithm: str, message: bytes) -> bytes:
        """Give the whole code, never a truncated one."""
        self._algorithm(algorithm, self.spec.signing)
        running = self._keyed.copy()
        running.update(message)
        return running.finalize()

    def verify_mac(self, algorithm: str, message: bytes, mac: bytes) -> bool:
        """Compare with the whole code in constant time."""
        return hmac.compare_digest(self.mac(algorithm, message), mac)
