"""Handing key bytes over under a public key: data keys going out (ExportDataKey), key material coming in (ImportKeyMaterial).

WrappingKeySpec and WrappingAlgorithm: ExportDataKey and GetParametersForImport pages, read 2026-11-22.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keystead.faults import CallerFault, InvalidParameter
from keystead.hsm.algorithms import rsa, sm2

SPKI_BYTES_MAX: Final = 2048
_RSA_BITS: Final = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
_SM2: Final = "EC_SM2"
EXPORT_ALGORITHMS: Final = {**dict.fromkeys(_RSA_BITS, tuple(rsa.OAEP)), _SM2: ("SM2PKE",)}
IMPORT_ALGORITHMS: Final = {"RSA_2048": ("RSAES_PKCS1_V1_5", *rsa.OAEP), _SM2: ("SM2PKE",)}
_IMPORT_SCHEMES: Final[dict[str, padding.AsymmetricPadding]] = {
    "RSAES_PKCS1_V1_5": padding.PKCS1v15(),
    **{name: scheme for name, (scheme, _) in rsa.OAEP.items()},
}


class MaterialRefused(CallerFault):
    """The encrypted key material does not decrypt to a key of the wanted kind: one sentence whatever is wrong."""

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("EncryptedKeyMaterial does not decrypt to key material for this key.")


class Wrapping(NamedTuple):
    """A public key to wrap under, read and checked, and the algorithm to do it with."""

    key: RSAPublicKey | sm2.Sm2Key
    algorithm: str

    @property
    def slow(self) -> bool:
        """Whether wrapping takes more than 150 µs of a core."""
        return isinstance(self.key, sm2.Sm2Key)

    def wrapped(self, clear: bytes) -> bytes:
        """Encrypt a data key; PlaintextTooLong if it does not fit."""
        if isinstance(self.key, sm2.Sm2Key):
            return sm2.encrypted(self.key, self.algorithm, clear)
        return rsa.encrypted(self.key, self.algorithm, clear)


def wrapping(spec: str, algorithm: str, spki: bytes) -> Wrapping:
    """Read the public key (SubjectPublicKeyInfo, DER) that a data key is to leave under.

    InvalidParameter naming WrappingKeySpec, WrappingAlgorithm or PublicKeyBlob, the first that is wrong.
    """
    check_names(EXPORT_ALGORITHMS, spec, algorithm)
    wrong = InvalidParameter("PublicKeyBlob", f"It must be the DER of the SubjectPublicKeyInfo of an {spec} key, in base64.")
    if len(spki) > SPKI_BYTES_MAX:
        raise wrong
    if spec == _SM2:
        try:
            return Wrapping(sm2.Sm2Key.public(spki), algorithm)
        except sm2.Sm2Refused:
            raise wrong from None
    try:
        found = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm, TypeError):
        raise wrong from None
    if not isinstance(found, RSAPublicKey) or found.key_size != _RSA_BITS[spec]:
        raise wrong
    return Wrapping(found, algorithm)


def check_names(known: dict[str, tuple[str, ...]], spec: str, algorithm: str) -> None:
    """Raise InvalidParameter unless the spec is known and takes the algorithm."""
    if spec not in known:
        raise InvalidParameter("WrappingKeySpec", f"It must be one of {', '.join(known)}.")
    if algorithm not in known[spec]:
        raise InvalidParameter("WrappingAlgorithm", f"{spec} takes {' or '.join(known[spec])}.")


def unwrapped(private: RSAPrivateKey | sm2.Sm2Key, algorithm: str, wrapped: bytes) -> bytes:
    """Decrypt imported key material; MaterialRefused for whatever does not decrypt.

    With RSAES_PKCS1_V1_5 wrong padding gives random bytes of a random length (implicit rejection of the library), so that only
    the length, checked next, can be wrong: no oracle tells the two apart but for one guess in about 2^16 that hits a length.
    """
    try:
        if isinstance(private, sm2.Sm2Key):
            return sm2.decrypted(private, wrapped)
        return private.decrypt(wrapped, _IMPORT_SCHEMES[algorithm])
    except (ValueError, sm2.Sm2Refused):
        raise MaterialRefused from None
