"""Rate leases: one bucket a rate (an instance's, a quota's), from which workers on any node take requests in slices.

A bucket fills at its rate and holds BURST_MS worth of it, so over any 10 s at most the rate and 0.8 % are given out; where its
`burst` is more, it holds that many.
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

BURST_MS = 80
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
    """What a worker asks of one bucket: `wanted` requests (negative gives unused ones back); `qps` fills it."""

    bucket_id: str
    qps: int
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
    """Serve all wants in one transaction of two statements; gives how many requests each got (never more than asked).

    `wall_ms` is real time in milliseconds; a step back of the clock fills nothing until the old time is passed.
    """
    given: dict[str, int] = {}
    changed = []
    with rates.write() as tx:
        buckets = _locked(tx, wants)
        if len(buckets) < len(wants):  # two nodes may find one missing at once: the second waits here, then reads the first's row
            full = [_bucket(want.bucket_id, _capacity(want), wall_ms) for want in sorted(wants) if want.bucket_id not in buckets]
            upsert = sqlite.insert if tx.dialect == "sqlite" else postgresql.insert
            tx.execute(upsert(rate_bucket).on_conflict_do_nothing(), full)
            buckets = _locked(tx, wants)
        for want in wants:
            tokens_before, filled_before = buckets[want.bucket_id]
            filled_at = max(filled_before, wall_ms)
            tokens = min(_capacity(want), tokens_before + (filled_at - filled_before) * want.qps)
            count = given[want.bucket_id] = min(want.wanted, tokens // _THOUSANDTHS)
            left = min(_capacity(want), tokens - count * _THOUSANDTHS)
            changed.append({"changed_id": want.bucket_id, "tokens": left, "filled_at": filled_at})
        tx.execute(_KEEP, changed)
    return given


def _capacity(want: Want) -> int:
    return max(want.qps * BURST_MS, want.burst * _THOUSANDTHS, _THOUSANDTHS)


def _bucket(bucket_id: str, tokens: int, filled_at_ms: int) -> dict[str, str | int]:
    return {"bucket_id": bucket_id, "tokens_thousandths": tokens, "filled_at_ms": filled_at_ms}


def _locked(tx: Transaction, wants: list[Want]) -> dict[str, tuple[int, int]]:
    """Give tokens and time of filling of the buckets there are, holding their row locks, taken in the order of ids."""
    rows = tx.execute(_LOCK, {"ids": [want.bucket_id for want in wants]})
    return {row.bucket_id: (row.tokens_thousandths, row.filled_at_ms) for row in rows}
