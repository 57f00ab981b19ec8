"""What is done with providers and their tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from keystead.federation import rows, rules, tokens
from keystead.federation.faults import IdentityNotAllowed
from keystead.federation.model import Identity, Provider
from keystead.identity.faults import EntityExists, NoSuchEntity, TooMany
from keystead.store import Transaction

KIND = "OIDCProvider"


def create(tx: Transaction, provider: Provider) -> Provider:
    """Keep a new provider; EntityExists for its name or its issuer, TooMany."""
    if rows.provider_of(tx, provider.account_id, provider.name) is not None:
        raise EntityExists(KIND, provider.name)
    if rows.has_issuer(tx, provider.account_id, provider.issuer):
        raise EntityExists(f"{KIND}.IssuerUrl", provider.issuer)
    if rows.count(tx, provider.account_id) >= rules.PROVIDERS_MAX:
        raise TooMany(KIND, rules.PROVIDERS_MAX)
    rows.add(tx, provider)
    return provider


def provider_named(tx: Transaction, account_id: str, name: str) -> Provider:
    """Give a provider; NoSuchEntity."""
    found = rows.provider_of(tx, account_id, name)
    if found is None:
        raise NoSuchEntity(KIND, name)
    return found


def change(tx: Transaction, now: datetime, provider: Provider, **values: Any) -> Provider:  # noqa: ANN401 - fields of the struct
    """Change a provider; tokens are judged by it from the commit on."""
    changed = msgspec.structs.replace(provider, **values, updated_at=now)
    rows.keep(tx, changed)
    return changed


def delete(tx: Transaction, account_id: str, name: str) -> None:
    """Delete a provider; roles that trust it are left as they are."""
    provider_named(tx, account_id, name)
    rows.remove(tx, account_id, name)


def account_named_by(tx: Transaction, provider_arn: str) -> str:
    """Give the account of a provider that is registered; empty if none is."""
    try:
        provider = rows.provider_of(tx, *rules.provider_named_by(provider_arn))
    except IdentityNotAllowed:
        return ""
    return provider.account_id if provider is not None else ""


def prove(tx: Transaction, provider_arn: str, token: str, wall: datetime) -> tuple[Provider, Identity]:
    """Give the provider and what its token proves at a wall time; IdentityRefused says what is wrong."""
    provider = rows.provider_of(tx, *rules.provider_named_by(provider_arn))
    if provider is None:
        raise IdentityNotAllowed(rules.NOT_REGISTERED)
    return provider, rules.identity_of(tokens.claims_of(provider, token), provider, wall)
