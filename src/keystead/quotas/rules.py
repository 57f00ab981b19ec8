"""Pure decisions on quotas."""

from __future__ import annotations

from keystead.quotas.faults import KeyQuotaExceeded, QuotaBelowUse
from keystead.quotas.model import Quota


def room(quota: Quota) -> int:
    """Give how many more fit; 0 if the quota is full, or more is in use than is allowed by now."""
    return max(0, quota.allowed - quota.used)


def room_for(quota: Quota, wanted: int) -> None:
    """Raise KeyQuotaExceeded unless `wanted` more fit; the last place may be taken."""
    if wanted > room(quota):
        raise KeyQuotaExceeded(quota.allowed, quota.used, wanted)


def fitting(quota: Quota) -> None:
    """Raise QuotaBelowUse if less is allowed than is in use."""
    if quota.used > quota.allowed:
        raise QuotaBelowUse(quota.resource.value, quota.allowed, quota.used)
