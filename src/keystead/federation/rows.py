"""The table of providers, and every statement on it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from keystead.clock import from_ms, to_ms
from keystead.federation.model import Provider
from keystead.store import Transaction, metadata

oidc_provider = Table(
    "oidc_provider",
    metadata,
    Column("account_id", String(16), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("issuer", String(255), nullable=False),
    Column("client_ids", Text, nullable=False),
    Column("fingerprints", Text, nullable=False),
    Column("description", String(256), nullable=False),
    Column("issuance_limit_hours", Integer, nullable=False),
    Column("keys", Text, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    UniqueConstraint("account_id", "issuer"),
)


def add(tx: Transaction, provider: Provider) -> None:
    """Insert a provider; the schema refuses a name or an issuer that the account has."""
    tx.execute(insert(oidc_provider).values(**_values(provider)))


def keep(tx: Transaction, provider: Provider) -> None:
    """Write a provider as it is now."""
    tx.execute(update(oidc_provider).where(_is(provider.account_id, provider.name)).values(**_values(provider)))


def remove(tx: Transaction, account_id: str, name: str) -> None:
    """Delete a provider."""
    tx.execute(delete(oidc_provider).where(_is(account_id, name)))


def provider_of(tx: Transaction, account_id: str, name: str) -> Provider | None:
    """Give a provider."""
    row = tx.execute(select(oidc_provider).where(_is(account_id, name))).one_or_none()
    return None if row is None else _made(row)


def has_issuer(tx: Transaction, account_id: str, issuer: str) -> bool:
    """Tell whether the account has a provider of this issuer."""
    where = (oidc_provider.c.account_id == account_id) & (oidc_provider.c.issuer == issuer)
    return tx.execute(select(oidc_provider.c.name).where(where)).first() is not None


def count(tx: Transaction, account_id: str) -> int:
    """Count an account's providers."""
    statement = select(func.count()).select_from(oidc_provider).where(oidc_provider.c.account_id == account_id)
    return int(tx.execute(statement).scalar_one())


def page(tx: Transaction, account_id: str, behind: str, limit: int) -> list[Provider]:
    """Give providers by name, from behind one."""
    table = oidc_provider
    where = (table.c.account_id == account_id) & (table.c.name > behind)
    return [_made(row) for row in tx.execute(select(table).where(where).order_by(table.c.name).limit(limit))]


def _is(account_id: str, name: str) -> Any:  # noqa: ANN401 - an SQL expression
    return (oidc_provider.c.account_id == account_id) & (oidc_provider.c.name == name)


def _values(provider: Provider) -> dict[str, Any]:
    return {
        "account_id": provider.account_id,
        "name": provider.name,
        "issuer": provider.issuer,
        "client_ids": ",".join(provider.client_ids),
        "fingerprints": ",".join(provider.fingerprints),
        "description": provider.description,
        "issuance_limit_hours": provider.issuance_limit_hours,
        "keys": provider.keys,
        "created_at_ms": to_ms(provider.created_at),
        "updated_at_ms": to_ms(provider.updated_at),
    }


def _made(row: Row[Any]) -> Provider:
    return Provider(
        row.account_id,
        row.name,
        row.issuer,
        from_ms(row.created_at_ms),
        from_ms(row.updated_at_ms),
        tuple(filter(None, row.client_ids.split(","))),
        tuple(filter(None, row.fingerprints.split(","))),
        row.description,
        row.issuance_limit_hours,
        row._mapping["keys"],  # noqa: SLF001 - `keys` is a method of the row
    )
