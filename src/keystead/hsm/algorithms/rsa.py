"""RSA keys: RSAES-OAEP and RSASSA with SHA-256 (RFC 8017).

A private key is stored as PKCS#8. It is made whole by the library or checked once at import; from our own seal it is then loaded
without the check, which costs 36 ms of a core each time and can find nothing that the seal would not.
"""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Final, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
)

from keystead.hsm.algorithms.handle import DigestRefused, Handle, NotDecrypted, PlaintextTooLong
from keystead.hsm.algorithms.specs import Spec

MAKERS: Final = 2
PATIENCE_SECONDS: Final = 4.0
NICENESS: Final = 10
"""A tenth of the processor time of a thread that has none, where both want the same core."""
_SHA_256: Final = Prehashed(hashes.SHA256())
_SIGNING: Final[dict[str, padding.AsymmetricPadding]] = {
    "RSA_PSS_SHA_256": padding.PSS(padding.MGF1(hashes.SHA256()), 32),
    "RSA_PKCS1_SHA_256": padding.PKCS1v15(),
}
OAEP: Final[dict[str, tuple[padding.OAEP, int]]] = {
    "RSAES_OAEP_SHA_256": (padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None), 32),
    "RSAES_OAEP_SHA_1": (padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None), 20),  # noqa: S303 - the documented name
}


def made(spec: Spec, patience: float = PATIENCE_SECONDS) -> RSAPrivateKey:
    """Make a key pair with exponent 65,537: on a core that nobody else wants, where there is one (docs/adr/0111).

    After `patience` seconds a second search, at low priority, tries its luck too.
    """
    searches = [_IDLERS.submit(generate_private_key, 65537, spec.size)]
    done, waiting = wait(searches, patience)
    if not done:
        searches.append(_LATECOMERS.submit(generate_private_key, 65537, spec.size))
        done, waiting = wait(searches, return_when=FIRST_COMPLETED)
    for other in waiting:
        other.cancel()
    return done.pop().result()


def _be_idle() -> None:
    if sys.platform == "linux":  # where these are a thread's own
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))


def _be_nice() -> None:
    if sys.platform == "linux":
        niceness = max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


_IDLERS: Final = ThreadPoolExecutor(MAKERS, thread_name_prefix="rsa-idle", initializer=_be_idle)
_LATECOMERS: Final = ThreadPoolExecutor(MAKERS, thread_name_prefix="rsa-late", initializer=_be_nice)


def encrypted(public_key: RSAPublicKey, algorithm: str, plaintext: bytes) -> bytes:
    """Encrypt with OAEP; PlaintextTooLong beyond modulus - 2 hashes - 2 bytes (RFC 8017, section 7.1.1)."""
    scheme, hash_bytes = OAEP[algorithm]
    most = public_key.key_size // 8 - 2 * hash_bytes - 2
    if len(plaintext) > most:
        raise PlaintextTooLong(algorithm, most)
    return public_key.encrypt(plaintext, scheme)


def verified(public_key: RSAPublicKey, algorithm: str, digest: bytes, signature: bytes) -> bool:
    """Check a signature over a SHA-256 digest; DigestRefused for another length."""
    if len(digest) != 32:
        raise DigestRefused(algorithm, 32)
    try:
        public_key.verify(signature, digest, _SIGNING[algorithm], _SHA_256)
    except (InvalidSignature, ValueError):
        return False
    return True


class RsaHandle(Handle):
    """An RSA key pair."""

    __slots__ = ("_pem", "_private", "_public")
    slow = frozenset({"sign", "decrypt"})

    def __init__(self, spec: Spec, pkcs8: bytearray) -> None:
        """Take the key from its PKCS#8, which must come from an authentic seal: it is not checked."""
        super().__init__(spec)
        self._private = cast("RSAPrivateKey", load_der_private_key(pkcs8, None, unsafe_skip_rsa_key_validation=True))
        self._public = self._private.public_key()
        self._pem = self._public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    def public_pem(self) -> str:
        """Give the public key (see the base)."""
        return self._pem

    def sign(self, algorithm: str, digest: bytes) -> bytes:
        """Sign a SHA-256 digest; PSS with 32 bytes of salt."""
        self._algorithm(algorithm, self.spec.signing)
        if len(digest) != 32:
            raise DigestRefused(algorithm, 32)
        return self._private.sign(digest, _SIGNING[algorithm], _SHA_256)

    def verify(self, algorithm: str, digest: bytes, signature: bytes) -> bool:
        """Check a signature over a SHA-256 digest; PSS must have 32 bytes of salt."""
        self._algorithm(algorithm, self.spec.signing)
        return verified(self._public, algorithm, digest, signature)

    def encrypt(self, algorithm: str, plaintext: bytes) -> bytes:
        """Encrypt with OAEP, no label."""
        self._algorithm(algorithm, self.spec.encrypting)
        return encrypted(self._public, algorithm, plaintext)

    def decrypt(self, algorithm: str, ciphertext: bytes) -> bytes:
        """Undo OAEP."""
        self._algorithm(algorithm, self.spec.encrypting)
        try:
            return self._private.decrypt(ciphertext, OAEP[algorithm][0])
        except ValueError:
            raise NotDecrypted from None
