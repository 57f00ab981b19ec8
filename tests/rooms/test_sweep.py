"""A night's sweep costs what is due, not what is there: statements are counted and every plan is looked at, on both databases."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import event, text

from bench.crowd import TONIGHT, move_in
from keystead import app
from keystead.clock import iso_z, to_ms
from keystead.schedule.runner import Runner
from keystead.store import Store, business_time, jobs, outbox
from keystead.store.changes import LEASE_SECONDS
from keystead.store.claims import forget_nonces
from tests.world import World

Statement = tuple[str, Any]
CROWDED: Final = ("account", "instance", "instance_key", "entitlement", "job")
"""The tables that hold a row or more of every instance here: on them no planner may choose to read all rows."""
SINGLE: Final = {"business_clock", "mail_route"}
"""Tables of one row."""
READS_ALL: Final = re.compile(r"(?:Seq Scan on|SCAN)(?! CONSTANT) (\w+)")
LOOKS_BY_THE_SECOND: Final = re.compile(r"FROM (change_log|business_clock)|^SET TRANSACTION")
"""What a worker on PostgreSQL asks so many times a second, however much it does."""
DAY: Final = timedelta(days=1)


@contextmanager
def listening(store: Store) -> Iterator[list[Statement]]:
    """Note down this thread's statements."""
    heard: list[Statement] = []
    mine = threading.get_ident()
    by_the_second = store.dialect != "sqlite"

    def before(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:  # noqa: FBT001
        if threading.get_ident() == mine and not (by_the_second and LOOKS_BY_THE_SECOND.search(statement)):
            heard.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", before)
    try:
        yield heard
    finally:
        event.remove(store.engine, "before_cursor_execute", before)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """An hour before tonight. It is closed without an audit: nobody ordered these instances."""
    made = World(database_url, tmp_path / "var", start=iso_z(TONIGHT - timedelta(hours=1)))
    yield made
    app.close_service(made.service)


def sweep(world: World, nights: int = 0) -> tuple[int, list[Statement]]:
    """Do all the work of a night, so many after the first; gives the number of jobs and the statements."""
    with world.service.store.write() as tx:
        business_time.move(tx, TONIGHT + nights * DAY)
    runner = Runner(world.service)
    if world.service.store.dialect != "sqlite":
        threading.Event().wait(LEASE_SECONDS)  # until this worker sees the new time
    done = 0
    with listening(world.service.store) as heard:
        while runner.step():
            done += 1
    return done, heard


def test_row_10_statements_of_a_night(world: World, record_property: Any) -> None:
    """20 due of 100, 20 due of 2,100, 10 due of 2,110, none due: as many statements for a due one, to the statement.

    Half of the due ones stop, half are released; that is three jobs each: the end, telling it, composing the message.
    """
    store = world.service.store
    counted: list[int] = []
    first = 0
    for night, (total, due) in enumerate(((100, 20), (2000, 20), (10, 10), (0, 0))):
        move_in(store, total, due, first, TONIGHT + night * DAY)
        first += total
        done, heard = sweep(world, night)
        assert done == 3 * due
        counted.append(len(heard))
    few, many, half, none = counted
    record_property("statements", counted)
    assert many == few
    assert 2 * (half - none) == few - none


def test_row_10_plans_of_a_night(world: World) -> None:
    """No statement of a sweep reads all rows of a table, by either database's own account of how it would do it.

    The cache's reading of the change log is not asked about: it is no part of looking for work.
    """
    store = world.service.store
    move_in(store, 2000, 20)
    with store.write() as tx:
        tx.execute(text("ANALYZE"))
    _, heard = sweep(world)
    wall = world.service.clock.read().wall
    with listening(store) as looking, store.write() as tx:  # what looks for work beside the jobs of that night
        jobs.open_count(tx, TONIGHT)
        jobs.listing(tx, 10, TONIGHT)
        outbox.waiting(tx, wall)
        outbox.claim(tx, wall, DAY, 20)
        outbox.forget_sent(tx, wall)
        forget_nonces(tx, to_ms(wall))
    asked = {
        statement: parameters
        for statement, parameters in [*heard, *looking]
        if statement.startswith(("SELECT", "UPDATE", "DELETE")) and "FROM change_log" not in statement
    }
    assert len(asked) > 15
    for statement, parameters in asked.items():
        plans = _plans(store, statement, parameters)
        for plan in plans:
            assert set(READS_ALL.findall(plan)) <= SINGLE, f"{statement}\n{plan}"


def _plans(store: Store, statement: str, parameters: Any) -> list[str]:
    """How the database would run a statement; PostgreSQL also with reading all rows forbidden, as if every table were large."""
    with store.write() as tx:
        if store.dialect == "sqlite":
            rows = tx.conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return ["\n".join(row.detail for row in rows)]
        chosen = tx.conn.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
        tx.conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        forced = tx.conn.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
        return ["\n".join(line for line in chosen if any(f" on {table} " in line for table in CROWDED)), "\n".join(forced)]
