"""Pure decisions on quotas."""

from __future__ import annotations

from keystead.quotas.faults import KeyQuotaExceeded, QuotaBelowUse
from keystead.quotas.model import Quota


def room_for(quota: Quota, wanted: int) -> None:
    """Raise KeyQuotaExceeded unless `wanted` more fit; the last place may be taken."""
    if quota.used + wanted > quota.allowed:
        raise KeyQuotaExceeded(quota.allowed, quota.used, wanted)


def fitting(quota: Quota) -> None:
    """Raise QuotaBelowUse if less is allowed than is in use."""
    if quota.used > quota.allowed:
        raise QuotaBelowUse(quota.resource.value, quota.allowed, quota.used)
