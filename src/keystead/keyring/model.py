"""Keys and key versions. The values of the enums are those of the KMS API (CreateKey and DescribeKey pages, read 2026-11-22)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

BY_ACCOUNT: Final = "default-"
"""Begins the id of what seals an account's default keys; an instance's id never begins so."""


class KeyState(enum.StrEnum):
    """What a key is allowed to do by itself; Unavailable is never stored, it follows from the instance's expiry."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    PENDING_DELETION = "PendingDeletion"
    PENDING_IMPORT = "PendingImport"
    UNAVAILABLE = "Unavailable"


class KeySpec(enum.StrEnum):
    """What kind of key it is; `specs.py` says what each is good for, and which of them are made here."""

    AES_256 = "Aliyun_AES_256"
    AES_192 = "Aliyun_AES_192"
    AES_128 = "Aliyun_AES_128"
    SM4 = "Aliyun_SM4"
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
    EC_P384 = "EC_P384"
    EC_P521 = "EC_P521"
    EC_ED25519 = "EC_ED25519"
    ML_DSA_44 = "ML_DSA_44"
    ML_DSA_65 = "ML_DSA_65"
    ML_DSA_87 = "ML_DSA_87"
    ML_KEM_768 = "ML_KEM_768"
    ML_KEM_1024 = "ML_KEM_1024"


class KeyUsage(enum.StrEnum):
    """What a key is for."""

    ENCRYPT_DECRYPT = "ENCRYPT/DECRYPT"
    SIGN_VERIFY = "SIGN/VERIFY"
    MAC = "GENERATE/VERIFY"
    """Our name: no page tells the cloud's (docs/adr/0056)."""


class Origin(enum.StrEnum):
    """Who made the key material."""

    SERVICE = "Aliyun_KMS"
    EXTERNAL = "EXTERNAL"


class ProtectionLevel(enum.StrEnum):
    """What guards the key while it is used."""

    SOFTWARE = "SOFTWARE"
    HSM = "HSM"


class Storage(enum.StrEnum):
    """Where the material of a key of a hardware instance lies; a software key has none of these."""

    NONE = ""
    HSM_INTERNAL = "HsmInternal"
    HSM_DATABASE = "HsmEncryptedDatabase"


class RotationStatus(enum.StrEnum):
    """AutomaticRotation as the API shows it."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    SUSPENDED = "Suspended"
    """Wished for, but the key is Disabled, PendingDeletion or Unavailable."""


class Operation(enum.Enum):
    """What is to be done with a key, as far as its state matters."""

    USE = "use"
    """Encrypt, Decrypt, GenerateDataKey and all other cryptography."""
    DESCRIBE = "describe"
    """DescribeKey, ListKeys, ListAliases and all other reading."""
    SWITCH = "switch"
    """EnableKey, DisableKey."""
    SCHEDULE_DELETION = "schedule deletion"
    CANCEL_DELETION = "cancel deletion"
    CREATE_ALIAS = "create alias"
    UPDATE_ALIAS = "update alias"
    """Judges the key that the alias is to name, not the one it named."""
    DELETE_ALIAS = "delete alias"
    IMPORT_PARAMETERS = "get parameters for import"
    IMPORT_MATERIAL = "import material"
    DELETE_MATERIAL = "delete material"
    SET_ROTATION = "set rotation"
    """UpdateRotationPolicy."""
    CREATE_VERSION = "create version"
    PROTECT = "protect"
    """SetDeletionProtection."""
    EDIT = "edit"
    """Description, tags and policy."""


class Shape(msgspec.Struct, frozen=True):
    """What kind of key is asked for, checked."""

    spec: KeySpec
    usage: KeyUsage
    origin: Origin
    description: str
    protection: ProtectionLevel = ProtectionLevel.SOFTWARE
    storage: Storage = Storage.NONE


class Rotation(msgspec.Struct, frozen=True):
    """The wish for automatic rotation: every `seconds` (604,800 to 31,536,000) after the last one; None for no rotation."""

    seconds: int | None = None

    @property
    def wished(self) -> bool:
        """Whether the key is to be rotated at all."""
        return self.seconds is not None


class Place(msgspec.Struct, frozen=True):
    """Where a key lives, for good: account, region and instance; `creator` is who asked for it, an account or a cloud service.

    A default key, which is free, lives in no instance: `instance_id` is empty.
    """

    account_id: str
    region: str
    instance_id: str
    creator: str

    @property
    def sealing_id(self) -> str:
        """Whose key seals the key's versions: the instance's, or the account's one for all its default keys."""
        return self.instance_id or f"{BY_ACCOUNT}{self.account_id}"

    @property
    def service(self) -> str:
        """The code of the cloud service that made the key for its own use (`OSS`); empty for a key of the account's own."""
        return "" if self.creator == self.account_id else self.creator


class Key(msgspec.Struct, frozen=True):
    """A key. `state` is the stored one; instants are business time; `delete_at` is set only while PendingDeletion.

    `primary_version_id` is the version that encrypts; of an asymmetric key it is the newest. `protected_because` explains
    `deletion_protected`. `material_expires_at` is set only for imported material that expires.
    """

    key_id: str
    place: Place
    shape: Shape
    state: KeyState
    primary_version_id: str
    created_at: datetime
    last_rotation_at: datetime
    delete_at: datetime | None = None
    rotation: Rotation = Rotation()
    deletion_protected: bool = False
    protected_because: str = ""
    material_expires_at: datetime | None = None

    @property
    def arn(self) -> str:
        """The key's name across accounts and regions."""
        return f"acs:kms:{self.place.region}:{self.place.account_id}:key/{self.key_id}"


class KeyVersion(msgspec.Struct, frozen=True):
    """A version of a key; `sealed` opens only in the key store, under the key of the instance; None without material.

    `mark` is the key store's mark of imported material, kept when the material goes: only the same may come back.
    """

    version_id: str
    key_id: str
    instance_id: str
    sealed: bytes | None
    created_at: datetime
    mark: bytes | None = None

    def __repr__(self) -> str:
        return f"KeyVersion({self.version_id!r})"


class Selection(msgspec.Struct, frozen=True):
    """Which keys a listing wants: an account's keys in a region, in its instances that are not released; in those of `joint`,
    everybody's.

    Default keys are selected by what seals them, named among the instances. `wanted` maps a filter's name to its values: all
    names must match, any value of a name will do. In the instances named in `expired` every key counts as Unavailable. A key
    whose deletion window is over by `now` is gone.
    """

    account_id: str
    region: str
    instances: frozenset[str]
    expired: frozenset[str]
    wanted: Mapping[str, frozenset[str]]
    now: datetime
    joint: frozenset[str] = frozenset()


class Span(msgspec.Struct, frozen=True):
    """Which entries of a listing make a page: `size` of them after `skipped`, reckoned from the end if `from_end`."""

    skipped: int
    size: int
    from_end: bool


class Page(msgspec.Struct, frozen=True):
    """One page of a listing: `number` from 1, `size` 1 to 101."""

    number: int
    size: int

    def span(self, total: int) -> Span:
        """Say where the page of a listing of `total` entries lies, from the nearer end."""
        before = (self.number - 1) * self.size
        size = max(0, min(self.size, total - before))
        behind = max(0, total - before - size)
        return Span(behind, size, from_end=True) if behind < before else Span(before, size, from_end=False)


class Listing(msgspec.Struct, frozen=True):
    """A page's keys, oldest first, and how many the whole listing has."""

    keys: tuple[Key, ...]
    total: int


class Versions(msgspec.Struct, frozen=True):
    """A page of a key's versions, oldest first, and how many the key has."""

    versions: tuple[KeyVersion, ...]
    total: int
