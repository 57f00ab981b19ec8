"""Pure decisions on quotas."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

from keystead.quotas.faults import AccessQuotaExceeded, KeyQuotaExceeded, QuotaBelowUse, ShareQuotaExceeded
from keystead.quotas.model import Quota, Tier, Work


def room(quota: Quota) -> int:
    """Give how many more fit; 0 if the quota is full, or more is in use than is allowed by now."""
    return max(0, quota.allowed - quota.used)


def room_for(quota: Quota, wanted: int, *, shared: bool = False) -> None:
    """Raise KeyQuotaExceeded unless `wanted` more fit; the last place may be taken. ShareQuotaExceeded to who shares it."""
    if wanted > room(quota):
        raise (ShareQuotaExceeded if shared else KeyQuotaExceeded)(quota.allowed, quota.used, wanted)


def room_for_accesses(quota: Quota, wanted: int) -> None:
    """Raise AccessQuotaExceeded if more VPCs and accounts are wanted in all than are purchased.

    Fewer than there are is never refused, even if that is still more than is allowed by now.
    """
    if wanted > max(quota.allowed, quota.used - 1):
        raise AccessQuotaExceeded(quota.allowed, wanted)


def fitting(quota: Quota) -> None:
    """Raise QuotaBelowUse if less is allowed than is in use."""
    if quota.used > quota.allowed:
        raise QuotaBelowUse(quota.resource.value, quota.allowed, quota.used)


def tier_for(figures: Mapping[int, Mapping[Work, int]], qps: int) -> Tier:
    """Give the tier of an instance purchased for `qps` symmetric requests a second, 1 or more.

    `figures` are the documented requests a second of each work alone, by tier. A figure between tiers, or beyond them, has the
    weights of the tier below it; one below all of them, of the lowest (docs/adr/0106).
    """
    named = max((tier for tier in figures if tier <= qps), default=min(figures))
    alone = {work: Fraction(figure * qps, named) for work, figure in figures[named].items() if work is not Work.PAIR}
    units = math.lcm(*(figure.numerator for figure in alone.values()))
    weights: dict[Work, int] = {work: int(units / figure) for work, figure in alone.items()}
    weights[Work.PAIR] = weights[Work.SYMMETRIC]
    common = math.gcd(units, *weights.values())
    weights = {work: weight // common for work, weight in weights.items()}
    return Tier(units // common, MappingProxyType(weights), figures[named][Work.PAIR])
