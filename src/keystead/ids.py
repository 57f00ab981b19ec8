"""Minting of identifiers, in the shapes clients of the cloud know (KMS SDK samples and API pages, read 2026-11-22).

Instance and key ids have 25 characters: prefix, three letters for the region, eight hex digits of the second they were made,
ten random characters. A key version id is the key id, a dash and ten random characters: exactly 36, because the ciphertext
header has room for 36. Random characters come from `secrets`; ten of 36 letters are 51 bits beside a second and a region, and
a collision is refused by the schema, never overwritten.
"""

from __future__ import annotations

import random
import secrets
import uuid
from datetime import datetime

from keystead.clock import to_ms

_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
_ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_KEY = "key-"
_ORDER_DIGITS = 15
_ACCOUNT_DIGITS = 16
_RANDOM_HALF = 10
_VERSION_7 = 0x7000_8000_0000_0000_0000
_VERSION_7_RANDOM = 0x0FFF_3FFF_FFFF_FFFF_FFFF
_names = random.Random(secrets.randbits(256))  # noqa: S311 - request ids are no secrets


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _region_tag(region: str) -> str:
    """Three characters that hint at the region, as the cloud's ids do (`hzz` for Hangzhou): last part's first two, then z."""
    letters = "".join(c for c in region.rsplit("-", 1)[0].rsplit("-", 1)[-1] + region if c.isalpha())
    return f"{letters[:2]}z"


def instance_id(region: str, now: datetime) -> str:
    """Mint an instance id: `kst-` and 21 characters."""
    return f"kst-{_region_tag(region)}{int(now.timestamp()) & 0xFFFFFFFF:08x}{_random(_LOWER, _RANDOM_HALF)}"


def key_id(region: str, now: datetime) -> str:
    """Mint a key id: `key-` and 21 characters."""
    return f"{_KEY}{_region_tag(region)}{int(now.timestamp()) & 0xFFFFFFFF:08x}{_random(_LOWER, _RANDOM_HALF)}"


def default_key_id() -> str:
    """Mint the id of a key outside any instance: a random UUID, as the cloud's default keys have."""
    return str(uuid.uuid4())


def key_version_id(key: str) -> str:
    """Mint a version id of the key `key`: exactly 36 characters; a UUID of its own where the key's id is one."""
    if not key.startswith(_KEY):
        return default_key_id()
    return f"{key}-{_random(_LOWER, _RANDOM_HALF)}"


def key_of_version(version_id: str) -> str:
    """Give the id of the key that a version id was minted for."""
    return version_id.rpartition("-")[0]


def account_id() -> str:
    """Mint a 16-digit account id; the first digit is not zero."""
    return secrets.choice("123456789") + _random("0123456789", _ACCOUNT_DIGITS - 1)


def order_id() -> str:
    """Mint a 15-digit order id; the first digit is not zero, so that it survives being read as an integer."""
    return secrets.choice("123456789") + _random("0123456789", _ORDER_DIGITS - 1)


def transaction_number() -> str:
    """Mint the number of a ledger transaction: 24 digits, as the cloud's are of no fixed length but numeric."""
    return secrets.choice("123456789") + _random("0123456789", 23)


def coupon_id() -> str:
    """Mint the id of a coupon: 14 digits, the first not zero, as it is an integer on the wire."""
    return secrets.choice("123456789") + _random("0123456789", 13)


def coupon_number() -> str:
    """Mint the code of a coupon in the cloud's shape: `Q-` and 13 hex digits."""
    return "Q-" + _random("0123456789abcdef", 13)


def top_up_id() -> str:
    """Mint the id of a top-up: `top-` and 20 characters, which the payment provider hands back as its client reference."""
    return f"top-{_random(_LOWER, 20)}"


def message_id() -> str:
    """Mint the id of a message: `msg-` and 20 characters; with the sender's domain it is the mail's Message-ID."""
    return f"msg-{_random(_LOWER, 20)}"


def principal_id() -> str:
    """Mint the id of a RAM user, group or role: 18 digits, the first not zero."""
    return secrets.choice("123456789") + _random("0123456789", 17)


def salt() -> bytes:
    """Draw the salt of a password: 16 bytes."""
    return secrets.token_bytes(16)


def access_key_id() -> str:
    """Mint an access key id in the cloud's shape: `LTAI5t` and 18 letters and digits."""
    return "LTAI5t" + _random(_ALNUM, 18)


def access_key_secret() -> str:
    """Mint an access key secret: 30 letters and digits, 178 bits."""
    return _random(_ALNUM, 30)


def client_key_id() -> str:
    """Mint the id of a client key: `KAAP.` and a random UUID."""
    return f"KAAP.{uuid.uuid4()}"


def request_id(at: datetime | None = None) -> str:
    """Mint a request id: a version 7 UUID in upper case, its first 48 bits the wall time `at` in milliseconds (0 if unknown).

    Minted for every call, so its 74 random bits come from a generator seeded once: they must differ, they need not be secret.
    """
    time = to_ms(at) if at is not None else 0
    number = time << 80 | _VERSION_7 | _names.getrandbits(76) & _VERSION_7_RANDOM
    text = number.to_bytes(16, "big").hex().upper()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
