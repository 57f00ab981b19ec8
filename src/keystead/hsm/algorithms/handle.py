"""The base of all handles: what a key of its kind cannot do is refused, and nothing of it can be printed or pickled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NoReturn

from keystead.faults import InvalidParameter, Unsupported
from keystead.hsm.algorithms.specs import Spec


class NotThisKey(Unsupported):
    """The operation is none that a key of this kind can do."""

    def __init__(self, spec: str) -> None:
        """Name the kind."""
        super().__init__(f"This action is not supported. A key of KeySpec {spec} cannot do it.")
        self.spec = spec


class AlgorithmRefused(InvalidParameter):
    """The algorithm does not go with the key."""

    def __init__(self, spec: str, offered: Iterable[str]) -> None:
        """Say which ones do."""
        super().__init__("Algorithm", f"A key of KeySpec {spec} takes {' or '.join(offered)} here.")
        self.spec = spec


class DigestRefused(InvalidParameter):
    """The digest does not have the length of the algorithm's hash."""

    def __init__(self, algorithm: str, length: int) -> None:
        """Say which length it must have."""
        super().__init__("Digest", f"{algorithm} takes {length} bytes, in base64.")
        self.length = length


class PlaintextTooLong(InvalidParameter):
    """The key cannot encrypt as many bytes in one piece."""

    def __init__(self, algorithm: str, most: int) -> None:
        """Say how many it can."""
        super().__init__("Plaintext", f"{algorithm} under this key takes {most} bytes at most.")
        self.most = most


class NotDecrypted(InvalidParameter):
    """The ciphertext is not one for this key and algorithm: one sentence whatever is wrong, so that padding tells nothing."""

    def __init__(self) -> None:
        """Name the parameter only."""
        super().__init__("CiphertextBlob", "It is not a ciphertext for this key and algorithm.")


class Handle:
    """An opened key version that can do nothing; kinds override what they can. Safe to share between threads.

    `slow` names the methods that take more than 150 µs of one core (measured 2026-11-23): they do not belong on an event loop.
    """

    __slots__ = ("spec",)
    slow: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, spec: Spec) -> None:
        """Know the kind."""
        self.spec = spec

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Give IV, ciphertext and tag."""
        raise NotThisKey(self.spec.name)

    def open(self, iv_and_ciphertext: bytes, associated_data: bytes) -> bytes:
        """Give the plaintext of what `seal` gave."""
        raise NotThisKey(self.spec.name)

    def public_pem(self) -> str:
        """Give the public key: SubjectPublicKeyInfo in PEM."""
        raise NotThisKey(self.spec.name)

    def sign(self, algorithm: str, digest: bytes) -> bytes:
        """Sign a digest."""
        raise NotThisKey(self.spec.name)

    def verify(self, algorithm: str, digest: bytes, signature: bytes) -> bool:
        """Tell whether the signature is one of this key over the digest; a malformed one is not."""
        raise NotThisKey(self.spec.name)

    def encrypt(self, algorithm: str, plaintext: bytes) -> bytes:
        """Encrypt under the public key."""
        raise NotThisKey(self.spec.name)

    def decrypt(self, algorithm: str, ciphertext: bytes) -> bytes:
        """Decrypt with the private key; NotDecrypted for whatever does not."""
        raise NotThisKey(self.spec.name)

    def mac(self, algorithm: str, message: bytes) -> bytes:
        """Give the message's authentication code."""
        raise NotThisKey(self.spec.name)

    def verify_mac(self, algorithm: str, message: bytes, mac: bytes) -> bool:
        """Compare in constant time."""
        raise NotThisKey(self.spec.name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an opened key version cannot be pickled")

    def _algorithm(self, algorithm: str, offered: tuple[str, ...]) -> None:
        if not offered:
            raise NotThisKey(self.spec.name)
        if algorithm not in offered:
            raise AlgorithmRefused(self.spec.name, offered)
