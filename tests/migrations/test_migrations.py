"""The migrations make exactly the schema that the code declares, on both databases, once and on rows that are there."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, select

import keystead.app
import keystead.gate.life
from keystead.store import metadata, open_store
from keystead.store.events import event
from keystead.store.migrations import current, upgrade


def test_migrated_schema_is_the_declared_one(database_url: str) -> None:
    """Alembic finds nothing to add, drop or change between the tables in the code and a migrated database."""
    assert keystead.app.PRODUCTS_SERVED
    assert keystead.gate.life.live.__doc__  # the two imports declare every table
    store = open_store(database_url)
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    store.close()


def test_upgrade_twice_keeps_rows(empty_database_url: str) -> None:
    """A second upgrade changes nothing, rows included."""
    upgrade(empty_database_url)
    store = open_store(empty_database_url)
    with store.write() as tx:
        tx.execute(insert(event).values(kind="k", subject="s", account_id="1", at_ms=0, detail="{}"))
    upgrade(empty_database_url)
    assert current(store)
    with store.read() as tx:
        assert tx.execute(select(event.c.kind)).scalars().all() == ["k"]
    store.close()
