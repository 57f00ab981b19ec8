"""What is asked of quotas: how things stand, and whether there is room."""

from __future__ import annotations

from keystead.entitlements import rows as entitlements
from keystead.keyring import commands as keyring
from keystead.quotas import rules
from keystead.quotas.model import Quota, Resource
from keystead.store import Transaction


def infos(tx: Transaction, instance_id: str, vpcs_used: int) -> tuple[Quota, ...]:
    """Give the four quotas of an instance.

    No secrets can be made yet, so none are in use; a rate has no quantity in use at a moment, so that of `qps` is zero.
    """
    figures = entitlements.newest_figures(tx, instance_id)
    return (
        Quota(Resource.KEY, figures.key_num, keyring.count_versions(tx, instance_id)),
        Quota(Resource.SECRET, figures.secret_num, 0),
        Quota(Resource.QPS, figures.qps, 0),
        Quota(Resource.VPC, figures.access_num, vpcs_used),
    )


def require_key_room(tx: Transaction, instance_id: str, wanted: int = 1) -> None:
    """Raise KeyQuotaExceeded unless `wanted` more key versions fit into what was purchased.

    Ask in the transaction that makes them, holding the account's lock: then two callers cannot both take the last place.
    """
    figures = entitlements.newest_figures(tx, instance_id)
    rules.room_for(Quota(Resource.KEY, figures.key_num, keyring.count_versions(tx, instance_id)), wanted)
