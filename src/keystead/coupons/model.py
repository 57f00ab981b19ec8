"""Coupons and what moves their value."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import NamedTuple

import msgspec

from keystead.money import Money


class CouponState(enum.StrEnum):
    """What a coupon is at an instant; the values are QueryCashCoupons' Status (BssOpenApi page, read 2026-11-22)."""

    AVAILABLE = "Available"
    EXPIRED = "Expired"
    CANCELLED = "Cancelled"


class MovementKind(enum.StrEnum):
    """What moves a coupon's value."""

    GRANT = "grant"
    USE = "use"
    EXPIRE = "expire"
    REVOKE = "revoke"


class Grant(msgspec.Struct, frozen=True):
    """A coupon as it was granted; it never changes.

    Usable from `effective_at` up to, and not at, `expires_at` (None: for ever), for orders of `products` (codes; none: of all).
    Instants are business time.
    """

    coupon_id: str
    account_id: str
    number: str
    nominal: Money
    granted_at: datetime
    effective_at: datetime
    expires_at: datetime | None
    products: tuple[str, ...]
    description: str
    key: str


class Step(msgspec.Struct, frozen=True):
    """A movement of a coupon's value: signed minor units, the balance after it; `seq` counts 1, 2, 3 … within the coupon."""

    seq: int
    kind: MovementKind
    amount_minor: int
    balance_minor: int
    transaction: str
    order_id: str = ""


class Coupon(msgspec.Struct, frozen=True):
    """A coupon and its last movement."""

    grant: Grant
    last: Step


class Part(NamedTuple):
    """What a coupon pays of an order."""

    coupon: Coupon
    amount: Money


class Search(msgspec.Struct, frozen=True):
    """Which coupons: expiring from `since` up to `until`, both counted, if given; in effect or not, if asked for."""

    since: datetime | None = None
    until: datetime | None = None
    effective: bool | None = None
