"""ML-DSA (FIPS 204) and ML-KEM (FIPS 203), stored as PKCS#8 of their seeds. The cloud has neither: what is here is ours.

ML-DSA signs the 64-byte message representative mu, which the caller computes (FIPS 204, algorithm 7, line 6), as other algorithms
sign the digest that the caller computes. ML-KEM decapsulates: `decrypt` of an encapsulation gives the 32-byte shared secret. Who
has the public key encapsulates; there is nothing for the service to encrypt.
"""

from __future__ import annotations

from typing import Final, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import mldsa, mlkem
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from keystead.hsm.algorithms.handle import DigestRefused, Handle, NotDecrypted
from keystead.hsm.algorithms.specs import Spec

MU_BYTES: Final = 64
Signing = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
Checking = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey
Sharing = mlkem.MLKEM768PrivateKey | mlkem.MLKEM1024PrivateKey
_MADE: Final[dict[str, type[Signing | Sharing]]] = {
    "ML_DSA_44": mldsa.MLDSA44PrivateKey,
    "ML_DSA_65": mldsa.MLDSA65PrivateKey,
    "ML_DSA_87": mldsa.MLDSA87PrivateKey,
    "ML_KEM_768": mlkem.MLKEM768PrivateKey,
    "ML_KEM_1024": mlkem.MLKEM1024PrivateKey,
}


def made(spec: Spec) -> Signing | Sharing:
    """Make a key pair."""
    return _MADE[spec.name].generate()


def verified(public_key: Checking, mu: bytes, signature: bytes) -> bool:
    """Check a signature over mu."""
    try:
        public_key.verify_mu(signature, mu)
    except (InvalidSignature, ValueError):
        return False
    return True


class SigningLatticeHandle(Handle):
    """An ML-DSA key pair."""

    __slots__ = ("_pem", "_private", "_public")
    slow = frozenset({"sign", "verify"})

    def __init__(self, spec: Spec, pkcs8: bytearray) -> None:
        """Take the key from its PKCS#8."""
        super().__init__(spec)
        self._private = cast("Signing", load_der_private_key(pkcs8, None))
        self._public = self._private.public_key()
        self._pem = self._public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    def public_pem(self) -> str:
        """Give the public key (see the base)."""
        return self._pem

    def sign(self, algorithm: str, digest: bytes) -> bytes:
        """Sign mu."""
        self._mu(algorithm, digest)
        return self._private.sign_mu(digest)

    def verify(self, algorithm: str, digest: bytes, signature: bytes) -> bool:
        """Check a signature over mu."""
        self._mu(algorithm, digest)
        return verified(self._public, digest, signature)

    def _mu(self, algorithm: str, mu: bytes) -> None:
        self._algorithm(algorithm, self.spec.signing)
        if len(mu) != MU_BYTES:
            raise DigestRefused(algorithm, MU_BYTES)


class SharingLatticeHandle(Handle):
    """An ML-KEM key pair; it encrypts nothing (see above)."""

    __slots__ = ("_pem", "_private")

    def __init__(self, spec: Spec, pkcs8: bytearray) -> None:
        """Take the key from its PKCS#8."""
        super().__init__(spec)
        self._private = cast("Sharing", load_der_private_key(pkcs8, None))
        public = self._private.public_key()
        self._pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    def public_pem(self) -> str:
        """Give the public key (see the base)."""
        return self._pem

    def decrypt(self, algorithm: str, ciphertext: bytes) -> bytes:
        """Give the shared secret; a wrong encapsulation of the right length gives a secret nobody has (implicit rejection)."""
        self._algorithm(algorithm, self.spec.encrypting)
        try:
            return self._private.decapsulate(ciphertext)
        except ValueError:
            raise NotDecrypted from None
