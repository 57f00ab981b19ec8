"""Pure decisions on quotas."""

from __future__ import annotations

from keystead.quotas.faults import AccessQuotaExceeded, KeyQuotaExceeded, QuotaBelowUse, ShareQuotaExceeded
from keystead.quotas.model import Quota


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
