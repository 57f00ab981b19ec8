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
from keystead.clock import Instant, business_day
from keystead.instances import commands as instances
from keystead.key_use import commands as key_use
from keystead.keyring import commands as keyring
from keystead.store import Store, Transaction
from keystead.usage import rows, rules
from keystead.usage.model import DayUsage, Holding, Tally

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


def count(store: Store, journals: Path, instant: Instant, warned_at: int) -> None:
    """Count the calls recorded since the last time; owners of key versions that encrypted `warned_at` times are warned."""
    counter = _Counter(store, instant.now, warned_at)
    while counter.changes():
        pass
    for path in sorted(journals.glob("*.journal")):  # after the changes: a key used before its deletion was scheduled is seen so
        while counter.journal(path):
            pass
    with store.write() as tx:
        rows.forget_seconds(tx, int((instant.wall - SECONDS_KEPT).timestamp()))


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
            accesses=instances.accesses_used(tx, instance),
            accesses_bought=figures.access_num,
            log_storage_gb=figures.log_storage_gb,
            qps_bought=figures.qps,
        )
        highest = rules.higher(before, seen)
        if highest != before:
            rows.keep(tx, highest, there=before is not None)


class _Counter:
    """Counts records as of `now` (business time), some at a time, each lot in one commit with how far they are counted."""

    def __init__(self, store: Store, now: datetime, warned_at: int) -> None:
        self._store = store
        self._now = now
        self._warned_at = warned_at

    def journal(self, path: Path) -> bool:
        """Count some frames of a file; whether there may be more."""
        with self._store.read() as tx:
            begun = rows.position(tx, path.name)
        if path.stat().st_size <= begun:
            return False
        with self._store.write() as tx:
            begun = rows.position(tx, path.name, hold=True)
            some = list(islice(frames(path, begun), FRAMES_AT_ONCE))
            if not some:
                return False
            self._add(tx, rules.counted(line for _, payload in some for line in payload.splitlines()))
            rows.move(tx, path.name, some[-1][0])
        return len(some) >= FRAMES_AT_ONCE

    def changes(self) -> bool:
        """Count some changes; whether there may be more."""
        with self._store.read() as tx:
            if not rows.uncounted_records(tx):
                return False
        with self._store.write() as tx:
            found = rows.uncounted_records(tx)
            self._add(tx, rules.counted(record.encode() for _, _, record in found))
            for account_id, last in {account_id: number for number, account_id, _ in found}.items():
                rows.move(tx, rows.ACCOUNT_SOURCE + account_id, last)
        return len(found) >= rows.RECORDS_AT_ONCE

    def _add(self, tx: Transaction, tally: Tally) -> None:
        rows.add(tx, tally)
        key_use.add(tx, self._now, tally.uses, self._warned_at)
