"""What is done with usage: taken, counted, shown.

Calls are counted from their durable records: reading and computing ones from the journal files of this node, changing ones from
the database. How far each source is counted is kept in the commit that counts, so that a crash counts nothing twice or never.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from keystead.access import commands as access
from keystead.access_log.journal import frames
from keystead.clock import business_day
from keystead.instances import commands as instances
from keystead.keyring import commands as keyring
from keystead.store import Store, Transaction
from keystead.usage import rows, rules
from keystead.usage.model import DayUsage, Holding

FRAMES_AT_ONCE: Final = 1000
SECONDS_KEPT: Final = timedelta(hours=1)
"""How late a node may count a second and have it added to what the others counted."""


def take(store: Store, now: datetime) -> None:
    """Write down what every instance holds today, where that is more than was seen before; a transaction an account."""
    with store.read() as tx:
        accounts = [account.account_id for account in access.accounts(tx)]
    for account_id in accounts:
        with store.write() as tx:
            _take(tx, now, account_id)


def count(store: Store, journals: Path, wall: datetime) -> None:
    """Count the calls recorded since the last time; `wall` is wall time."""
    for path in sorted(journals.glob("*.journal")):
        while _count_journal(store, path):
            pass
    while _count_changes(store):
        pass
    with store.write() as tx:
        rows.forget_seconds(tx, int((wall - SECONDS_KEPT).timestamp()))


def days(tx: Transaction, account_id: str, since: date, until: date) -> list[DayUsage]:
    """Give what an account used from day `since` to day `until`, both counted, by day and instance."""
    return rows.days(tx, account_id, since, until)


def _take(tx: Transaction, now: datetime, account_id: str) -> None:
    day = business_day(now)
    there = rows.holdings(tx, account_id, day, day)
    for owned in instances.listing(tx, account_id, now):
        instance, figures = owned.instance, owned.figures
        before = there.get((instance.instance_id, day))
        seen = Holding(
            instance_id=instance.instance_id,
            day=day,
            account_id=account_id,
            region=instance.region,
            keys_held=keyring.count_versions(tx, instance.instance_id),
            keys_bought=figures.key_num,
            secrets=0,
            secrets_bought=figures.secret_num,
            accesses=instance.vpcs_used,
            accesses_bought=figures.access_num,
            log_storage_gb=figures.log_storage_gb,
            qps_bought=figures.qps,
        )
        highest = rules.higher(before, seen)
        if highest != before:
            rows.keep(tx, highest, there=before is not None)


def _count_journal(store: Store, path: Path) -> bool:
    """Count some frames of a file; whether there may be more."""
    with store.read() as tx:
        begun = rows.position(tx, path.name)
    if path.stat().st_size <= begun:
        return False
    with store.write() as tx:
        begun = rows.position(tx, path.name, hold=True)
        some = list(islice(frames(path, begun), FRAMES_AT_ONCE))
        if not some:
            return False
        rows.add(tx, rules.counted(line for _, payload in some for line in payload.splitlines()))
        rows.move(tx, path.name, some[-1][0])
    return len(some) >= FRAMES_AT_ONCE


def _count_changes(store: Store) -> bool:
    """Count some changes; whether there may be more."""
    with store.read() as tx:
        if not rows.uncounted_records(tx):
            return False
    with store.write() as tx:
        found = rows.uncounted_records(tx)
        rows.add(tx, rules.counted(record.encode() for _, _, record in found))
        for account_id, last in {account_id: number for number, account_id, _ in found}.items():
            rows.move(tx, rows.ACCOUNT_SOURCE + account_id, last)
    return len(found) >= rows.RECORDS_AT_ONCE
