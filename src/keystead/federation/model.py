"""A provider and what a token of its proves."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Provider(msgspec.Struct, frozen=True):
    """An issuer that an account trusts. `keys` is its JWKS as registered, empty until then; nobody calls the issuer.

    A token is refused once it is older than `issuance_limit_hours` (1 to 168) by its `iat`.
    """

    account_id: str
    name: str
    issuer: str
    created_at: datetime
    updated_at: datetime
    client_ids: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    description: str = ""
    issuance_limit_hours: int = 12
    keys: str = ""

    @property
    def arn(self) -> str:
        """The provider's ARN, as trust policies name it."""
        return f"acs:ram::{self.account_id}:oidc-provider/{self.name}"


class Identity(msgspec.Struct, frozen=True):
    """What a token proved: `audience` is the registered client among all its `audiences`. Times are aware UTC."""

    issuer: str
    subject: str
    audience: str
    audiences: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
