"""What the federation room refuses; sentences are the cloud's where its page has them (STS error code page, read 2026-11-23)."""

from __future__ import annotations

from keystead.faults import Refused


class IdentityRefused(Refused):
    """A token proves nothing here."""


class IdentityNotAllowed(IdentityRefused):
    """No such provider, or the role does not trust it for this token: a stranger is not told which."""


class IdentityExpired(IdentityRefused):
    """The token's time is over, or it is older than the provider allows."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("This JsonWebToken is expired.")


class IdentityInvalid(IdentityRefused):
    """The token is none, or lacks a claim, or is of another issuer or not valid yet."""


class AudienceUnknown(IdentityRefused):
    """The token is for none of the provider's clients."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("Invalid audience.")


class SignatureInvalid(IdentityRefused):
    """None of the provider's keys made the signature."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("OIDC token validate failed: invalid signature.")
