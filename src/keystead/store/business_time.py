"""The standing business time of a manual clock: one row, moved forward only.

A deployment on a manual clock has the row; one on the system clock has none.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Integer, Table, insert, select, update

from keystead.clock import from_ms, to_ms
from keystead.store.engine import metadata
from keystead.store.transaction import Transaction

KIND = "business_time"

business_clock = Table(
    "business_clock",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("now_ms", BigInteger, nullable=False),
)


def standing(tx: Transaction) -> datetime | None:
    """Give the standing business time; None where the deployment has never had a manual clock."""
    found = tx.execute(select(business_clock.c.now_ms).where(business_clock.c.id == 1)).scalar_one_or_none()
    return None if found is None else from_ms(found)


def begin(tx: Transaction, at: datetime) -> datetime:
    """Start the manual clock at `at`, unless it already stands somewhere; gives where it stands."""
    there = standing(tx)
    if there is not None:
        return there
    tx.execute(insert(business_clock).values(id=1, now_ms=to_ms(at)))
    tx.changed(KIND, "now")
    return at


def move(tx: Transaction, to: datetime) -> None:
    """Move business time forward to `to`; an earlier instant leaves it where it is."""
    tx.execute(
        update(business_clock).where(business_clock.c.id == 1, business_clock.c.now_ms < to_ms(to)).values(now_ms=to_ms(to))
    )
    tx.changed(KIND, "now")
