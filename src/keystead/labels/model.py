"""Aliases and tags."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec


class Home(msgspec.Struct, frozen=True):
    """Where names and words hold: an account's region."""

    account_id: str
    region: str


class Alias(msgspec.Struct, frozen=True):
    """A name for a key, with its prefix `alias/`; unique in its account and region."""

    home: Home
    name: str
    key_id: str
    created_at: datetime

    @property
    def arn(self) -> str:
        """The alias's name across accounts and regions."""
        return f"acs:kms:{self.home.region}:{self.home.account_id}:{self.name}"


class Kind(enum.StrEnum):
    """What can bear tags; the values are those of TagResources (API page, read 2026-11-22)."""

    KEY = "key"
    SECRET = "secret"  # noqa: S105 - the name of a kind
    INSTANCE = "instance"
    """On no page, but Terraform's provider asks for it (its sources of August 2026)."""


class Resource(msgspec.Struct, frozen=True):
    """Something that bears tags."""

    home: Home
    kind: Kind
    resource_id: str


class Wanted(msgspec.Struct, frozen=True):
    """Which resources a listing of tags wants: those named, if any are, that bear all these tags; an empty value is any value."""

    resource_ids: Sequence[str]
    borne: Mapping[str, str]


class Tagged(msgspec.Struct, frozen=True):
    """One tag of one resource."""

    resource_id: str
    key: str
    value: str
