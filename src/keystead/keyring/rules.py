"""Pure decisions on keys: which key is meant, what its state allows, which parameters will do."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Final

import msgspec

from keystead.faults import InvalidParameter
from keystead.keyring.faults import (
    AliasNotFound,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    KeyPendingImport,
    KeyStateFixed,
    KeyStateRefuses,
    KeyUnavailable,
    NotOffered,
)
from keystead.keyring.model import Key, KeySpec, KeyState, KeyUsage, Operation, Origin, Page, ProtectionLevel, Shape

DESCRIPTION_CHARS_MAX: Final = 8192
PLAINTEXT_BYTES_MAX: Final = 6144
DATA_KEY_BYTES_MAX: Final = 1024
PAGE_SIZE_MAX: Final = 100
PAGE_SIZE_DEFAULT: Final = 10
FILTERS_MAX: Final = 10
FILTER_VALUES_MAX: Final = 10
_PAGE_NUMBER_MAX: Final = 1_000_000_000
_REFERENCE_CHARS_MAX: Final = 512
_BASE64_CHARS_MAX: Final = PLAINTEXT_BYTES_MAX // 3 * 4

# Key types and specifications page, read 2026-11-22.
_SPECS_ELSEWHERE: Final = frozenset(
    {
        "Aliyun_AES_128", "Aliyun_AES_192", "Aliyun_SM4",
    }
)  # fmt: skip
# What keys of a spec may be for; the first is the default (CreateKey page, read 2026-11-22).
_ENCRYPT: Final = (KeyUsage.ENCRYPT_DECRYPT,)
_SIGN: Final = (KeyUsage.SIGN_VERIFY,)
_MAC: Final = (KeyUsage.GENERATE_VERIFY,)
USAGES: Final[Mapping[KeySpec, tuple[KeyUsage, ...]]] = {
    KeySpec.AES_256: _ENCRYPT,
    KeySpec.RSA_2048: _SIGN + _ENCRYPT,
    KeySpec.RSA_3072: _SIGN + _ENCRYPT,
    KeySpec.RSA_4096: _SIGN + _ENCRYPT,
    KeySpec.EC_P256: _SIGN,
    KeySpec.EC_P256K: _SIGN,
    KeySpec.EC_SM2: _SIGN + _ENCRYPT,
    KeySpec.HMAC_SM3: _MAC,
    KeySpec.HMAC_SHA_224: _MAC,
    KeySpec.HMAC_SHA_256: _MAC,
    KeySpec.HMAC_SHA_384: _MAC,
    KeySpec.HMAC_SHA_512: _MAC,
}
_DATA_KEY_BYTES: Final = {"AES_256": 32, "AES_128": 16}

_STATE_REFUSES: Final[dict[KeyState, type[KeyStateRefuses]]] = {
    KeyState.DISABLED: KeyDisabled,
    KeyState.PENDING_DELETION: KeyPendingDeletion,
    KeyState.PENDING_IMPORT: KeyPendingImport,
    KeyState.UNAVAILABLE: KeyUnavailable,
}
_FIXED: Final = frozenset({KeyState.PENDING_DELETION, KeyState.PENDING_IMPORT})

# ListKeys page, read 2026-11-22. None: any text. What nothing can have yet is known all the same and matches nothing.
FILTER_VALUES: Final[Mapping[str, frozenset[str] | None]] = {
    "KeyState": frozenset(KeyState),
    "KeySpec": frozenset(KeySpec) | _SPECS_ELSEWHERE,
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


_FILTERS: Final = msgspec.json.Decoder(list[_Filter])


def key_id_of(reference: str, account_id: str, region: str) -> str:
    """Give the key id a caller means by a plain id or `acs:kms:<region>:<account>:key/<id>`.

    KeyNotFound for another account's or region's ARN, exactly as for an absent key; AliasNotFound for an alias.
    """
    if len(reference) > _REFERENCE_CHARS_MAX or not (reference.isascii() and reference.isprintable()):
        raise KeyNotFound(reference[:_REFERENCE_CHARS_MAX])  # the store is not asked about what cannot be there
    if not reference.startswith(("acs:", "alias/")):
        return reference
    if reference.startswith("alias/"):
        raise AliasNotFound(reference)
    prefix = f"acs:kms:{region}:{account_id}:"
    if not reference.startswith(prefix):
        raise KeyNotFound(reference)
    resource = reference[len(prefix) :]
    if resource.startswith("alias/"):
        raise AliasNotFound(reference)
    if not resource.startswith("key/"):
        raise KeyNotFound(reference)
    return resource[len("key/") :]


def names_alias(reference: str) -> bool:
    """Whether the reference is an alias or an alias's ARN."""
    return reference.startswith("alias/") or (reference.startswith("acs:") and ":alias/" in reference)


def shown_state(key: Key, *, expired: bool) -> KeyState:
    """Give the state callers see: Unavailable once the instance is expired, whatever is stored."""
    return KeyState.UNAVAILABLE if expired else key.state


def usable(key: Key, operation: Operation, *, expired: bool) -> None:
    """Raise unless the key's state allows the operation (Impact of CMK states on API call, read 2026-11-22).

    Expiry of the instance comes first; that it also stops EnableKey and DisableKey is reasoned, not documented.
    """
    if operation is Operation.DESCRIBE:
        return
    if expired:
        raise KeyUnavailable(key.key_id)
    state = key.state
    if state is KeyState.ENABLED:
        return
    if operation is Operation.USE:
        raise _STATE_REFUSES[state](key.key_id)
    if state in _FIXED:
        raise KeyStateFixed(key.key_id, state.value)


def shape_of(spec: str, usage: str, origin: str, description: str) -> Shape:
    """Check what CreateKey asks for; empty text means the default.

    InvalidParameter for what no cloud knows, NotOffered for what this service does not make.
    """
    spec = spec or KeySpec.AES_256.value
    if spec in _SPECS_ELSEWHERE:
        raise NotOffered(f"Keys of KeySpec {spec} are not made here; {', '.join(KeySpec)} are.")
    if spec not in frozenset(KeySpec):
        raise InvalidParameter("KeySpec", f"It must be one of {', '.join(KeySpec)}.")
    usages = USAGES[KeySpec(spec)]
    if usage and usage not in usages:
        raise InvalidParameter("KeyUsage", f"A key of KeySpec {spec} has KeyUsage {' or '.join(usages)}.")
    if origin == "EXTERNAL":
        raise NotOffered("Key material cannot be imported (Origin EXTERNAL); Origin Aliyun_KMS is made here.")
    if origin not in {"", Origin.SERVICE.value}:
        raise InvalidParameter("Origin", f"It must be {Origin.SERVICE.value}, in this spelling.")
    if len(description) > DESCRIPTION_CHARS_MAX:
        raise InvalidParameter("Description", f"It has more than {DESCRIPTION_CHARS_MAX} characters.")
    if not _storable(description):
        raise InvalidParameter("Description", "It contains a NUL or half of a surrogate pair, which no database keeps.")
    return Shape(KeySpec(spec), KeyUsage(usage) if usage else usages[0], Origin.SERVICE, description)


def require_usage(key: Key, usage: KeyUsage) -> None:
    """Raise NotOffered unless the key was made for this use."""
    if key.shape.usage is not usage:
        raise NotOffered(f"The key has KeyUsage {key.shape.usage.value}; this action needs {usage.value}.")


def plaintext_of(text: str) -> bytes:
    """Give the bytes Encrypt seals: the base64 text itself, so that Decrypt hands back the identical string.

    InvalidParameter unless it is base64 (standard alphabet, padded, no line breaks) of 1 to 6,144 bytes: the documented 6 KB
    are counted on what the text decodes to.
    """
    if len(text) > _BASE64_CHARS_MAX:
        raise InvalidParameter("Plaintext", f"It decodes to more than {PLAINTEXT_BYTES_MAX} bytes.")
    try:
        decoded = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise InvalidParameter("Plaintext", "It must be base64 text with its padding and no line breaks.") from None
    if not decoded:
        raise InvalidParameter("Plaintext", "It is empty.")
    return text.encode("ascii")


def data_key_bytes(spec: str, number_of_bytes: int | None) -> int:
    """Give the length of a data key: NumberOfBytes if given, else what KeySpec says, else 32; InvalidParameter otherwise."""
    if spec and spec not in _DATA_KEY_BYTES:
        raise InvalidParameter("KeySpec", f"It must be {' or '.join(_DATA_KEY_BYTES)}.")
    if number_of_bytes is None:
        return _DATA_KEY_BYTES[spec or "AES_256"]
    if not 1 <= number_of_bytes <= DATA_KEY_BYTES_MAX:
        raise InvalidParameter("NumberOfBytes", f"It must be from 1 to {DATA_KEY_BYTES_MAX}.")
    return number_of_bytes


def page_of(number: int | None, size: int | None) -> Page:
    """Give the page asked for; page 1 and 10 keys a page unless said otherwise."""
    if number is not None and not 1 <= number <= _PAGE_NUMBER_MAX:
        raise InvalidParameter("PageNumber", "It must be 1 or more.")
    if size is not None and not 1 <= size <= PAGE_SIZE_MAX:
        raise InvalidParameter("PageSize", f"It must be from 1 to {PAGE_SIZE_MAX}.")
    return Page(number or 1, size or PAGE_SIZE_DEFAULT)


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


def _storable(text: str) -> bool:
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
