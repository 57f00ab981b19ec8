"""Rate leases: one bucket a rate (an instance's, a quota's), from which workers on any node take units in slices.

What a unit is, the caller says: a request, or a part of one where requests weigh differently. A bucket fills at its rate and
holds BURST_MS worth of it, so over any 10 s at most the rate and 0.5 % are given out; where its `burst` is more, it holds that.
Who gives a bucket another rate keeps what is in it, as far as the new size goes.
The counts are of no value after a crash: on SQLite they live in a file of their own without fsync, so that they neither wait
for nor wake what watches the main file; on PostgreSQL in an unlogged table.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, MetaData, String, Table, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from keystead.store.engine import Store, open_store
from keystead.store.transaction import Transaction

BURST_MS = 50
_THOUSANDTHS = 1000
_TABLE_LOCK = 7_235_003

rates_metadata = MetaData()
rate_bucket = Table(
    "request_bucket",
    rates_metadata,
    Column("bucket_id", String(96), primary_key=True),
    Column("tokens_thousandths", BigInteger, nullable=False),
    Column("filled_at_ms", BigInteger, nullable=False),
)


_LOCK = (
    select(rate_bucket.c.bucket_id, rate_bucket.c.tokens_thousandths, rate_bucket.c.filled_at_ms)
    .where(rate_bucket.c.bucket_id.in_(bindparam("ids", expanding=True)))
    .order_by(rate_bucket.c.bucket_id)
    .with_for_update()
)
_KEEP = (
    update(rate_bucket)
    .where(rate_bucket.c.bucket_id == bindparam("changed_id"))
    .values(tokens_thousandths=bindparam("tokens"), filled_at_ms=bindparam("filled_at"))
)


class Want(NamedTuple):
    """What a worker asks of one bucket: `wanted` units (negative gives unused ones back); `units` a second fill it."""

    bucket_id: str
    units: int
    wanted: int
    burst: int = 0


def open_rates(data: Path, main: Store) -> Store:
    """Open where the leases of this deployment live, making the table if needed."""
    if main.dialect != "sqlite":
        with main.write() as tx:
            # Two workers starting together would both find it missing, and one would fail.
            tx.execute(select(func.pg_advisory_xact_lock(_TABLE_LOCK)))
            tx.conn.exec_driver_sql(
                "CREATE UNLOGGED TABLE IF NOT EXISTS request_bucket (bucket_id VARCHAR(96) PRIMARY KEY,"
                " tokens_thousandths BIGINT NOT NULL, filled_at_ms BIGINT NOT NULL)"
            )
        return main
    rates = open_store(f"sqlite:///{data / 'rates.db'}", durable=False)
    with rates.write() as tx:
        rates_metadata.create_all(tx.conn)
    return rates


def take(rates: Store, wants: list[Want], wall_ms: int) -> dict[str, int]:
    """Serve all wants in one transaction of two statements; gives how many units each got (never more than asked).

    `wall_ms` is real time in milliseconds; a step back of the clock fills nothing until the old time is passed.
    """
    given: dict[str, int] = {}
    changed = []
    with rates.write() as tx:
        buckets = _locked(tx, wants)
        if len(buckets) < len(wants):  # two nodes may find one missing at once: the second waits here, then reads the first's row
            full = [_bucket(want.bucket_id, capacity(want), wall_ms) for want in sorted(wants) if want.bucket_id not in buckets]
            upsert = sqlite.insert if tx.dialect == "sqlite" else postgresql.insert
            tx.execute(upsert(rate_bucket).on_conflict_do_nothing(), full)
            buckets = _locked(tx, wants)
        for want in wants:
            tokens_before, filled_before = buckets[want.bucket_id]
            filled_at = max(filled_before, wall_ms)
            given[want.bucket_id], left = served(want, tokens_before, filled_at - filled_before)
            changed.append({"changed_id": want.bucket_id, "tokens": left, "filled_at": filled_at})
        tx.execute(_KEEP, changed)
    return given


def served(want: Want, tokens: int, elapsed_ms: int) -> tuple[int, int]:
    """Give how many units a want gets of a bucket that held `tokens` thousandths `elapsed_ms` ago, and the thousandths left.

    Whole numbers throughout: a unit a second is a thousandth a millisecond, so nothing is rounded and nothing drifts.
    """
    filled = min(capacity(want), tokens + elapsed_ms * want.units)
    given = min(want.wanted, filled // _THOUSANDTHS)
    return given, min(capacity(want), filled - given * _THOUSANDTHS)


def capacity(want: Want) -> int:
    """Give what its bucket holds when full, in thousandths of a unit."""
    return max(want.units * BURST_MS, want.burst * _THOUSANDTHS, _THOUSANDTHS)


def _bucket(bucket_id: str, tokens: int, filled_at_ms: int) -> dict[str, str | int]:
    return {"bucket_id": bucket_id, "tokens_thousandths": tokens, "filled_at_ms": filled_at_ms}


def _locked(tx: Transaction, wants: list[Want]) -> dict[str, tuple[int, int]]:
    """Give tokens and time of filling of the buckets there are, holding their row locks, taken in the order of ids."""
    rows = tx.execute(_LOCK, {"ids": [want.bucket_id for want in wants]})
    return {row.bucket_id: (row.tokens_thousandths, row.filled_at_ms) for row in rows}
