"""Telling owners that much of what they bought is in use: at 70 % and at 90 %, once each time it comes so far (docs/adr/0104)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from keystead.access import commands as access
from keystead.access.rows import lock_account
from keystead.clock import Instant, to_ms
from keystead.entitlements.model import Standing
from keystead.instances import commands as instances
from keystead.instances.model import Owned
from keystead.notices import commands as notices
from keystead.notices.model import NoticeKind, Telling
from keystead.quotas import commands as quotas
from keystead.quotas.model import Quota, Resource
from keystead.store import Store, Transaction
from keystead.store.events import record_event
from keystead.usage import rows, rules

PEAK_OF: Final = timedelta(minutes=5)
"""Requests a second are judged by the fullest second of so long, so that one that comes and goes is told once."""
WHAT: Final = {
    Resource.KEY: "key versions",
    Resource.SECRET: "secrets",
    Resource.QPS: "requests a second",
    Resource.VPC: "VPCs and accounts",
}


class _Turn(NamedTuple):
    owned: Owned
    quota: Quota
    before: int
    after: int


def watch(store: Store, instant: Instant) -> None:
    """Look at what all served instances use of what they bought; a transaction for each account of which there is news."""
    with store.read() as tx:
        peaks = rows.peaks(tx, int((instant.wall - PEAK_OF).timestamp()))
        account_ids = [account.account_id for account in access.accounts(tx)]
        news = [account_id for account_id in account_ids if _turns(tx, instant.now, account_id, peaks)]
    for account_id in news:
        with store.write() as tx:
            lock_account(tx, account_id)
            for turn in _turns(tx, instant.now, account_id, peaks):
                _take(tx, instant, turn)


def _turns(tx: Transaction, now: datetime, account_id: str, peaks: dict[str, int]) -> list[_Turn]:
    found = []
    for owned in instances.listing(tx, account_id, now):
        instance_id = owned.instance.instance_id
        if owned.standing is not Standing.ACTIVE:
            continue
        marks = rows.marks(tx, instance_id)
        for quota in quotas.infos(tx, instance_id, instances.accesses_used(tx, owned.instance), now):
            judged = msgspec.structs.replace(quota, used=peaks.get(instance_id, 0)) if quota.resource is Resource.QPS else quota
            before = marks.get(quota.resource.value, 0)
            after = rules.level_after(before, judged)
            if after != before:
                found.append(_Turn(owned, judged, before, after))
    return found


def _take(tx: Transaction, instant: Instant, turn: _Turn) -> None:
    instance, quota = turn.owned.instance, turn.quota
    resource = quota.resource.value
    rows.set_mark(tx, instance.instance_id, resource, turn.after)
    risen = [level for level in rules.LEVELS if turn.before < level <= turn.after]
    figures = {"used": str(quota.used), "allowed": str(quota.allowed)}
    for level in risen:
        detail = {"resource": resource, "level": str(level), "severity": rules.severity_of(quota.resource, level), **figures}
        record_event(tx, "usage_high", instance.instance_id, instance.account_id, instant.now, **detail)
    if risen:
        occasion = f"usage/{instance.instance_id}/{resource}/{turn.after}/{to_ms(instant.wall)}"
        facts = {"what": WHAT[quota.resource], "level": f"{turn.after} %", **figures}
        telling = Telling(NoticeKind.USAGE_HIGH, instance.account_id, occasion, instance.instance_id, facts)
        notices.tell(tx, instant.now, telling)
