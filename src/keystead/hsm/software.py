"""The software key store: everything hangs from one root key in a file.

    root key (file, 0600) ── seals ──> instance key ── seals ──> key version ── seals ──> the callers' data
                          └─ seals ──> access key secrets

Every seal is AES-256-GCM under a random nonce. A sealed blob, byte by byte:

    offset  length  what
    0       1       format marker, 0x01
    1       12      nonce
    13      n + 16  ciphertext and tag

The associated data names what the blob is and whose: kind and ids, each behind its length (two bytes, big endian). A blob moved
to another row does not open there. The root key file is the marker byte 0x01 and 32 key bytes, nothing else.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.faults import Fault
from keystead.hsm import handing_out, importing, making
from keystead.hsm.algorithms.handle import Handle
from keystead.hsm.algorithms.specs import AES_256, SPECS
from keystead.hsm.algorithms.wrapping import IMPORT_ALGORITHMS, Wrapping, check_names, wrapping
from keystead.hsm.clear_material import KEY_BYTES, ClearMaterial
from keystead.hsm.making import Stock
from keystead.hsm.port import (
    ClientKeyPair,
    DataKeyPair,
    ImportedVersion,
    ImportOffer,
    ImportTokenNotValid,
    ImportWay,
    NotAuthentic,
    SealBroken,
    VersionIds,
)

MARKER: Final = b"\x01"
NONCE_BYTES: Final = 12
NONCES_DRAWN: Final = 256
TAG_BYTES: Final = 16
_SEALED_BYTES_MIN: Final = len(MARKER) + NONCE_BYTES + TAG_BYTES
_LOOSE: Final = 0o077


class RootKeyRefused(Fault):
    """The root key file cannot be trusted or read; the sentence says what to do about it."""


class RootKey:
    """The opened root key: a cipher without a printable form."""

    __slots__ = ("_cipher",)

    def __init__(self, cipher: AESGCM) -> None:
        """Hold the cipher; the bytes it was made from are wiped by then."""
        self._cipher = cipher

    def __repr__(self) -> str:
        return "<RootKey>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a root key cannot be pickled")

    def cipher(self) -> AESGCM:
        """Give the cipher to the key store."""
        return self._cipher


def open_root_key(path: Path) -> RootKey:
    """Open the root key file, making it on first use; RootKeyRefused if it is loose, misshapen or unreadable.

    Several processes may start at once: one makes the file, the others open it. A crash leaves it whole or absent.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        _create(path)
    return _read(path)


def _create(path: Path) -> None:
    """Write the key under a name of its own, make it durable, then link it to `path` unless somebody was first."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.fchmod(descriptor, 0o600)  # whatever the umask
            with ClearMaterial.generated() as material:
                material.write_to(descriptor, MARKER)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with contextlib.suppress(FileExistsError):  # another process was first: its key is the deployment's
            os.link(draft, path)  # fails, unlike a rename, if `path` exists
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> RootKey:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not keep us waiting
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RootKeyRefused(f"The root key file {path} cannot be opened: {error.strerror}.") from None
    try:
        _trusted(path, os.fstat(descriptor))
        marker = os.read(descriptor, len(MARKER))
        if marker != MARKER:
            raise RootKeyRefused(
                f"The root key file {path} has format marker 0x{marker.hex()}; this version reads 0x{MARKER.hex()}."
            )
        buffer = bytearray(KEY_BYTES)
        with ClearMaterial(buffer) as material:
            if os.readv(descriptor, [buffer]) != KEY_BYTES:
                raise RootKeyRefused(f"The root key file {path} could not be read to its end.")
            return RootKey(material.cipher())
    finally:
        os.close(descriptor)


def _trusted(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise RootKeyRefused(f"The root key file {path} is not a regular file.")
    mode = stat.S_IMODE(found.st_mode)
    if mode & _LOOSE:
        raise RootKeyRefused(
            f"The root key file {path} has permissions {mode:04o}: others than its owner may use it. "
            f"Make it 0600 (chmod 600 {path}) after making sure that nobody has read it."
        )
    if found.st_size != len(MARKER) + KEY_BYTES:
        raise RootKeyRefused(
            f"The root key file {path} has {found.st_size} bytes where {len(MARKER) + KEY_BYTES} belong. "
            "Restore it from its backup: without it nothing sealed can be opened."
        )


_nonces: list[bytes] = []


def _fresh_nonce() -> bytes:
    """Give a random nonce. They are drawn from the system many at a time: a draw lets Python's lock go, at every call.

    `pop` gives each to one thread only; no process here is ever forked with some left.
    """
    while True:
        try:
            return _nonces.pop()
        except IndexError:
            drawn = os.urandom(NONCE_BYTES * NONCES_DRAWN)
            _nonces.extend(drawn[at : at + NONCE_BYTES] for at in range(0, len(drawn), NONCE_BYTES))


class SoftwareVersionHandle(Handle):
    """An opened AES-256 key version: one GCM call a text, nothing else."""

    __slots__ = ("_decrypt", "_encrypt")

    def __init__(self, cipher: AESGCM) -> None:
        """Keep the cipher's two methods, looked up once."""
        super().__init__(SPECS[AES_256])
        self._encrypt = cipher.encrypt
        self._decrypt = cipher.decrypt

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Give IV, ciphertext and tag (see the port)."""
        nonce = _fresh_nonce()
        return nonce + self._encrypt(nonce, plaintext, associated_data)

    def open(self, iv_and_ciphertext: bytes, associated_data: bytes) -> bytes:
        """Give the plaintext, or NotAuthentic (see the port)."""
        try:
            return self._decrypt(iv_and_ciphertext[:NONCE_BYTES], iv_and_ciphertext[NONCE_BYTES:], associated_data)
        except (InvalidTag, ValueError):
            raise NotAuthentic from None


class SoftwareKeyStore:
    """The port over a root key; opens the instance key anew for each cold use, so that destroying it takes effect at once."""

    __slots__ = ("_root", "_stock")

    def __init__(self, root_key: RootKey) -> None:
        """Serve from this root key."""
        self._root = root_key.cipher()
        self._stock = Stock()

    def __repr__(self) -> str:
        return "<SoftwareKeyStore>"

    @property
    def hardware(self) -> bool:
        """No: its keys are in software."""
        return False

    def new_instance_key(self, instance_id: str) -> bytes:
        """Make an instance's key, sealed under the root key (see the port)."""
        with ClearMaterial.generated() as material:
            return _seal(self._root, material, _bound("instance key", instance_id))

    def made_ahead(self, spec: str) -> AbstractContextManager[None]:
        """Have a key ready before a transaction (see the port)."""
        return self._stock.ahead(spec)

    def new_version(self, sealed_instance_key: bytes, ids: VersionIds, spec: str = AES_256) -> bytes:
        """Make a key version, sealed under its instance's key (see the port)."""
        instance_cipher = self._instance_cipher(sealed_instance_key, ids.instance_id)
        with self._stock.take(SPECS[spec]) as material:
            return _seal(instance_cipher, material, _bound("key version", *ids, *_told(spec)))

    def open_version(self, sealed_instance_key: bytes, sealed_version: bytes, ids: VersionIds, spec: str = AES_256) -> Handle:
        """Open a key version (see the port)."""
        instance_cipher = self._instance_cipher(sealed_instance_key, ids.instance_id)
        bound = _bound("key version", *ids, *_told(spec))
        with _unseal(instance_cipher, sealed_version, ("key version", ids.version_id), bound) as material:
            if spec == AES_256:
                return SoftwareVersionHandle(material.cipher())
            return making.handle(SPECS[spec], material)

    def offer_import(self, sealed_instance_key: bytes, ids: VersionIds, way: ImportWay) -> ImportOffer:
        """Make a wrapping key and its token (see the port)."""
        check_names(IMPORT_ALGORITHMS, way.spec, way.algorithm)
        instance_cipher = self._instance_cipher(sealed_instance_key, ids.instance_id)
        header = importing.header(way)
        with self._stock.take(SPECS[way.spec]) as private:
            public_key = private.into(lambda buffer: importing.public_der(way.spec, buffer))
            return ImportOffer(public_key, header + _seal(instance_cipher, private, _bound_token(ids, header)))

    def import_way(self, sealed_instance_key: bytes, ids: VersionIds, token: bytes) -> ImportWay:
        """Read an authentic token (see the port)."""
        self._wrapping_key(sealed_instance_key, ids, token).wipe()
        return importing.way_of(token)

    def import_version(
        self, sealed_instance_key: bytes, ids: VersionIds, spec: str, token: bytes, wrapped: bytes
    ) -> ImportedVersion:
        """Unwrap, mark and seal material (see the port)."""
        way = importing.way_of(token)
        with self._wrapping_key(sealed_instance_key, ids, token) as private:
            material = private.into(lambda buffer: importing.material(SPECS[spec], way, buffer, wrapped))
        bound = _bound("key version", *ids, *_told(spec))
        with material, self._instance_key(sealed_instance_key, ids.instance_id) as instance_key:
            mark = instance_key.into(lambda buffer: importing.mark(buffer, bound, material))
            return ImportedVersion(_seal(instance_key.cipher(), material, bound), mark)

    def data_key_text(self, length: int) -> bytes:
        """Draw a data key (see the port)."""
        with ClearMaterial.generated(length) as material:
            return material.base64_text()

    def new_client_key(self, name: str, password: bytes, validity: tuple[datetime, datetime]) -> ClientKeyPair:
        """Make a client key (see the port)."""
        with self._stock.take(SPECS["RSA_2048"]) as material:
            return material.into(lambda buffer: handing_out.client_key(buffer, name, password, validity))

    def data_key_pair(self, spec: str, encoding: str) -> DataKeyPair:
        """Make a data key pair (see the port)."""
        with self._stock.take(SPECS[spec]) as material:
            return material.into(lambda buffer: handing_out.data_key_pair(SPECS[spec], buffer, encoding))

    def wrapping(self, spec: str, algorithm: str, spki: bytes) -> Wrapping:
        """Read a caller's public key (see the port)."""
        return wrapping(spec, algorithm, spki)

    def seal_secret(self, purpose: str, owner_id: str, clear: bytes) -> bytes:
        """Seal a secret under the root key (see the port)."""
        nonce = os.urandom(NONCE_BYTES)
        return MARKER + nonce + self._root.encrypt(nonce, clear, _bound("secret", purpose, owner_id))

    def open_secret(self, purpose: str, owner_id: str, sealed: bytes) -> bytes:
        """Open a secret (see the port)."""
        nonce, body = _parts(sealed, f"secret ({purpose})", owner_id)
        try:
            return self._root.decrypt(nonce, body, _bound("secret", purpose, owner_id))
        except InvalidTag:
            raise SealBroken(f"secret ({purpose})", owner_id) from None

    def _instance_cipher(self, sealed_instance_key: bytes, instance_id: str) -> AESGCM:
        with self._instance_key(sealed_instance_key, instance_id) as material:
            return material.cipher()

    def _instance_key(self, sealed_instance_key: bytes, instance_id: str) -> ClearMaterial:
        return _unseal(self._root, sealed_instance_key, ("instance key", instance_id), _bound("instance key", instance_id))

    def _wrapping_key(self, sealed_instance_key: bytes, ids: VersionIds, token: bytes) -> ClearMaterial:
        instance_cipher = self._instance_cipher(sealed_instance_key, ids.instance_id)
        header, sealed = token[: importing.HEADER_BYTES], token[importing.HEADER_BYTES :]
        importing.way_of(token)
        try:
            return _unseal(instance_cipher, sealed, ("import token", ids.version_id), _bound_token(ids, header))
        except SealBroken:
            raise ImportTokenNotValid from None


def _seal(cipher: AESGCM, material: ClearMaterial, associated_data: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return MARKER + nonce + material.sealed(cipher, nonce, associated_data)


def _unseal(cipher: AESGCM, sealed: bytes, told: tuple[str, str], associated_data: bytes) -> ClearMaterial:
    """Open a seal; `told` is what SealBroken says of it: kind and owner."""
    nonce, body = _parts(sealed, *told)
    try:
        return ClearMaterial.unsealed(cipher, nonce, body, associated_data)
    except InvalidTag:
        raise SealBroken(*told) from None


def _told(spec: str) -> tuple[str, ...]:
    """Give what a seal says of the spec: nothing for AES-256, whose seals are older than the other specs."""
    return () if spec == AES_256 else (spec,)


def _bound_token(ids: VersionIds, header: bytes) -> bytes:
    return _bound("import token", *ids, header.hex())


def _parts(sealed: bytes, kind: str, owner: str) -> tuple[bytes, bytes]:
    if len(sealed) < _SEALED_BYTES_MIN or sealed[:1] != MARKER:
        raise SealBroken(kind, owner)
    return sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]


def _bound(*parts: str) -> bytes:
    """Give the associated data of a seal; the lengths make it impossible that two lists of parts read alike."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(2, "big") + part for part in encoded)
