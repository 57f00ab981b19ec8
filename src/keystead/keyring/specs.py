"""What each KeySpec is good for, as data (Key types and specifications page and CreateKey page, read 2026-11-22).

Pure, like `rules.py`. A spec is *documented* if the cloud makes it for a protection level, *beyond* if no page names it; it is
*made here* once the key store can make it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from keystead.keyring.faults import NotOffered
from keystead.keyring.model import KeySpec, KeyUsage, ProtectionLevel, Shape

_CRYPT: Final = (KeyUsage.ENCRYPT_DECRYPT,)
_SIGN: Final = (KeyUsage.SIGN_VERIFY,)
_BOTH: Final = (KeyUsage.SIGN_VERIFY, KeyUsage.ENCRYPT_DECRYPT)
_MAC: Final = (KeyUsage.MAC,)
_ANYWHERE: Final = frozenset(ProtectionLevel)
_HSM: Final = frozenset({ProtectionLevel.HSM})


class SpecFacts(NamedTuple):
    """A spec's usages (the first is the default: signing where it can), where it is documented, and what can be done with it.

    `symmetric`: one secret, which Encrypt and GenerateDataKey use. `versions_by_hand`: CreateKeyVersion takes it.
    `rotates`: automatic rotation takes it. `imports`: material can come from outside (Origin EXTERNAL).
    """

    usages: tuple[KeyUsage, ...]
    documented: frozenset[ProtectionLevel]
    symmetric: bool = False
    versions_by_hand: bool = False
    rotates: bool = False
    imports: bool = False


def _symmetric(documented: frozenset[ProtectionLevel]) -> SpecFacts:
    return SpecFacts(_CRYPT, documented, symmetric=True, rotates=True, imports=True)


def _pair(usages: tuple[KeyUsage, ...], documented: frozenset[ProtectionLevel]) -> SpecFacts:
    return SpecFacts(usages, documented, versions_by_hand=True)


# HMAC specs: GenerateMac names their algorithms, no page the specs; one version a key, for VerifyMac takes no version (ADR 56).
SPECS: Final[Mapping[KeySpec, SpecFacts]] = MappingProxyType(
    {
        KeySpec.AES_256: _symmetric(_ANYWHERE),
        KeySpec.AES_192: _symmetric(_HSM),
        KeySpec.AES_128: _symmetric(_HSM),
        KeySpec.SM4: _symmetric(_HSM),
        KeySpec.RSA_2048: _pair(_BOTH, _ANYWHERE),
        KeySpec.RSA_3072: _pair(_BOTH, _ANYWHERE),
        KeySpec.RSA_4096: _pair(_BOTH, _ANYWHERE),
        KeySpec.EC_P256: _pair(_SIGN, _ANYWHERE),
        KeySpec.EC_P256K: _pair(_SIGN, _ANYWHERE),
        KeySpec.EC_SM2: _pair(_BOTH, _ANYWHERE),
        KeySpec.HMAC_SM3: SpecFacts(_MAC, _ANYWHERE),
        KeySpec.HMAC_SHA_224: SpecFacts(_MAC, _ANYWHERE),
        KeySpec.HMAC_SHA_256: SpecFacts(_MAC, _ANYWHERE),
        KeySpec.HMAC_SHA_384: SpecFacts(_MAC, _ANYWHERE),
        KeySpec.HMAC_SHA_512: SpecFacts(_MAC, _ANYWHERE),
        KeySpec.EC_P384: _pair(_SIGN, frozenset()),
        KeySpec.EC_P521: _pair(_SIGN, frozenset()),
        KeySpec.EC_ED25519: _pair(_SIGN, frozenset()),
        KeySpec.ML_DSA_44: _pair(_SIGN, frozenset()),
        KeySpec.ML_DSA_65: _pair(_SIGN, frozenset()),
        KeySpec.ML_DSA_87: _pair(_SIGN, frozenset()),
        KeySpec.ML_KEM_768: _pair(_CRYPT, frozenset()),
        KeySpec.ML_KEM_1024: _pair(_CRYPT, frozenset()),
    }
)
BEYOND: Final = frozenset({KeySpec.SM4, *(spec for spec, facts in SPECS.items() if not facts.documented)})
"""What the cloud does not make in software, and this service only in the instances for which the operator switched it on."""
SPECS_MADE: Final = frozenset(KeySpec) - {KeySpec.AES_192, KeySpec.AES_128}
"""What the key store makes; the others are a hardware module's."""


def allowed(spec: KeySpec, usage: KeyUsage, protection: ProtectionLevel, *, beyond: bool = False) -> bool:
    """Whether a key of this kind may exist: documented for the protection level, or beyond the cloud where that is wanted."""
    facts = SPECS[spec]
    return usage in facts.usages and (protection in facts.documented or (beyond and spec in BEYOND))


def offered(shape: Shape, *, beyond: bool) -> None:
    """Raise NotOffered for what is beyond the cloud, unless that is switched on for the instance."""
    if not allowed(shape.spec, shape.usage, shape.protection, beyond=beyond):
        raise NotOffered(f"Keys of KeySpec {shape.spec.value} are beyond the cloud and not switched on for the instance.")


def offered_names(*, beyond: bool) -> list[str]:
    """Give the names of what CreateKey takes in a software instance, with or without what is beyond the cloud, sorted."""
    software = ProtectionLevel.SOFTWARE
    return sorted(spec.value for spec in SPECS_MADE if allowed(spec, default_usage(spec), software, beyond=beyond))


def default_usage(spec: KeySpec) -> KeyUsage:
    """Give the usage of a key for which none was named: SIGN/VERIFY where the spec can sign."""
    return SPECS[spec].usages[0]
