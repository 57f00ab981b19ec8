"""Rate leases: one bucket an instance, from which workers on any node take requests in slices.

A bucket fills at the purchased rate and holds BURST_MS worth of it, so over any 10 s at most the rate and 0.8 % are given out.
The counts are of no value after a crash: on SQLite they live in a file of their own without fsync, so that they neither wait
for nor wake what watches the main file; on PostgreSQL in an unlogged table.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, MetaData, String, Table, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from keystead.store.engine import Store, open_store
from keystead.store.transaction import Transaction

BURST_MS = 80
_THOUSANDTHS = 1000
_TABLE_LOCK = 7_235_003

rates_metadata = MetaData()
rate_bucket = Table(
    "rate_bucket",
    rates_metadata,
    Column("instance_id", String(32), primary_key=True),
    Column("tokens_thousandths", BigInteger, nullable=False),
    Column("filled_at_ms", BigInteger, nullable=False),
)


class Want(NamedTuple):
    """What a worker asks of one instance's bucket: `wanted` requests (negative gives unused ones back), `qps` purchased."""

    instance_id: str
    qps: int
    wanted: int


def open_rates(data: Path, main: Store) -> Store:
    """Open where the leases of this deployment live, making the table if needed."""
    if main.dialect != "sqlite":
        with main.write() as tx:
            # Two workers starting together would both find it missing, and one would fail.
            tx.execute(select(func.pg_advisory_xact_lock(_TABLE_LOCK)))
            tx.conn.exec_driver_sql(
                "CREATE UNLOGGED TABLE IF NOT EXISTS rate_bucket (instance_id VARCHAR(32) PRIMARY KEY,"
                " tokens_thousandths BIGINT NOT NULL, filled_at_ms BIGINT NOT NULL)"
            )
        return main
    rates = open_store(f"sqlite:///{data / 'rates.db'}", durable=False)
    with rates.write() as tx:
        rates_metadata.create_all(tx.conn)
    return rates


def take(rates: Store, wants: list[Want], wall_ms: int) -> dict[str, int]:
    """Serve all wants in one transaction, in the order of instance ids; gives how many requests each got (never more than asked).

    `wall_ms` is real time in milliseconds; a step back of the clock fills nothing until the old time is passed.
    """
    given: dict[str, int] = {}
    with rates.write() as tx:
        for want in sorted(wants):
            capacity = max(want.qps * BURST_MS, _THOUSANDTHS)
            row = _locked(tx, want.instance_id)
            if row is None:  # two nodes may find it missing at once: the second waits here and then reads the first's row
                first = {"instance_id": want.instance_id, "tokens_thousandths": capacity, "filled_at_ms": wall_ms}
                upsert = sqlite.insert if tx.dialect == "sqlite" else postgresql.insert
                tx.execute(upsert(rate_bucket).values(first).on_conflict_do_nothing())
                row = _locked(tx, want.instance_id)
            tokens_before, filled_before = row or (capacity, wall_ms)
            filled_at = max(filled_before, wall_ms)
            tokens = min(capacity, tokens_before + (filled_at - filled_before) * want.qps)
            count = min(want.wanted, tokens // _THOUSANDTHS)
            given[want.instance_id] = count
            values = {"tokens_thousandths": min(capacity, tokens - count * _THOUSANDTHS), "filled_at_ms": filled_at}
            tx.execute(update(rate_bucket).where(rate_bucket.c.instance_id == want.instance_id).values(**values))
    return given


def _locked(tx: Transaction, instance_id: str) -> tuple[int, int] | None:
    """Give the bucket's tokens and when it was filled, holding its row lock."""
    statement = select(rate_bucket.c.tokens_thousandths, rate_bucket.c.filled_at_ms)
    row = tx.execute(statement.where(rate_bucket.c.instance_id == instance_id).with_for_update()).one_or_none()
    return None if row is None else (row.tokens_thousandths, row.filled_at_ms)
