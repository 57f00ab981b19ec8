"""Bringing a database to the present schema, with Alembic: each step is a file in `versions/`, never edited once released."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from keystead.store.engine import Store, open_store

_UPGRADE_LOCK = 7_235_002


def upgrade(url: str) -> None:
    """Bring the database at a SQLAlchemy URL to the newest step, if it is not there. Safe when two processes start."""
    store = open_store(url)
    try:
        if not current(store):
            config = _config()
            config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
            with store.engine.connect() as connection:
                if store.dialect == "sqlite":
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                else:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                connection.commit()
    finally:
        store.close()


def current(store: Store) -> bool:
    """Whether the database is at the newest step."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with store.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
