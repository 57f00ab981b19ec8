"""The port every key store serves: software now, modules later. What passes through it is sealed or has no printable form."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from keystead.faults import CallerFault, Fault
from keystead.hsm.algorithms.specs import AES_256


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


class ImportTokenNotValid(CallerFault):
    """The import token is not one that was made for this key."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("The import token is not one of this key's.")


class ImportWay(NamedTuple):
    """How material is to come: WrappingKeySpec, WrappingAlgorithm, and until when (milliseconds of wall time)."""

    spec: str
    algorithm: str
    until_ms: int


class ImportOffer(NamedTuple):
    """What material is wrapped with: a public key (DER of SubjectPublicKeyInfo); the token holds its other half, sealed."""

    public_key: bytes
    token: bytes


class ImportedVersion(NamedTuple):
    """Imported material, sealed as any version is, and a mark that equal material of the same version has again."""

    sealed: bytes
    mark: bytes


class ClientKeyPair(NamedTuple):
    """A client key made for somebody: its self-signed certificate (PEM), and both halves as PKCS#12 under a password."""

    certificate: bytes
    pkcs12: bytes

    def __repr__(self) -> str:
        """Show nothing: the password may be a weak one."""
        return "<ClientKeyPair>"


class DataKeyPair(NamedTuple):
    """A key pair made for somebody, as text or DER: PKCS#8 (of SM2: ECPrivateKey) and SubjectPublicKeyInfo."""

    private: bytes
    public: bytes

    def __repr__(self) -> str:
        """Show nothing."""
        return "<DataKeyPair>"


class VersionHandle(Protocol):
    """An opened key version: usable, not readable. Safe to share between threads.

    What a key of its kind cannot do raises `Unsupported`; a parameter that does not go with the key raises `InvalidParameter`.
    """

    @property
    def slow(self) -> frozenset[str]:
        """The names of those methods that take more than 150 µs of a core: they do not belong on an event loop."""
        ...

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Give 12 bytes IV and AES-GCM ciphertext with its 16-byte tag; the IV is drawn at random.

        With random IVs one version may seal 2**32 texts (NIST SP 800-38D, section 8.3); rotation begins a new count.
        """
        ...

    def open(self, iv_and_ciphertext: bytes, associated_data: bytes) -> bytes:
        """Give the plaintext of what `seal` gave; NotAuthentic for anything else."""
        ...

    def public_pem(self) -> str:
        """Give the public key: SubjectPublicKeyInfo in PEM."""
        ...

    def sign(self, algorithm: str, digest: bytes) -> bytes:
        """Sign a digest."""
        ...

    def verify(self, algorithm: str, digest: bytes, signature: bytes) -> bool:
        """Tell whether the signature is one of this key over the digest; a malformed one is not."""
        ...

    def encrypt(self, algorithm: str, plaintext: bytes) -> bytes:
        """Encrypt under the public key."""
        ...

    def decrypt(self, algorithm: str, ciphertext: bytes) -> bytes:
        """Decrypt with the private key; one fault for whatever does not decrypt."""
        ...

    def mac(self, algorithm: str, message: bytes) -> bytes:
        """Give the message's authentication code."""
        ...

    def verify_mac(self, algorithm: str, message: bytes, mac: bytes) -> bool:
        """Compare codes in constant time."""
        ...


class Wrapping(Protocol):
    """A public key that data keys leave under."""

    @property
    def slow(self) -> bool:
        """Whether wrapping takes more than 150 µs of a core."""
        ...

    def wrapped(self, clear: bytes) -> bytes:
        """Encrypt a data key; `PlaintextTooLong` if it does not fit."""
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

    def made_ahead(self, spec: str) -> AbstractContextManager[None]:
        """Have a key of this spec ready for `new_version` in the block, if making one takes long: do it before a transaction."""
        ...

    def new_version(self, sealed_instance_key: bytes, ids: VersionIds, spec: str = AES_256) -> bytes:
        """Make a key version of a spec (`algorithms.specs`); gives it sealed under the instance's key."""
        ...

    def open_version(
        self, sealed_instance_key: bytes, sealed_version: bytes, ids: VersionIds, spec: str = AES_256
    ) -> VersionHandle:
        """Open a key version for use, as the spec it was made with: as another it is SealBroken."""
        ...

    def offer_import(self, sealed_instance_key: bytes, ids: VersionIds, way: ImportWay) -> ImportOffer:
        """Make a wrapping key for the material of a version; InvalidParameter names a WrappingKeySpec or -Algorithm not taken."""
        ...

    def import_way(self, sealed_instance_key: bytes, ids: VersionIds, token: bytes) -> ImportWay:
        """Read the authentic token of an offer for this very version; ImportTokenNotValid for anything else."""
        ...

    def import_version(
        self, sealed_instance_key: bytes, ids: VersionIds, spec: str, token: bytes, wrapped: bytes
    ) -> ImportedVersion:
        """Unwrap material of a spec; MaterialRefused unless it is as long as such a key is, ImportTokenNotValid as above."""
        ...

    def data_key_text(self, length: int) -> bytes:
        """Draw `length` (1..1024) fresh random bytes; gives their base64 text."""
        ...

    def new_client_key(self, name: str, password: bytes, validity: tuple[datetime, datetime]) -> ClientKeyPair:
        """Make an RSA_2048 pair for its holder, who alone will have the private half; `validity`: first instant and end."""
        ...

    def data_key_pair(self, spec: str, encoding: str) -> DataKeyPair:
        """Make a key pair of an asymmetric spec for the caller, who alone will have it; `encoding` is PEM or DER."""
        ...

    def wrapping(self, spec: str, algorithm: str, spki: bytes) -> Wrapping:
        """Read a caller's public key (DER of SubjectPublicKeyInfo); InvalidParameter names what is wrong."""
        ...

    def seal_secret(self, purpose: str, owner_id: str, clear: bytes) -> bytes:
        """Seal a small secret under the root key, bound to its purpose (`access_key`) and its owner's id."""
        ...

    def open_secret(self, purpose: str, owner_id: str, sealed: bytes) -> bytes:
        """Open what `seal_secret` sealed for the same purpose and owner."""
        ...
