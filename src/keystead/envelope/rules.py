"""Ciphertext layout and canonical contexts. Both are promises for ever: old ciphertext must open with any later version.

A ciphertext of the shared API, before base64 (KMS SDK sources and published samples, read 2026-11-22):

    offset  length  what
    0       36      key version id, ASCII
    36      12      IV
    48      n       AES-GCM ciphertext, n >= 1
    48 + n  16      tag

A ciphertext of the instance API's Advance operations is the same behind a header of three bytes: 0x24 (`$`), 0x00 (layout and
padding), 0x02 (GCM).

An EncryptionContext becomes the associated data of the GCM call: a compact JSON object in UTF-8, keys sorted by code point,
nothing escaped that JSON does not demand. No context and an empty one are the same: no bytes. What the cloud itself uses is
unpublished; ciphertext does not travel between deployments, so only its own later versions must agree.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from keystead.envelope.faults import CiphertextNotValid, ContextNotValid
from keystead.faults import InvalidParameter

VERSION_ID_BYTES: Final = 36
IV_BYTES: Final = 12
TAG_BYTES: Final = 16
OVERHEAD_BYTES: Final = VERSION_ID_BYTES + IV_BYTES + TAG_BYTES
CONTEXT_CHARS_MAX: Final = 8192
PLAINTEXT_BYTES_MAX: Final = 6144
DATA_KEY_BYTES_MAX: Final = 1024

_BASE64_CHARS_MAX: Final = PLAINTEXT_BYTES_MAX // 3 * 4
_DATA_KEY_BYTES: Final = {"AES_256": 32, "AES_128": 16}
_ADVANCED: Final = b"$\x00\x02"
_CANONICAL: Final = msgspec.json.Encoder(order="sorted")


class Unpacked(NamedTuple):
    """A ciphertext taken apart: which version sealed it, and IV, ciphertext and tag in one piece."""

    version_id: str
    iv_and_ciphertext: bytes


def pack(version_id: str, iv_and_ciphertext: bytes) -> bytes:
    """Lay a ciphertext out; ValueError for a version id that is not 36 ASCII characters, which is a mistake of ours."""
    header = version_id.encode("ascii")
    if len(header) != VERSION_ID_BYTES:
        message = f"a key version id has {VERSION_ID_BYTES} characters: {version_id!r}"
        raise ValueError(message)
    return header + iv_and_ciphertext


def unpack(blob: bytes) -> Unpacked:
    """Take a ciphertext apart; CiphertextNotValid if it is too short to hold a text or its version id is not printable ASCII."""
    if len(blob) <= OVERHEAD_BYTES:
        raise CiphertextNotValid
    header = blob[:VERSION_ID_BYTES]
    if not header.isascii():
        raise CiphertextNotValid
    version_id = header.decode("ascii")
    if not version_id.isprintable():
        raise CiphertextNotValid
    return Unpacked(version_id, blob[VERSION_ID_BYTES:])


def pack_advanced(version_id: str, iv_and_ciphertext: bytes) -> bytes:
    """Lay a ciphertext out as the instance API's Advance operations do."""
    return _ADVANCED + pack(version_id, iv_and_ciphertext)


def unpack_advanced(blob: bytes) -> Unpacked:
    """Take apart what `pack_advanced` laid out; CiphertextNotValid for anything else."""
    if blob[: len(_ADVANCED)] != _ADVANCED:
        raise CiphertextNotValid
    return unpack(blob[len(_ADVANCED) :])


def associated_data(context: Mapping[str, str] | None) -> bytes:
    """Give the canonical bytes of a context; ContextNotValid if they are more than 8,192 characters or half a character."""
    if not context:
        return b""
    try:
        canonical = _CANONICAL.encode(context)
    except UnicodeEncodeError:
        raise ContextNotValid("It contains half of a surrogate pair, which is not a character.") from None
    if len(canonical) > CONTEXT_CHARS_MAX and len(canonical.decode()) > CONTEXT_CHARS_MAX:
        raise ContextNotValid(f"It has more than {CONTEXT_CHARS_MAX} characters.")
    return canonical


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
