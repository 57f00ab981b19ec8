"""Entitlements and the standing they give."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

RenewalAfterExpiry = Literal["from_now", "from_old_end"]
"""Where a renewal in retention begins: a policy of the catalogue (policies.toml says why)."""


class Standing(enum.StrEnum):
    """What the end of an instance's last term means now."""

    ACTIVE = "active"
    """Served: now is before the end."""
    EXPIRED = "expired"
    """Not served from the first instant of the end, but kept; a renewal restores everything."""
    RELEASED = "released"
    """Retention is over: gone for good."""


class Figures(msgspec.Struct, frozen=True):
    """The purchased numbers; named as in `catalog.model.Configuration`, whose edition and region belong to the instance."""

    qps: int
    key_num: int
    secret_num: int
    access_num: int
    log: bool
    log_storage_gb: int


class Term(msgspec.Struct, frozen=True):
    """A span of business time (aware UTC): served from `starts_at` up to, and not at, `ends_at`."""

    starts_at: datetime
    ends_at: datetime


class Run(NamedTuple):
    """Terms that follow each other without a gap: when the first began, when the last ends."""

    anchored_at: datetime
    ends_at: datetime


class Entitlement(msgspec.Struct, frozen=True):
    """What one order bought for one instance: these figures for this term. `made_at` is when the order was carried out."""

    order_id: str
    account_id: str
    instance_id: str
    term: Term
    figures: Figures
    made_at: datetime
