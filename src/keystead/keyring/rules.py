"""Pure decisions on keys: which key is meant, what its state allows, which parameters will do."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec

from keystead.clock import from_ms
from keystead.faults import InvalidParameter
from keystead.keyring.faults import (
    DeletionProtected,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    KeyPendingImport,
    KeyStateFixed,
    KeyStateRefuses,
    KeyUnavailable,
    NotOffered,
    OriginRefused,
    TooManyVersions,
    TooSoon,
)
from keystead.keyring.model import (
    Key,
    KeySpec,
    KeyState,
    KeyUsage,
    Operation,
    Origin,
    Page,
    ProtectionLevel,
    Rotation,
    RotationStatus,
    Shape,
    Storage,
)
from keystead.keyring.specs import SPECS, SPECS_MADE, allowed, default_usage

E = TypeVar("E", bound=enum.StrEnum)
DESCRIPTION_CHARS_MAX: Final = 8192
PAGE_SIZE_MAX: Final = 100
PAGE_SIZE_DEFAULT: Final = 10
FILTERS_MAX: Final = 10
FILTER_VALUES_MAX: Final = 10
_PAGE_NUMBER_MAX: Final = 1_000_000_000
_REFERENCE_CHARS_MAX: Final = 512
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999

DELETION_DAYS_MIN: Final = 7
DELETION_DAYS_MAX: Final = 366
VERSIONS_MAX: Final = 50
VERSION_GAP: Final = timedelta(days=7)
ROTATION_SECONDS_MIN: Final = 7 * 86_400
ROTATION_SECONDS_MAX: Final = 365 * 86_400
_INTERVAL: Final = re.compile(r"([1-9][0-9]{0,9})([dhms])", re.ASCII)
_UNIT_SECONDS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}

Refusal = type[KeyStateRefuses] | type[KeyStateFixed] | None
_STATE_REFUSES: Final[dict[KeyState, type[KeyStateRefuses]]] = {
    KeyState.DISABLED: KeyDisabled,
    KeyState.PENDING_DELETION: KeyPendingDeletion,
    KeyState.PENDING_IMPORT: KeyPendingImport,
    KeyState.UNAVAILABLE: KeyUnavailable,
}
_ALWAYS: Final = (None, None, None, None)
_FIXED: Final = KeyStateFixed
_COLUMNS: Final = (KeyState.ENABLED, KeyState.DISABLED, KeyState.PENDING_DELETION, KeyState.PENDING_IMPORT)
# Impact of CMK states on API call, read 2026-11-22; None: allowed. Where the page has no row, docs/adr/0050 has ours.
_ROWS: Final[dict[Operation, tuple[Refusal, Refusal, Refusal, Refusal]]] = {
    Operation.USE: (None, KeyDisabled, KeyPendingDeletion, KeyPendingImport),
    Operation.DESCRIBE: _ALWAYS,
    Operation.SWITCH: (None, None, _FIXED, _FIXED),
    Operation.SCHEDULE_DELETION: (None, None, _FIXED, None),
    Operation.CANCEL_DELETION: (_FIXED, _FIXED, None, _FIXED),
    Operation.CREATE_ALIAS: (None, None, _FIXED, None),
    Operation.UPDATE_ALIAS: (None, None, KeyPendingDeletion, None),
    Operation.DELETE_ALIAS: _ALWAYS,
    Operation.IMPORT_PARAMETERS: _ALWAYS,
    Operation.IMPORT_MATERIAL: (None, None, _FIXED, None),
    Operation.DELETE_MATERIAL: _ALWAYS,
    Operation.SET_ROTATION: (None, KeyDisabled, KeyPendingDeletion, KeyPendingImport),
    Operation.CREATE_VERSION: (None, KeyDisabled, KeyPendingDeletion, KeyPendingImport),
    Operation.PROTECT: (None, None, KeyPendingDeletion, None),
    Operation.EDIT: _ALWAYS,
}
STATE_TABLE: Final[Mapping[tuple[Operation, KeyState], Refusal]] = {
    (operation, state): refusal for operation, row in _ROWS.items() for state, refusal in zip(_COLUMNS, row, strict=True)
}
# What may be done while the instance is expired: looking, and keeping a key from its deletion.
_THOUGH_EXPIRED: Final = frozenset({Operation.DESCRIBE, Operation.CANCEL_DELETION})

# ListKeys page, read 2026-11-22. None: any text.
FILTER_VALUES: Final[Mapping[str, frozenset[str] | None]] = {
    "KeyState": frozenset(KeyState),
    "KeySpec": frozenset(KeySpec),
    "KeyUsage": frozenset(KeyUsage),
    "ProtectionLevel": frozenset(ProtectionLevel),
    "CreatorType": frozenset({"User", "Service"}),
    "DKMSInstanceId": None,
    "keyId": None,
    "AliasName": None,
    "Creator": None,
    "TagKey": None,
    "TagValue": None,
}


class _Filter(msgspec.Struct, rename="pascal", forbid_unknown_fields=True):
    key: str
    values: list[str]


class AskedShape(msgspec.Struct, frozen=True):
    """What CreateKey asks for, as sent; `protection` follows from the instance."""

    spec: str = ""
    usage: str = ""
    origin: str = ""
    description: str = ""
    storage: str = ""
    protection: ProtectionLevel = ProtectionLevel.SOFTWARE


_FILTERS: Final = msgspec.json.Decoder(list[_Filter])


def meant_by(reference: str, account_id: str, region: str) -> str:
    """Give the key id, or the alias with its prefix `alias/`, that a caller means by either or by the ARN of one.

    KeyNotFound for another account's or region's ARN, exactly as for an absent key. A plain id is given back as it is.
    """
    if len(reference) > _REFERENCE_CHARS_MAX or not (reference.isascii() and reference.isprintable()):
        raise KeyNotFound(reference[:_REFERENCE_CHARS_MAX])  # the store is not asked about what cannot be there
    if not reference.startswith("acs:"):
        return reference
    prefix = f"acs:kms:{region}:{account_id}:"
    if not reference.startswith(prefix):
        raise KeyNotFound(reference)
    resource = reference[len(prefix) :]
    if resource.startswith("alias/"):
        return resource
    if not resource.startswith("key/"):
        raise KeyNotFound(reference)
    key_id = resource[len("key/") :]
    if key_id.startswith("alias/"):
        raise KeyNotFound(reference)
    return key_id


def names_alias(reference: str) -> bool:
    """Whether the reference is an alias or an alias's ARN."""
    return reference.startswith("alias/") or (reference.startswith("acs:") and ":alias/" in reference)


def shown_state(key: Key, *, expired: bool) -> KeyState:
    """Give the state callers see: Unavailable once the instance is expired, whatever is stored."""
    return KeyState.UNAVAILABLE if expired else key.state


def usable(key: Key, operation: Operation, now: datetime, *, expired: bool) -> None:
    """Raise unless the key's state allows the operation, by STATE_TABLE.

    A key whose deletion window is over is not there (KeyNotFound). Then comes the expiry of the instance (KeyUnavailable); that
    it also stops what is not cryptography is reasoned, not documented.
    """
    if gone(key, now):
        raise KeyNotFound(key.key_id)
    key = as_of(key, now)
    if expired and operation not in _THOUGH_EXPIRED:
        raise KeyUnavailable(key.key_id)
    refusal = STATE_TABLE[operation, key.state]
    if refusal is None:
        return
    if issubclass(refusal, KeyStateFixed):
        raise refusal(key.key_id, key.state.value)
    raise refusal(key.key_id)


def without_material(key: Key) -> KeyStateRefuses:
    """Give the refusal of using a version that has no material yet: by the key's state, else as PendingImport."""
    return _STATE_REFUSES.get(key.state, KeyPendingImport)(key.key_id)


def as_of(key: Key, now: datetime) -> Key:
    """Give the key as it is at `now`: PendingImport from the instant its material expires, whatever the scheduler did."""
    until = key.material_expires_at
    if until is None or until > now or key.state not in {KeyState.ENABLED, KeyState.DISABLED}:
        return key
    return msgspec.structs.replace(key, state=KeyState.PENDING_IMPORT)


def gone(key: Key, now: datetime) -> bool:
    """Whether the key's deletion window is over, whether or not the scheduler has been there."""
    return key.delete_at is not None and key.delete_at <= now


def deletable(key: Key) -> None:
    """Raise DeletionProtected if the key is protected from deletion."""
    if key.deletion_protected:
        raise DeletionProtected(key.key_id, key.protected_because)


def deletion_days(days: int) -> timedelta:
    """Give the deletion window asked for; InvalidParameter unless it is 7 to 366 days (ScheduleKeyDeletion page)."""
    if not DELETION_DAYS_MIN <= days <= DELETION_DAYS_MAX:
        raise InvalidParameter("PendingWindowInDays", f"It must be from {DELETION_DAYS_MIN} to {DELETION_DAYS_MAX}.")
    return timedelta(days=days)


def state_after_cancelling(key: Key, *, has_material: bool) -> KeyState:
    """Give what a key becomes when its deletion is cancelled: Enabled, or PendingImport if it has no material to use."""
    return KeyState.ENABLED if key.shape.origin is Origin.SERVICE or has_material else KeyState.PENDING_IMPORT


def shape_of(asked: AskedShape) -> Shape:
    """Check what CreateKey asks for; empty text means the default.

    InvalidParameter for what no cloud knows, NotOffered for what this service does not make, or not here.
    """
    spec = _one_of("KeySpec", asked.spec or KeySpec.AES_256, KeySpec)
    usage = _one_of("KeyUsage", asked.usage or default_usage(spec), KeyUsage)
    origin = _one_of("Origin", asked.origin or Origin.SERVICE, Origin)
    storage = _one_of("KeyStorageMechanism", asked.storage, Storage)
    description = checked_description(asked.description)
    if usage not in SPECS[spec].usages:
        known = " or ".join(SPECS[spec].usages)
        raise InvalidParameter("KeyUsage", f"A key of KeySpec {spec.value} has KeyUsage {known}.")
    if storage and asked.protection is not ProtectionLevel.HSM:
        raise InvalidParameter("KeyStorageMechanism", "It belongs to keys that a hardware module guards.")
    if not allowed(spec, usage, asked.protection, beyond=True):
        raise NotOffered(f"Keys of KeySpec {spec.value} are made in hardware only.")
    if spec not in SPECS_MADE:
        raise NotOffered(f"Keys of KeySpec {spec.value} are not made here.")
    if origin is Origin.EXTERNAL and not SPECS[spec].imports:
        raise NotOffered("Key material is imported (Origin EXTERNAL) for symmetric keys only.")
    return Shape(spec, usage, origin, description, asked.protection, storage)


def checked_description(text: str, name: str = "Description") -> str:
    """Give a description back; InvalidParameter unless a database keeps its 0 to 8,192 characters."""
    if len(text) > DESCRIPTION_CHARS_MAX:
        raise InvalidParameter(name, f"It has more than {DESCRIPTION_CHARS_MAX} characters.")
    if not _storable(text):
        raise InvalidParameter(name, "It contains a NUL or half of a surrogate pair, which no database keeps.")
    return text


def rotation_of(interval: str, *, enable: bool | None) -> Rotation:
    """Read EnableAutomaticRotation with RotationInterval (`30d`, `720h`, `43200m`, `2592000s`): 7 to 365 days.

    Without automatic rotation an interval has no effect, but it must be one. InvalidParameter otherwise.
    """
    match = _INTERVAL.fullmatch(interval)
    if interval and match is None:
        raise InvalidParameter("RotationInterval", "It must be a number and a unit: d, h, m or s, as in 365d.")
    if not enable:
        return Rotation()
    seconds = 0 if match is None else int(match[1]) * _UNIT_SECONDS[match[2]]
    if not ROTATION_SECONDS_MIN <= seconds <= ROTATION_SECONDS_MAX:
        raise InvalidParameter("RotationInterval", "With automatic rotation it is needed, and from 7 to 365 days.")
    return Rotation(seconds)


def rotatable(shape: Shape) -> None:
    """Raise NotOffered unless keys of this kind can be rotated automatically (Configure key rotation page)."""
    hardware = shape.protection is ProtectionLevel.HSM and shape.storage is not Storage.HSM_DATABASE
    if not SPECS[shape.spec].rotates or shape.origin is Origin.EXTERNAL or hardware:
        raise NotOffered(f"A key of KeySpec {shape.spec.value} and Origin {shape.origin.value} is not rotated automatically.")


def rotation_status(key: Key, *, expired: bool) -> RotationStatus:
    """Give AutomaticRotation as it is shown: suspended while the key cannot be used."""
    if not key.rotation.wished:
        return RotationStatus.DISABLED
    return RotationStatus.ENABLED if shown_state(key, expired=expired) is KeyState.ENABLED else RotationStatus.SUSPENDED


def next_rotation_at(key: Key) -> datetime | None:
    """Give the last rotation and the interval after it; None without automatic rotation. In the past: overdue."""
    if key.rotation.seconds is None:
        return None
    return key.last_rotation_at + timedelta(seconds=key.rotation.seconds)


def versions_by_hand(key: Key) -> None:
    """Raise NotOffered unless CreateKeyVersion is for this kind of key: an asymmetric one that was made here."""
    if not SPECS[key.shape.spec].versions_by_hand:
        raise NotOffered("Versions are made by hand of asymmetric keys only; a symmetric key is rotated automatically.")
    if key.shape.origin is Origin.EXTERNAL:
        raise NotOffered("A key of Origin EXTERNAL has the one version that was imported.")


def version_addable(key: Key, versions: int, now: datetime) -> None:
    """Raise TooSoon within seven days of the last version, TooManyVersions from 50 on (CreateKeyVersion page, 2026-11-22)."""
    if versions >= VERSIONS_MAX:
        raise TooManyVersions(key.key_id, VERSIONS_MAX)
    if now < key.last_rotation_at + VERSION_GAP:
        raise TooSoon(key.key_id, key.last_rotation_at + VERSION_GAP)


def seals(key: Key) -> None:
    """Raise NotOffered unless Encrypt, GenerateDataKey and their like may use the key: it is symmetric and encrypts."""
    if key.shape.usage is not KeyUsage.ENCRYPT_DECRYPT or not SPECS[key.shape.spec].symmetric:
        raise NotOffered(f"A key of KeySpec {key.shape.spec.value} for {key.shape.usage.value} is not used by this action.")


def from_outside(key: Key) -> None:
    """Raise OriginRefused unless the key's material is imported."""
    if key.shape.origin is not Origin.EXTERNAL:
        raise OriginRefused(key.key_id)


def material_expiry(unix: int, now: datetime) -> datetime | None:
    """Read KeyMaterialExpireUnix: seconds since 1970, later than `now`, in a year of four digits; 0: never."""
    if unix == 0:
        return None
    if not now.timestamp() < unix <= _LAST_SECOND:
        raise InvalidParameter("KeyMaterialExpireUnix", "It must be 0, for never, or seconds since 1970 that lie in the future.")
    return from_ms(unix * 1000)


def require_usage(key: Key, usage: KeyUsage) -> None:
    """Raise NotOffered unless the key was made for this use."""
    if key.shape.usage is not usage:
        raise NotOffered(f"The key has KeyUsage {key.shape.usage.value}; this action needs {usage.value}.")


def page_of(number: int | None, size: int | None) -> Page:
    """Give the page asked for; page 1 and 10 entries a page unless said otherwise."""
    if number is not None and not 1 <= number <= _PAGE_NUMBER_MAX:
        raise InvalidParameter("PageNumber", "It must be 1 or more.")
    if size is not None and not 1 <= size <= PAGE_SIZE_MAX:
        raise InvalidParameter("PageSize", f"It must be from 1 to {PAGE_SIZE_MAX}.")
    return Page(number or 1, size or PAGE_SIZE_DEFAULT)


def wide_page_of(number: int | None, size: int | None) -> Page:
    """As `page_of` where the pages' text says 0 to 101 (ListAliasesByKeyId, ListKeyVersions): 0 means the default."""
    if size == PAGE_SIZE_MAX + 1:
        return Page(page_of(number, None).number, size)
    return page_of(number, size or None)


def filters_of(text: str) -> dict[str, frozenset[str]]:
    """Read the Filters of ListKeys, a JSON list of `{"Key":…,"Values":[…]}`; the values of entries of one key are joined.

    An entry without values asks for nothing (the documented length of Values is 0 to 10). InvalidParameter for another form, a
    key or value that is not documented, more than 10 entries or more than 10 values in one.
    """
    if not text:
        return {}
    try:
        filters = _FILTERS.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise InvalidParameter("Filters", 'It must be a JSON list of {"Key":"…","Values":["…"]}.') from None
    if len(filters) > FILTERS_MAX:
        raise InvalidParameter("Filters", f"It has more than {FILTERS_MAX} entries.")
    wanted: dict[str, frozenset[str]] = {}
    for entry in filters:
        if entry.key not in FILTER_VALUES:
            raise InvalidParameter("Filters", f"{entry.key!r} is not one of {', '.join(FILTER_VALUES)}.")
        if len(entry.values) > FILTER_VALUES_MAX:
            raise InvalidParameter("Filters", f"{entry.key} has more than {FILTER_VALUES_MAX} values.")
        known = FILTER_VALUES[entry.key]
        unknown = [value for value in entry.values if known is not None and value not in known]
        if unknown:
            raise InvalidParameter("Filters", f"{unknown[0]!r} is not a {entry.key}.")
        if not all(_storable(value) for value in entry.values):
            raise InvalidParameter("Filters", f"A value of {entry.key} contains a NUL.")
        if entry.values:
            wanted[entry.key] = wanted.get(entry.key, frozenset()) | frozenset(entry.values)
    return wanted


def _one_of(name: str, text: str, known: type[E]) -> E:
    try:
        return known(text)
    except ValueError:
        raise InvalidParameter(name, f"It must be one of {', '.join(filter(None, known))}, in this spelling.") from None


def _storable(text: str) -> bool:
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
