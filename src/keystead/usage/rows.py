"""The tables of usage, and every statement on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Row,
    String,
    Table,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from keystead.access_log.rows import access_record
from keystead.store import Transaction, metadata
from keystead.usage import rules
from keystead.usage.model import Counted, DayUsage, Holding, InSecond, Load, Tally

RECORDS_AT_ONCE: Final = 10_000
# How far back from the newest counted record an account's own may still be: many more than can be in open transactions.
SLACK: Final = 100_000
ACCOUNT_SOURCE: Final = "account/"

usage_day = Table(
    "usage_day",
    metadata,
    Column("instance_id", String(32), nullable=False),
    Column("day", String(10), nullable=False),
    Column("account_id", String(16), nullable=False),
    Column("region", String(32), nullable=False),
    *(
        Column(name, Integer, nullable=False)
        for name in ("keys_held", "keys_bought", "secrets", "secrets_bought", "accesses", "accesses_bought", "log_storage_gb")
    ),
    Column("qps_bought", Integer, nullable=False),
    PrimaryKeyConstraint("instance_id", "day"),
    Index("ix_usage_day_account_id_day", "account_id", "day"),
)
usage_call = Table(
    "usage_call",
    metadata,
    Column("account_id", String(16), nullable=False),
    Column("day", String(10), nullable=False),
    Column("instance_id", String(64), nullable=False),
    Column("operation", String(64), nullable=False),
    Column("calls", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "day", "instance_id", "operation"),
)
usage_load = Table(
    "usage_load",
    metadata,
    Column("account_id", String(16), nullable=False),
    Column("day", String(10), nullable=False),
    Column("instance_id", String(64), nullable=False),
    Column("peak_qps", BigInteger, nullable=False),
    Column("log_bytes", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "day", "instance_id"),
)
# The calls of the seconds that may not be counted whole yet: several nodes and files hold parts of one.
usage_second = Table(
    "usage_second",
    metadata,
    Column("account_id", String(16), nullable=False),
    Column("instance_id", String(64), nullable=False),
    Column("second", BigInteger, nullable=False),
    Column("calls", BigInteger, nullable=False),
    PrimaryKeyConstraint("second", "account_id", "instance_id"),
)
usage_read = Table(
    "usage_read",
    metadata,
    Column("source", String(128), nullable=False),
    Column("position", BigInteger, nullable=False),
    PrimaryKeyConstraint("source"),
)

# Which level of use an instance's owner was told of last and has not come down from; no row: none.
usage_mark = Table(
    "usage_mark",
    metadata,
    Column("instance_id", String(32), nullable=False),
    Column("resource", String(8), nullable=False),
    Column("level", Integer, nullable=False),
    PrimaryKeyConstraint("instance_id", "resource"),
)


def holdings(tx: Transaction, account_id: str, since: date, until: date) -> dict[tuple[str, date], Holding]:
    """Give the holdings of an account from day `since` to day `until`, both counted, by instance and day."""
    statement = select(usage_day).where(
        usage_day.c.account_id == account_id, usage_day.c.day >= since.isoformat(), usage_day.c.day <= until.isoformat()
    )
    found = [_holding(row) for row in tx.execute(statement)]
    return {(holding.instance_id, holding.day): holding for holding in found}


def keep(tx: Transaction, holding: Holding, *, there: bool) -> None:
    """Write a day's holding, in place of the one that is there if one is."""
    values = msgspec.to_builtins(holding)
    if there:
        this = (usage_day.c.instance_id == holding.instance_id) & (usage_day.c.day == holding.day.isoformat())
        tx.execute(update(usage_day).where(this).values(values))
    else:
        tx.execute(insert(usage_day).values(values))


def add(tx: Transaction, tally: Tally) -> None:
    """Add what records come to."""
    _add_calls(tx, tally.calls)
    loads: dict[tuple[str, str, str], list[int]] = {}
    for counted, size in tally.written.items():
        loads[counted.account_id, counted.day, counted.instance_id] = [0, size]
    for part, calls in tally.seconds.items():
        load = loads[part.account_id, part.day, part.instance_id]
        load[0] = max(load[0], _in_second(tx, part, calls))
    for key, (peak, size) in loads.items():
        _add_load(tx, key, peak, size)


def forget_seconds(tx: Transaction, before: int) -> None:
    """Forget the calls of seconds before that one: nothing more comes to them, and the highest is kept."""
    tx.execute(delete(usage_second).where(usage_second.c.second < before))


def peaks(tx: Transaction, since: int) -> dict[str, int]:
    """Give the most calls, of all accounts together, that came to each instance in one second from `since` on."""
    calls = func.sum(usage_second.c.calls).label("calls")
    a_second = (
        select(usage_second.c.instance_id, calls)
        .where(usage_second.c.second >= since)
        .group_by(usage_second.c.instance_id, usage_second.c.second)
        .subquery()
    )
    highest = select(a_second.c.instance_id, func.max(a_second.c.calls).label("most")).group_by(a_second.c.instance_id)
    return {row.instance_id: int(row.most) for row in tx.execute(highest)}


def marks(tx: Transaction, instance_id: str) -> dict[str, int]:
    """Give the levels of use an instance is marked with, by resource."""
    rows = tx.execute(select(usage_mark).where(usage_mark.c.instance_id == instance_id))
    return {row.resource: row.level for row in rows}


def set_mark(tx: Transaction, instance_id: str, resource: str, level: int) -> None:
    """Mark an instance's use of a resource; 0 takes the mark off."""
    this = (usage_mark.c.instance_id == instance_id) & (usage_mark.c.resource == resource)
    tx.execute(delete(usage_mark).where(this))
    if level:
        tx.execute(insert(usage_mark).values(instance_id=instance_id, resource=resource, level=level))


def loads(tx: Transaction, account_id: str, since: date, until: date) -> dict[tuple[str, date], tuple[int, int]]:
    """Give peak and bytes of an account's instances from day `since` to day `until`, both counted, by instance and day."""
    statement = select(usage_load).where(
        usage_load.c.account_id == account_id, usage_load.c.day >= since.isoformat(), usage_load.c.day <= until.isoformat()
    )
    return {(row.instance_id, date.fromisoformat(row.day)): (row.peak_qps, row.log_bytes) for row in tx.execute(statement)}


def _in_second(tx: Transaction, part: InSecond, calls: int) -> int:
    """Add to a second's calls; gives how many they are now."""
    this = (
        (usage_second.c.second == part.second)
        & (usage_second.c.account_id == part.account_id)
        & (usage_second.c.instance_id == part.instance_id)
    )
    there = tx.execute(select(usage_second.c.calls).where(this).with_for_update()).scalar_one_or_none()
    if there is None:
        row = {"account_id": part.account_id, "instance_id": part.instance_id, "second": part.second, "calls": calls}
        tx.execute(insert(usage_second).values(row))
        return calls
    tx.execute(update(usage_second).where(this).values(calls=there + calls))
    return int(there) + calls


def _add_load(tx: Transaction, key: tuple[str, str, str], peak: int, size: int) -> None:
    account_id, day, instance_id = key
    this = (usage_load.c.account_id == account_id) & (usage_load.c.day == day) & (usage_load.c.instance_id == instance_id)
    higher = case((usage_load.c.peak_qps < peak, peak), else_=usage_load.c.peak_qps)
    values = {"peak_qps": higher, "log_bytes": usage_load.c.log_bytes + size}
    if tx.execute(update(usage_load).where(this).values(values)).rowcount == 0:
        row = {"account_id": account_id, "day": day, "instance_id": instance_id, "peak_qps": peak, "log_bytes": size}
        tx.execute(insert(usage_load).values(row))


def _add_calls(tx: Transaction, counts: Mapping[Counted, int]) -> None:
    for counted, calls in counts.items():
        this = (
            (usage_call.c.account_id == counted.account_id)
            & (usage_call.c.day == counted.day)
            & (usage_call.c.instance_id == counted.instance_id)
            & (usage_call.c.operation == counted.operation)
        )
        if tx.execute(update(usage_call).where(this).values(calls=usage_call.c.calls + calls)).rowcount == 0:
            tx.execute(insert(usage_call).values(**msgspec.structs.asdict(counted), calls=calls))


def days(tx: Transaction, account_id: str, since: date, until: date) -> list[DayUsage]:
    """Give what an account used from day `since` to day `until`, both counted, by day and instance."""
    held = holdings(tx, account_id, since, until)
    statement = select(usage_call).where(
        usage_call.c.account_id == account_id, usage_call.c.day >= since.isoformat(), usage_call.c.day <= until.isoformat()
    )
    calls: dict[tuple[str, date], dict[str, int]] = defaultdict(dict)
    for row in tx.execute(statement):
        calls[row.instance_id, date.fromisoformat(row.day)][row.operation] = row.calls
    keys = sorted(held.keys() | calls.keys(), key=lambda key: (key[1], key[0]))
    worked = loads(tx, account_id, since - rules.LOG_KEPT, until)
    written: dict[str, dict[date, int]] = defaultdict(dict)
    for (instance_id, day), (_, size) in worked.items():
        written[instance_id][day] = size
    return [
        DayUsage(
            key[0], key[1], held.get(key), calls.get(key, {}), Load(*worked.get(key, (0, 0)), rules.kept(written[key[0]], key[1]))
        )
        for key in keys
    ]


def position(tx: Transaction, source: str, *, hold: bool = False) -> int:
    """Give how far a source was counted, `hold` it against another counter; 0 for one never seen."""
    statement = select(usage_read.c.position).where(usage_read.c.source == source)
    return int(tx.execute(statement.with_for_update() if hold else statement).scalar_one_or_none() or 0)


def move(tx: Transaction, source: str, to: int) -> None:
    """Keep how far a source is counted; the schema refuses two counters that both met it for the first time."""
    if tx.execute(update(usage_read).where(usage_read.c.source == source).values(position=to)).rowcount == 0:
        tx.execute(insert(usage_read).values(source=source, position=to))


def uncounted_records(tx: Transaction) -> list[tuple[int, str, str]]:
    """Give (number, account, record) of changes not counted yet, some at once, oldest first.

    Each account is read on from its own last one: its changes are made one after the other, so their numbers are in the order of
    their commits, which those of different accounts are not.
    """
    newest = select(func.coalesce(func.max(usage_read.c.position), 0)).where(usage_read.c.source.startswith(ACCOUNT_SOURCE))
    floor = int(tx.execute(newest).scalar_one()) - SLACK
    statement = (
        select(access_record.c.id, access_record.c.account_id, access_record.c.record)
        .outerjoin(usage_read, usage_read.c.source == ACCOUNT_SOURCE + access_record.c.account_id)
        .where(access_record.c.id > floor, access_record.c.id > func.coalesce(usage_read.c.position, 0))
        .order_by(access_record.c.id)
        .limit(RECORDS_AT_ONCE)
    )
    return [(row.id, row.account_id, row.record) for row in tx.execute(statement)]


def _holding(row: Row[Any]) -> Holding:
    return Holding(
        instance_id=row.instance_id,
        day=date.fromisoformat(row.day),
        account_id=row.account_id,
        region=row.region,
        keys_held=row.keys_held,
        keys_bought=row.keys_bought,
        secrets=row.secrets,
        secrets_bought=row.secrets_bought,
        accesses=row.accesses,
        accesses_bought=row.accesses_bought,
        log_storage_gb=row.log_storage_gb,
        qps_bought=row.qps_bought,
    )
