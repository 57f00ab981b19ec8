"""Key kinds by the names the KMS API gives them, and which algorithms each one takes. Pure.

Names of the cloud: key types and specifications page, AsymmetricSign, AsymmetricEncrypt and GenerateMac pages, read 2026-11-22.
No page that could be read names the specs of HMAC keys; those, and what the cloud does not have, carry names of ours
(docs/adr/0062-names-of-specs.md).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, NamedTuple

AES_256: Final = "Aliyun_AES_256"


class Kind(enum.Enum):
    """What material a spec has, and so which handle opens it."""

    SECRET = "secret"  # noqa: S105 - a kind of key, not one
    """Random bytes that seal and open."""
    MAC = "mac"
    """Random bytes that authenticate messages."""
    RSA = "rsa"
    CURVE = "curve"
    """Keys on a NIST curve or secp256k1: ECDSA."""
    EDWARDS = "edwards"
    SM2 = "sm2"
    SIGNING_LATTICE = "ml-dsa"
    SHARING_LATTICE = "ml-kem"


class Spec(NamedTuple):
    """A key kind: `size` is bytes of a secret, bits of an RSA modulus or the number in a lattice's name, else 0."""

    name: str
    kind: Kind
    size: int = 0
    signing: tuple[str, ...] = ()
    """Algorithms of AsymmetricSign, GenerateMac for a MAC key; the first is the default of the documentation."""
    encrypting: tuple[str, ...] = ()
    cloud: bool = True
    """Whether the cloud has it."""


_OAEP: Final = ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1")
_RSA_SIGN: Final = ("RSA_PSS_SHA_256", "RSA_PKCS1_SHA_256")

SPECS: Final[Mapping[str, Spec]] = {
    spec.name: spec
    for spec in (
        Spec(AES_256, Kind.SECRET, 32),
        Spec("RSA_2048", Kind.RSA, 2048, _RSA_SIGN, _OAEP),
        Spec("RSA_3072", Kind.RSA, 3072, _RSA_SIGN, _OAEP),
        Spec("RSA_4096", Kind.RSA, 4096, _RSA_SIGN, _OAEP),
        Spec("EC_P256", Kind.CURVE, 32, ("ECDSA_SHA_256",)),
        Spec("EC_P256K", Kind.CURVE, 32, ("ECDSA_SHA_256",)),
        Spec("EC_SM2", Kind.SM2, 32, ("SM2DSA",), ("SM2PKE",)),
        # An HMAC key is as long as its hash's output (NIST SP 800-107, section 5.3.4: no shorter than the security strength).
        Spec("HMAC_SM3", Kind.MAC, 32, ("HMAC_SM3",)),
        Spec("HMAC_SHA_224", Kind.MAC, 28, ("HMAC_SHA_224",)),
        Spec("HMAC_SHA_256", Kind.MAC, 32, ("HMAC_SHA_256",)),
        Spec("HMAC_SHA_384", Kind.MAC, 48, ("HMAC_SHA_384",)),
        Spec("HMAC_SHA_512", Kind.MAC, 64, ("HMAC_SHA_512",)),
        Spec("Aliyun_SM4", Kind.SECRET, 16, cloud=False),
        Spec("EC_P384", Kind.CURVE, 48, ("ECDSA_SHA_384",), cloud=False),
        Spec("EC_P521", Kind.CURVE, 64, ("ECDSA_SHA_512",), cloud=False),
        Spec("EC_ED25519", Kind.EDWARDS, 0, ("ED25519",), cloud=False),
        Spec("ML_DSA_44", Kind.SIGNING_LATTICE, 44, ("ML_DSA_MU",), cloud=False),
        Spec("ML_DSA_65", Kind.SIGNING_LATTICE, 65, ("ML_DSA_MU",), cloud=False),
        Spec("ML_DSA_87", Kind.SIGNING_LATTICE, 87, ("ML_DSA_MU",), cloud=False),
        Spec("ML_KEM_768", Kind.SHARING_LATTICE, 768, (), ("ML_KEM",), cloud=False),
        Spec("ML_KEM_1024", Kind.SHARING_LATTICE, 1024, (), ("ML_KEM",), cloud=False),
    )
}
