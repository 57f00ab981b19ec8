"""The one place where clear key bytes are touched. tests/rooms/test_hsm_boundary.py lists who may import it.

Wiping is best effort: the buffer held here is overwritten, but the runtime may have copied bytes while they passed through it,
and a cipher made from the material keeps its own copy inside OpenSSL until it is freed.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from types import TracebackType
from typing import Final, NoReturn, Self, TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
T = TypeVar("T")


class ClearMaterial:
    """Key bytes in clear, for as short a time as a `with` block; they cannot be printed, compared, copied or pickled."""

    __slots__ = ("_buffer",)

    def __init__(self, buffer: bytearray) -> None:
        """Take over `buffer`: it is overwritten when the material is wiped."""
        self._buffer = buffer

    @classmethod
    def generated(cls, length: int = KEY_BYTES, random: Callable[[int], bytes] = os.urandom) -> Self:
        """Draw `length` fresh bytes from the machine's generator."""
        return cls(bytearray(random(length)))

    @classmethod
    def unsealed(cls, cipher: AESGCM, nonce: bytes, sealed: bytes, associated_data: bytes) -> Self:
        """Open ciphertext with tag straight into a buffer of our own; InvalidTag if it is not authentic."""
        buffer = bytearray(len(sealed) - 16)
        cipher.decrypt_into(nonce, sealed, associated_data, buffer)
        return cls(buffer)

    def cipher(self) -> AESGCM:
        """Give the AES-GCM cipher of these key bytes; it outlives the wiping."""
        return AESGCM(self._buffer)

    def into(self, make: Callable[[bytearray], T]) -> T:
        """Give the bytes to the maker of a handle, which must not keep this buffer."""
        return make(self._buffer)

    def sealed(self, cipher: AESGCM, nonce: bytes, associated_data: bytes) -> bytes:
        """Give these bytes as ciphertext with tag."""
        return cipher.encrypt(nonce, self._buffer, associated_data)

    def base64_text(self) -> bytes:
        """Give a data key as the base64 text its owner gets: the only way clear bytes leave on purpose."""
        return base64.b64encode(self._buffer)

    def write_to(self, descriptor: int, header: bytes) -> None:
        """Write `header` and the bytes to an open file: for the root key file only."""
        record = bytearray(header) + self._buffer
        try:
            written = 0
            while written < len(record):
                written += os.write(descriptor, memoryview(record)[written:])
        finally:
            record[:] = bytes(len(record))

    def wipe(self) -> None:
        """Overwrite the bytes; wiping twice is wiping once."""
        self._buffer[:] = bytes(len(self._buffer))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return "<ClearMaterial>"

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("clear key material cannot be compared")

    __hash__ = None  # type: ignore[assignment]  # nor can it be a key of a mapping

    def __copy__(self) -> NoReturn:
        raise TypeError("clear key material cannot be copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError("clear key material cannot be copied")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("clear key material cannot be pickled")
