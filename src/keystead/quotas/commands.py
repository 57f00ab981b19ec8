"""What is asked of quotas: how things stand, and whether there is room."""

from __future__ import annotations

from datetime import datetime

from keystead.entitlements import rows as entitlement_rows
from keystead.entitlements import rules as entitlements
from keystead.entitlements.model import Figures
from keystead.keyring import commands as keyring
from keystead.quotas import rules
from keystead.quotas.model import Quota, Resource
from keystead.store import Transaction


def infos(tx: Transaction, instance_id: str, vpcs_used: int, now: datetime) -> tuple[Quota, ...]:
    """Give the four quotas of an instance as they hold at `now`.

    No secrets can be made yet, so none are in use; a rate has no quantity in use at a moment, so that of `qps` is zero.
    """
    figures = _figures(tx, instance_id, now)
    return (
        Quota(Resource.KEY, figures.key_num, keyring.count_versions(tx, instance_id)),
        Quota(Resource.SECRET, figures.secret_num, 0),
        Quota(Resource.QPS, figures.qps, 0),
        Quota(Resource.VPC, figures.access_num, vpcs_used),
    )


def require_key_room(tx: Transaction, instance_id: str, now: datetime, wanted: int = 1, *, shared: bool = False) -> None:
    """Raise KeyQuotaExceeded, or ShareQuotaExceeded, unless `wanted` more key versions fit into what was purchased.

    Ask in the transaction that makes them, holding the lock of the instance's owner: then no two take the last place.
    """
    require_key_room_within(tx, instance_id, _figures(tx, instance_id, now), wanted, shared=shared)


def require_key_room_within(
    tx: Transaction, instance_id: str, figures: Figures, wanted: int = 1, *, shared: bool = False
) -> None:
    """As `require_key_room`, for a caller who has read the instance's figures of this moment already."""
    rules.room_for(Quota(Resource.KEY, figures.key_num, keyring.count_versions(tx, instance_id)), wanted, shared=shared)


def require_access_room(tx: Transaction, instance_id: str, now: datetime, used: int, wanted: int) -> None:
    """Raise AccessQuotaExceeded unless `wanted` VPCs and accounts in all are purchased, `used` of them in use so far.

    Ask in the transaction that binds or shares, holding the owner's lock.
    """
    rules.room_for_accesses(Quota(Resource.VPC, _figures(tx, instance_id, now).access_num, used), wanted)


def require_fitting(tx: Transaction, instance_id: str, vpcs_used: int, figures: Figures) -> None:
    """Raise QuotaBelowUse if `figures`, about to replace those of an instance, are less than what is in use now."""
    rules.fitting(Quota(Resource.KEY, figures.key_num, keyring.count_versions(tx, instance_id)))
    rules.fitting(Quota(Resource.VPC, figures.access_num, vpcs_used))


def _figures(tx: Transaction, instance_id: str, now: datetime) -> Figures:
    return entitlements.figures_at(entitlement_rows.of_instance(tx, instance_id), now)
