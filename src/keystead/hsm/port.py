"""The port every key store serves: software now, modules later. What passes through it is sealed or has no printable form."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from keystead.faults import Fault


class SealBroken(Fault):
    """A stored blob does not open under the ids it is filed under: damaged, swapped, or sealed under another root key.

    Ours, never the caller's: it must become an internal failure.
    """

    def __init__(self, kind: str, owner: str) -> None:
        """Name what was to be opened, never its content."""
        super().__init__(f"The sealed {kind} of {owner} does not open: it is damaged, misplaced or from another deployment.")
        self.kind = kind
        self.owner = owner


class NotAuthentic(Fault):
    """A caller's ciphertext or associated data is not what this key version sealed."""

    def __init__(self) -> None:
        """Say no more than that: which part is wrong is nobody's business."""
        super().__init__("The ciphertext is not authentic for this key version and associated data.")


class VersionIds(NamedTuple):
    """The ids a key version's sealed blob is bound to."""

    instance_id: str
    key_id: str
    version_id: str


class VersionHandle(Protocol):
    """An opened AES-256 key version: usable, not readable. Safe to share between threads."""

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Give 12 bytes IV and AES-GCM ciphertext with its 16-byte tag; the IV is drawn at random.

        With random IVs one version may seal 2**32 texts (NIST SP 800-38D, section 8.3); rotation begins a new count.
        """
        ...

    def open(self, iv_and_ciphertext: bytes, associated_data: bytes) -> bytes:
        """Give the plaintext of what `seal` gave; NotAuthentic for anything else."""
        ...


class KeyStore(Protocol):
    """Makes, seals and opens keys. Every sealed blob opens only under the very ids it was made with, else SealBroken."""

    @property
    def hardware(self) -> bool:
        """Whether it reaches a hardware security module, and so can hold the keys of hardware instances."""
        ...

    def new_instance_key(self, instance_id: str) -> bytes:
        """Make the key that all of an instance's key versions are sealed under; gives it sealed."""
        ...

    def new_version(self, sealed_instance_key: bytes, ids: VersionIds) -> bytes:
        """Make an AES-256 key version; gives it sealed under the instance's key."""
        ...

    def open_version(self, sealed_instance_key: bytes, sealed_version: bytes, ids: VersionIds) -> VersionHandle:
        """Open a key version for use."""
        ...

    def data_key_text(self, length: int) -> bytes:
        """Draw `length` (1..1024) fresh random bytes; gives their base64 text."""
        ...

    def seal_secret(self, purpose: str, owner_id: str, clear: bytes) -> bytes:
        """Seal a small secret under the root key, bound to its purpose (`access_key`) and its owner's id."""
        ...

    def open_secret(self, purpose: str, owner_id: str, sealed: bytes) -> bytes:
        """Open what `seal_secret` sealed for the same purpose and owner."""
        ...
