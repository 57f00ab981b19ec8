"""Accounts, access keys and what the gate needs to check a signature."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec


class KeyStatus(enum.StrEnum):
    """Whether requests signed with the key are served; the values are the cloud's (RAM ListAccessKeys page, read 2026-11-22)."""

    ACTIVE = "Active"
    INACTIVE = "Inactive"


class Account(msgspec.Struct, frozen=True):
    """A customer. `account_id` has 16 digits; `name` is unique in the deployment and is what the operator's tools take."""

    account_id: str
    name: str
    email: str
    created_at: datetime


class AccessKey(msgspec.Struct, frozen=True):
    """An access key as it may be listed: without its secret."""

    access_key_id: str
    account_id: str
    status: KeyStatus
    created_at: datetime
    user_id: str = ""
    """The RAM user whose key it is; empty for the account's own."""


class ServiceKey(msgspec.Struct, frozen=True):
    """An access key of a service of the deployment, such as an object store: `service` is its name in lower case, `oss`."""

    access_key_id: str
    service: str
    status: KeyStatus
    created_at: datetime


class MintedKey(msgspec.Struct, frozen=True):
    """A new access key with its secret in clear: the only time it is shown."""

    access_key_id: str
    secret: str

    def __repr__(self) -> str:
        """Show the id only: a repr ends up in logs."""
        return f"MintedKey({self.access_key_id})"


class Credential(msgspec.Struct, frozen=True):
    """What the gate checks a signature with: the account, the clear secret, and whether the key is active.

    Of a service of the deployment `service` is the name and `account_id` empty: it acts for the account whose key it names.
    """

    access_key_id: str
    account_id: str
    secret: str
    status: KeyStatus
    user_id: str = ""
    service: str = ""

    def __repr__(self) -> str:
        """Show the id only: a repr ends up in logs."""
        return f"Credential({self.access_key_id}, {self.status.value})"
