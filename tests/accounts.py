"""An account as a small model knows it: cents by the price list's amounts, written down here by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.world import Tenant

DAY = timedelta(days=1)
RETENTION = timedelta(days=15)
MONTH_SECONDS = 30 * 24 * 3600
SPEC_CENTS = {1000: 0, 2000: 100_00, 4000: 300_00}
Figures = tuple[int, int, int, int]
"""Spec, KeyNum, SecretNum, VpcNum of a software instance."""
SOLD_AS = {"ProductType": "kms_ddi_public_intl", "SubscriptionType": "Subscription"}


def monthly_cents(figures: Figures) -> int:
    """USD a month (KMS billing page): base 500; QPS 2000 +100, 4000 +300; 9 per 10 keys; 50 per 100 secrets; 125 per access."""
    spec, keys, secrets, vpcs = figures
    return 500_00 + SPEC_CENTS[spec] + (keys - 1000) // 10 * 9_00 + secrets // 100 * 50_00 + (vpcs - 1) * 125_00


def half_up(numerator: int, denominator: int) -> int:
    """The nearest whole, halves up; neither is negative."""
    return (2 * numerator + denominator) // (2 * denominator)


def slots(span: timedelta) -> int:
    """24-hour slots begun."""
    return max(0, -(-span // DAY))


@dataclass
class Term:
    """What one paid order brought: from when until when, and for how much."""

    begins: datetime
    ends: datetime
    cents: int


@dataclass
class Held:
    """An instance as the model knows it."""

    instance_id: str
    figures: Figures
    terms: list[Term]
    renewal_months: int = 0
    waiting_until: datetime | None = None
    connected: bool = False
    key_id: str = ""
    given_back: bool = False

    @property
    def end(self) -> datetime:
        """When the last term ends."""
        return max(term.ends for term in self.terms)

    def gone(self, now: datetime) -> bool:
        """Whether it is given back, or retention is over."""
        return self.given_back or now >= self.end + RETENTION

    def waits(self, now: datetime) -> bool:
        """Whether an order on it can still be paid."""
        return self.waiting_until is not None and now < self.waiting_until


@dataclass
class Account:
    """An account beside its model: `cents` it must hold."""

    tenant: Tenant
    cents: int
    held: list[Held] = field(default_factory=list)
    unpaid: list[tuple[str, Held | None, Figures, int, datetime]] = field(default_factory=list)


def modules(figures: Figures) -> tuple[tuple[str, str], ...]:
    """The codes of a software instance in Singapore."""
    spec, keys, secrets, vpcs = map(str, figures)
    return (
        ("Region", "ap-southeast-1"),
        ("ProductVersion", "3"),
        ("Spec", spec),
        ("KeyNum", keys),
        ("SecretNum", secrets),
        ("VpcNum", vpcs),
    )
