"""Keys on the NIST curves and secp256k1 (ECDSA, signatures as ASN.1 DER), and on Edwards25519."""

from __future__ import annotations

from typing import Final, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from keystead.faults import InvalidParameter
from keystead.hsm.algorithms.handle import DigestRefused, Handle
from keystead.hsm.algorithms.specs import Spec

MESSAGE_BYTES_MAX: Final = 4096
CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "EC_P256": ec.SECP256R1(),
    "EC_P256K": ec.SECP256K1(),
    "EC_P384": ec.SECP384R1(),
    "EC_P521": ec.SECP521R1(),
}
_HASHES: Final[dict[str, tuple[ec.ECDSA, int]]] = {
    "ECDSA_SHA_256": (ec.ECDSA(Prehashed(hashes.SHA256())), 32),
    "ECDSA_SHA_384": (ec.ECDSA(Prehashed(hashes.SHA384())), 48),
    "ECDSA_SHA_512": (ec.ECDSA(Prehashed(hashes.SHA512())), 64),
}


def made(spec: Spec) -> ec.EllipticCurvePrivateKey | Ed25519PrivateKey:
    """Make a key pair."""
    return Ed25519PrivateKey.generate() if spec.name == "EC_ED25519" else ec.generate_private_key(CURVES[spec.name])


def verified(public_key: ec.EllipticCurvePublicKey, algorithm: str, digest: bytes, signature: bytes) -> bool:
    """Check a DER signature over a digest; DigestRefused if it is not of the algorithm's hash."""
    scheme = _scheme(algorithm, digest)
    try:
        public_key.verify(signature, digest, scheme)
    except (InvalidSignature, ValueError):
        return False
    return True


def message_verified(public_key: Ed25519PublicKey, message: bytes, signature: bytes) -> bool:
    """Check an Ed25519 signature over a message."""
    try:
        public_key.verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _scheme(algorithm: str, digest: bytes) -> ec.ECDSA:
    scheme, length = _HASHES[algorithm]
    if len(digest) != length:
        raise DigestRefused(algorithm, length)
    return scheme


class CurveHandle(Handle):
    """A key pair for ECDSA on P-256: the curve with fast code of its own."""

    __slots__ = ("_pem", "_private", "_public")

    def __init__(self, spec: Spec, pkcs8: bytearray) -> None:
        """Take the key from its PKCS#8."""
        super().__init__(spec)
        self._private = cast("ec.EllipticCurvePrivateKey", load_der_private_key(pkcs8, None))
        self._public = self._private.public_key()
        self._pem = self._public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    def public_pem(self) -> str:
        """Give the public key (see the base)."""
        return self._pem

    def sign(self, algorithm: str, digest: bytes) -> bytes:
        """Sign a digest of the algorithm's hash; gives DER."""
        self._algorithm(algorithm, self.spec.signing)
        return self._private.sign(digest, _scheme(algorithm, digest))

    def verify(self, algorithm: str, digest: bytes, signature: bytes) -> bool:
        """Check a DER signature."""
        self._algorithm(algorithm, self.spec.signing)
        return verified(self._public, algorithm, digest, signature)


class SlowCurveHandle(CurveHandle):
    """A key pair on a curve without fast code: 0.2 to 0.6 ms an operation."""

    __slots__ = ()
    slow = frozenset({"sign", "verify"})


class EdwardsHandle(Handle):
    """A key pair for Ed25519 (RFC 8032). It signs messages, not digests: `digest` is the message itself, 4,096 bytes at most."""

    __slots__ = ("_pem", "_private", "_public")

    def __init__(self, spec: Spec, pkcs8: bytearray) -> None:
        """Take the key from its PKCS#8."""
        super().__init__(spec)
        self._private = cast("Ed25519PrivateKey", load_der_private_key(pkcs8, None))
        self._public = self._private.public_key()
        self._pem = self._public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    def public_pem(self) -> str:
        """Give the public key (see the base)."""
        return self._pem

    def sign(self, algorithm: str, digest: bytes) -> bytes:
        """Sign the message; gives 64 bytes."""
        self._message(algorithm, digest)
        return self._private.sign(digest)

    def verify(self, algorithm: str, digest: bytes, signature: bytes) -> bool:
        """Check a signature over the message."""
        self._message(algorithm, digest)
        return message_verified(self._public, digest, signature)

    def _message(self, algorithm: str, message: bytes) -> None:
        self._algorithm(algorithm, self.spec.signing)
        if len(message) > MESSAGE_BYTES_MAX:
            raise InvalidParameter("Digest", f"{algorithm} signs the message given here, {MESSAGE_BYTES_MAX} bytes at most.")
