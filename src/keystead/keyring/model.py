"""Keys and key versions. The values of the enums are those of the KMS API (CreateKey and DescribeKey pages, read 2026-11-22)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime

import msgspec


class KeyState(enum.StrEnum):
    """What a key is allowed to do by itself; Unavailable is never stored, it follows from the instance's expiry."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    PENDING_DELETION = "PendingDeletion"
    PENDING_IMPORT = "PendingImport"
    UNAVAILABLE = "Unavailable"


class KeySpec(enum.StrEnum):
    """What kind of key it is."""

    AES_256 = "Aliyun_AES_256"
    RSA_2048 = "RSA_2048"
    RSA_3072 = "RSA_3072"
    RSA_4096 = "RSA_4096"
    EC_P256 = "EC_P256"
    EC_P256K = "EC_P256K"
    EC_SM2 = "EC_SM2"
    HMAC_SM3 = "HMAC_SM3"
    HMAC_SHA_224 = "HMAC_SHA_224"
    HMAC_SHA_256 = "HMAC_SHA_256"
    HMAC_SHA_384 = "HMAC_SHA_384"
    HMAC_SHA_512 = "HMAC_SHA_512"


class KeyUsage(enum.StrEnum):
    """What a key is for."""

    ENCRYPT_DECRYPT = "ENCRYPT/DECRYPT"
    SIGN_VERIFY = "SIGN/VERIFY"
    GENERATE_VERIFY = "GENERATE/VERIFY"
    """Message authentication codes."""


class Origin(enum.StrEnum):
    """Who made the key material."""

    SERVICE = "Aliyun_KMS"


class ProtectionLevel(enum.StrEnum):
    """What guards the key while it is used."""

    SOFTWARE = "SOFTWARE"
    HSM = "HSM"


class Operation(enum.Enum):
    """What is to be done with a key, as far as its state matters."""

    USE = "use"
    """Encrypt, Decrypt, GenerateDataKey and all other cryptography."""
    DESCRIBE = "describe"
    """DescribeKey, ListKeys."""
    SWITCH = "switch"
    """EnableKey, DisableKey."""


class Shape(msgspec.Struct, frozen=True):
    """What kind of key is asked for, checked."""

    spec: KeySpec
    usage: KeyUsage
    origin: Origin
    description: str


class Place(msgspec.Struct, frozen=True):
    """Where a key lives, for good: account, region and instance; `creator` is the account that asked for it."""

    account_id: str
    region: str
    instance_id: str
    creator: str


class Key(msgspec.Struct, frozen=True):
    """A key. `state` is the stored one; instants are business time; `delete_at` is set only while PendingDeletion."""

    key_id: str
    place: Place
    shape: Shape
    state: KeyState
    primary_version_id: str
    created_at: datetime
    last_rotation_at: datetime
    delete_at: datetime | None = None

    @property
    def protection_level(self) -> ProtectionLevel:
        """Derived, never chosen: software keys are all there are so far."""
        return ProtectionLevel.SOFTWARE

    @property
    def arn(self) -> str:
        """The key's name across accounts and regions."""
        return f"acs:kms:{self.place.region}:{self.place.account_id}:key/{self.key_id}"


class KeyVersion(msgspec.Struct, frozen=True):
    """A version of a key; `sealed` opens only in the key store, under the key of the instance."""

    version_id: str
    key_id: str
    instance_id: str
    sealed: bytes
    created_at: datetime

    def __repr__(self) -> str:
        return f"KeyVersion({self.version_id!r})"


class Selection(msgspec.Struct, frozen=True):
    """Which keys a listing wants: an account's keys in a region, in its instances that are not released.

    `wanted` maps a filter's name to its values: all names must match, any value of a name will do. In the instances named in
    `expired` every key counts as Unavailable.
    """

    account_id: str
    region: str
    instances: frozenset[str]
    expired: frozenset[str]
    wanted: Mapping[str, frozenset[str]]


class Page(msgspec.Struct, frozen=True):
    """One page of a listing: `number` from 1, `size` 1 to 100."""

    number: int
    size: int


class Listing(msgspec.Struct, frozen=True):
    """A page's keys, oldest first, and how many the whole listing has."""

    keys: tuple[Key, ...]
    total: int
