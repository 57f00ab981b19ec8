"""Quotas of an instance."""

from __future__ import annotations

import enum
from typing import NamedTuple

import msgspec


class Resource(enum.StrEnum):
    """What has a quota; the values are those of GetKmsInstanceQuotaInfos (API page, read 2026-11-22)."""

    KEY = "key"
    """Key versions."""
    SECRET = "secret"  # noqa: S105 - the name of a quota
    """Secrets, however many versions each has."""
    QPS = "qps"
    """Requests a second."""
    VPC = "vpc"
    """Access management: bound VPCs and accounts the instance is shared with."""


class SharedQuota(NamedTuple):
    """What the shared gateway serves an account in a region of a group of actions: requests a second, and how many at once."""

    group: str
    qps: int
    burst: int


class Quota(msgspec.Struct, frozen=True):
    """One quota: the purchased figure and what is in use of it."""

    resource: Resource
    allowed: int
    used: int
