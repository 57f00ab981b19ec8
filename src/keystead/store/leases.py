"""Rate leases: one bucket an instance, from which workers on any node take requests in slices.

A bucket fills at the purchased rate and holds BURST_MS worth of it, so over any 10 s at most the rate and 0.8 % are given out.
The counts are of no value after a crash: on SQLite they live in a file of their own without fsync, so that they neither wait
for nor wake what watches the main file; on PostgreSQL in an unlogged table.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, MetaData, String, Table, insert, select, update

from keystead.store.engine import Store, open_store

BURST_MS = 80
_THOUSANDTHS = 1000

rates_metadata = MetaData()
rate_bucket = Table(
    "rate_bucket",
    rates_metadata,
    Column("instance_id", String(32), primary_key=True),
    Column("tokens_thousandths", BigInteger, nullable=False),
    Column("filled_at_ms", BigInteger, nullable=False),
)


class Want(NamedTuple):
    """What a worker asks of one instance's bucket: `count` requests (negative gives unused ones back), `qps` purchased."""

    instance_id: str
    qps: int
    count: int


def open_rates(data: Path, main: Store) -> Store:
    """Open where the leases of this deployment live, making the table if needed."""
    if main.dialect != "sqlite":
        with main.write() as tx:
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
            row = tx.execute(
                select(rate_bucket.c.tokens_thousandths, rate_bucket.c.filled_at_ms)
                .where(rate_bucket.c.instance_id == want.instance_id)
                .with_for_update()
            ).one_or_none()
            capacity = max(want.qps * BURST_MS, _THOUSANDTHS)
            if row is None:
                tokens, filled_at = capacity, wall_ms
            else:
                filled_at = max(row.filled_at_ms, wall_ms)
                tokens = min(capacity, row.tokens_thousandths + (filled_at - row.filled_at_ms) * want.qps)
            count = min(want.count, tokens // _THOUSANDTHS)
            given[want.instance_id] = count
            values = {"tokens_thousandths": min(capacity, tokens - count * _THOUSANDTHS), "filled_at_ms": filled_at}
            if row is None:
                tx.execute(insert(rate_bucket).values(instance_id=want.instance_id, **values))
            else:
                tx.execute(update(rate_bucket).where(rate_bucket.c.instance_id == want.instance_id).values(**values))
    return given
