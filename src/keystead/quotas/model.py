"""Quotas of an instance."""

from __future__ import annotations

import enum
from collections.abc import Mapping
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


class Work(enum.StrEnum):
    """What an instance does for a request, as far as its rate goes; the values are the columns of the file of tiers."""

    SYMMETRIC = "symmetric"
    """Encrypt, Decrypt, data keys; MACs, which are on no page, too."""
    ASYMMETRIC = "asymmetric"
    """Sign, verify, encrypt, decrypt with an asymmetric key."""
    PUBLIC_KEY = "public_key"
    SECRET_VALUE = "secret_value"  # noqa: S105 - the name of a figure
    RANDOM = "random"
    PAIR = "pair"
    """A data key pair: the one that is made, beside the request for it, which weighs as a symmetric one."""


class Tier(NamedTuple):
    """An instance's budget of requests a second, in whole units.

    `units` of it come a second; a request takes its work's weight. Units / weight is exactly the figure of that work alone.
    `pairs` is how many data key pairs a second, counted for themselves.
    """

    units: int
    weights: Mapping[Work, int]
    pairs: int


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
