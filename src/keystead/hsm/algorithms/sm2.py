"""SM2 keys (GB/T 32918), through the system's OpenSSL 3: the cryptography package has no SM2.

Signing takes the digest e = SM3(Z(A) || M), 32 bytes, which the caller computes with the user id 1234567812345678 (GB/T 32918.2;
AsymmetricSign page, read 2026-11-22); signatures are ASN.1 DER. Ciphertext is made as the ASN.1 SM2Cipher of GM/T 0009-2012 (C1
C3 C2), which OpenSSL and GmSSL read; decrypting also takes the bare 04 || C1 || C3 || C2.

The private key is stored as the ECPrivateKey of RFC 5915. OpenSSL's code for this curve is generic and not claimed to run in
constant time as that for P-256 is. The bound functions let Python's lock go while they run.
"""

from __future__ import annotations

import base64
import ctypes
import ctypes.util
import functools
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_int, c_long, c_size_t, c_ulong, c_void_p
from typing import Any, Final, Self, TypeVar

from keystead.faults import Unsupported
from keystead.hsm.algorithms.handle import DigestRefused, Handle, NotDecrypted, PlaintextTooLong
from keystead.hsm.algorithms.specs import Spec

DIGEST_BYTES: Final = 32
PLAINTEXT_BYTES_MAX: Final = 6047
CIPHERTEXT_BYTES_MAX: Final = 6400
_POINT_BYTES: Final = 64
_HASH_BYTES: Final = 32

# name: (result, arguments); pointers to keys and contexts are c_void_p
_FUNCTIONS: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "OpenSSL_version_num": (c_ulong, ()),
    "ERR_clear_error": (None, ()),
    "EVP_PKEY_CTX_new_from_name": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "EVP_PKEY_CTX_new_from_pkey": (c_void_p, (c_void_p, c_void_p, c_char_p)),
    "EVP_PKEY_CTX_free": (None, (c_void_p,)),
    "EVP_PKEY_free": (None, (c_void_p,)),
    "EVP_PKEY_is_a": (c_int, (c_void_p, c_char_p)),
    "EVP_PKEY_public_check": (c_int, (c_void_p,)),
    "EVP_PKEY_check": (c_int, (c_void_p,)),
    "EVP_PKEY_keygen_init": (c_int, (c_void_p,)),
    "EVP_PKEY_generate": (c_int, (c_void_p, POINTER(c_void_p))),
    "EVP_PKEY_sign_init": (c_int, (c_void_p,)),
    "EVP_PKEY_sign": (c_int, (c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t)),
    "EVP_PKEY_verify_init": (c_int, (c_void_p,)),
    "EVP_PKEY_verify": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
    "EVP_PKEY_encrypt_init": (c_int, (c_void_p,)),
    "EVP_PKEY_encrypt": (c_int, (c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t)),
    "EVP_PKEY_decrypt_init": (c_int, (c_void_p,)),
    "EVP_PKEY_decrypt": (c_int, (c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t)),
    "i2d_PrivateKey": (c_int, (c_void_p, POINTER(c_void_p))),
    "i2d_PUBKEY": (c_int, (c_void_p, POINTER(c_void_p))),
    "d2i_AutoPrivateKey": (c_void_p, (c_void_p, POINTER(c_char_p), c_long)),
    "d2i_PUBKEY": (c_void_p, (c_void_p, POINTER(c_char_p), c_long)),
}


R = TypeVar("R")


class NoSm2(Unsupported):
    """The machine has no OpenSSL 3 that knows SM2."""

    def __init__(self) -> None:
        """Say what is missing."""
        super().__init__("This action is not supported. SM2 needs the system library libcrypto of OpenSSL 3, which is not here.")


class Sm2Refused(Exception):
    """OpenSSL refused; callers turn it into the fault that says what the caller gave."""


@functools.cache
def _library() -> Any:  # noqa: ANN401 - a ctypes library
    """Load the library once; NoSm2 if there is none."""
    for name in ("libcrypto.so.3", "libcrypto.3.dylib", ctypes.util.find_library("crypto") or "libcrypto"):
        try:
            library = ctypes.CDLL(name)
            for function, (result, arguments) in _FUNCTIONS.items():
                bound = getattr(library, function)
                bound.restype, bound.argtypes = result, list(arguments)
        except (OSError, AttributeError):
            continue
        if library.OpenSSL_version_num() >= 0x30000000:
            return library
    raise NoSm2


class Sm2Key:
    """A key in OpenSSL's memory, freed with this object; with or without its private half. Threads may share it."""

    __slots__ = ("_free", "_key")

    def __init__(self, key: int) -> None:
        """Take over the pointer; Sm2Refused if it is none, or of another kind of key."""
        library = _library()
        if not key:
            library.ERR_clear_error()
            raise Sm2Refused
        self._key, self._free = key, library.EVP_PKEY_free
        if library.EVP_PKEY_is_a(key, b"SM2") != 1:
            raise Sm2Refused

    def __del__(self) -> None:
        if getattr(self, "_key", None):
            self._free(self._key)

    @classmethod
    def generated(cls) -> Self:
        """Make a key pair."""
        library = _library()
        context, key = library.EVP_PKEY_CTX_new_from_name(None, b"SM2", None), c_void_p()
        try:
            if library.EVP_PKEY_keygen_init(context) != 1 or library.EVP_PKEY_generate(context, byref(key)) != 1:
                raise Sm2Refused
        finally:
            library.EVP_PKEY_CTX_free(context)
        return cls(key.value or 0)

    @classmethod
    def private(cls, der: bytes) -> Self:
        """Read ECPrivateKey or PKCS#8 and check that the halves go together; Sm2Refused for anything else."""
        return cls._read("d2i_AutoPrivateKey", "EVP_PKEY_check", der)

    @classmethod
    def public(cls, der: bytes) -> Self:
        """Read SubjectPublicKeyInfo and check that the point is on the curve; Sm2Refused for anything else."""
        return cls._read("d2i_PUBKEY", "EVP_PKEY_public_check", der)

    @classmethod
    def opened(cls, der: bytes) -> Self:
        """Read an ECPrivateKey that came from an authentic seal, unchecked."""
        return cls._read("d2i_AutoPrivateKey", "", der)

    @classmethod
    def _read(cls, reader: str, check: str, der: bytes) -> Self:
        library = _library()
        start = c_char_p(der)
        key = cls(getattr(library, reader)(None, byref(start), len(der)))
        left = len(der) - ((ctypes.cast(start, c_void_p).value or 0) - (ctypes.cast(c_char_p(der), c_void_p).value or 0))
        if left != 0:
            raise Sm2Refused
        if check:
            context = library.EVP_PKEY_CTX_new_from_pkey(None, key._key, None)
            try:
                if getattr(library, check)(context) != 1:
                    raise Sm2Refused
            finally:
                library.EVP_PKEY_CTX_free(context)
                library.ERR_clear_error()
        return key

    def private_der(self) -> bytearray:
        """Give the ECPrivateKey; the caller wipes it."""
        return self._der("i2d_PrivateKey")

    def public_der(self) -> bytes:
        """Give the SubjectPublicKeyInfo."""
        return bytes(self._der("i2d_PUBKEY"))

    def sign(self, digest: bytes) -> bytes:
        """Sign e; gives DER."""
        return self._transformed("sign", digest)

    def verify(self, digest: bytes, signature: bytes) -> bool:
        """Check a DER signature over e."""
        library = _library()

        def run(context: int) -> int:
            library.EVP_PKEY_verify_init(context)
            return int(library.EVP_PKEY_verify(context, signature, len(signature), digest, len(digest)))

        return self._in_context(run) == 1

    def encrypt(self, plaintext: bytes) -> bytes:
        """Give an SM2Cipher."""
        return self._transformed("encrypt", plaintext)

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Undo an SM2Cipher; Sm2Refused if it does not decrypt."""
        return self._transformed("decrypt", ciphertext)

    def _transformed(self, operation: str, given: bytes) -> bytes:
        library = _library()
        begin, work = getattr(library, f"EVP_PKEY_{operation}_init"), getattr(library, f"EVP_PKEY_{operation}")

        def run(context: int) -> bytes:
            length = c_size_t()
            if begin(context) != 1 or work(context, None, byref(length), given, len(given)) != 1:
                raise Sm2Refused
            buffer = ctypes.create_string_buffer(max(length.value, 1))
            if work(context, buffer, byref(length), given, len(given)) != 1:
                raise Sm2Refused
            return buffer.raw[: length.value]

        return self._in_context(run)

    def _in_context(self, run: Callable[[int], R]) -> R:
        library = _library()
        context = library.EVP_PKEY_CTX_new_from_pkey(None, self._key, None)
        try:
            return run(context)
        finally:
            library.EVP_PKEY_CTX_free(context)
            library.ERR_clear_error()  # Python's own ssl module reads the same queue

    def _der(self, writer: str) -> bytearray:
        write = getattr(_library(), writer)
        length = write(self._key, None)
        if length <= 0:
            raise Sm2Refused
        der = bytearray(length)
        start = c_void_p(ctypes.addressof((ctypes.c_char * length).from_buffer(der)))
        write(self._key, byref(start))
        return der


class Sm2Handle(Handle):
    """An SM2 key pair."""

    __slots__ = ("_key", "_pem")
    slow = frozenset({"sign", "verify", "encrypt", "decrypt"})

    def __init__(self, spec: Spec, der: bytearray) -> None:
        """Take the key from its ECPrivateKey."""
        super().__init__(spec)
        self._key = Sm2Key.opened(bytes(der))
        body = base64.encodebytes(self._key.public_der()).decode("ascii").replace("\n", "")
        lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
        self._pem = f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"

    def public_pem(self) -> str:
        """Give the public key (see the base)."""
        return self._pem

    def sign(self, algorithm: str, digest: bytes) -> bytes:
        """Sign e = SM3(Z(A) || M)."""
        self._digest(algorithm, digest)
        return self._key.sign(digest)

    def verify(self, algorithm: str, digest: bytes, signature: bytes) -> bool:
        """Check a signature over e."""
        self._digest(algorithm, digest)
        return self._key.verify(digest, signature)

    def encrypt(self, algorithm: str, plaintext: bytes) -> bytes:
        """Encrypt 1 to 6,047 bytes."""
        self._algorithm(algorithm, self.spec.encrypting)
        return encrypted(self._key, algorithm, plaintext)

    def decrypt(self, algorithm: str, ciphertext: bytes) -> bytes:
        """Decrypt an SM2Cipher or the bare 04 || C1 || C3 || C2."""
        self._algorithm(algorithm, self.spec.encrypting)
        if len(ciphertext) > CIPHERTEXT_BYTES_MAX:
            raise NotDecrypted
        try:
            return decrypted(self._key, ciphertext)
        except Sm2Refused:
            raise NotDecrypted from None

    def _digest(self, algorithm: str, digest: bytes) -> None:
        self._algorithm(algorithm, self.spec.signing)
        if len(digest) != DIGEST_BYTES:
            raise DigestRefused(algorithm, DIGEST_BYTES)


def encrypted(key: Sm2Key, algorithm: str, plaintext: bytes) -> bytes:
    """Encrypt under a public key; PlaintextTooLong beyond the documented 6,047 bytes, or for none at all."""
    if not 1 <= len(plaintext) <= PLAINTEXT_BYTES_MAX:
        raise PlaintextTooLong(algorithm, PLAINTEXT_BYTES_MAX)
    return key.encrypt(plaintext)


def decrypted(key: Sm2Key, ciphertext: bytes) -> bytes:
    """Decrypt an SM2Cipher or the bare 04 || C1 || C3 || C2; Sm2Refused if it does not."""
    return key.decrypt(_cipher_of_bare(ciphertext) if ciphertext[:1] == b"\x04" else ciphertext)


def _cipher_of_bare(bare: bytes) -> bytes:
    """Give the SM2Cipher: SEQUENCE { INTEGER x, INTEGER y, OCTET STRING C3, OCTET STRING C2 }."""
    point, rest = bare[1 : 1 + _POINT_BYTES], bare[1 + _POINT_BYTES :]
    if len(rest) <= _HASH_BYTES:
        raise Sm2Refused
    half = _POINT_BYTES // 2
    numbers = [number.lstrip(b"\x00") or b"\x00" for number in (point[:half], point[half:])]
    integers = b"".join(_element(0x02, b"\x00" + number if number[0] & 0x80 else number) for number in numbers)
    return _element(0x30, integers + _element(0x04, rest[:_HASH_BYTES]) + _element(0x04, rest[_HASH_BYTES:]))


def _element(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    written = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(written))) + written + content
