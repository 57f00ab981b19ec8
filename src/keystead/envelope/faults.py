"""What is refused about ciphertext bytes. On the wire both are an invalid parameter."""

from __future__ import annotations

from keystead.faults import InvalidParameter


class CiphertextNotValid(InvalidParameter):
    """Not a ciphertext of ours, or changed, or used with another context: one sentence for all, so that nothing is told apart."""

    def __init__(self) -> None:
        """Name the parameter and everything that may be wrong with it."""
        super().__init__(
            "CiphertextBlob",
            "It is not a ciphertext made here, it was changed, or the EncryptionContext is not the one it was made with.",
        )


class ContextNotValid(InvalidParameter):
    """The EncryptionContext is too long or not text."""

    def __init__(self, reason: str) -> None:
        """Say what is wrong with it."""
        super().__init__("EncryptionContext", reason)
