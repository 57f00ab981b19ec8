"""The databases that tests run on keep their own promise: fresh, migrated, apart."""

import pytest
import sqlalchemy

from tests.databases import Databases, RunFolder


def tables(url: str) -> list[str]:
    """The names of the tables in a database."""
    engine = sqlalchemy.create_engine(url)
    try:
        return sqlalchemy.inspect(engine).get_table_names()
    finally:
        engine.dispose()


def execute(url: str, statement: str) -> None:
    """Run one statement and commit it."""
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(statement))
    finally:
        engine.dispose()


def test_a_database_is_migrated(database_url: str) -> None:
    """It has the product's tables, and Alembic's mark of how far it was brought."""
    found = tables(database_url)
    assert "alembic_version" in found
    assert len(found) > 1


def test_an_empty_database_is_empty(empty_database_url: str) -> None:
    """A test of migrations begins with nothing."""
    assert tables(empty_database_url) == []


@pytest.mark.parametrize("turn", [1, 2])
def test_a_database_is_nobody_elses(database_url: str, turn: int) -> None:
    """What one test writes, the next one does not see."""
    assert "mine" not in tables(database_url)
    execute(database_url, "CREATE TABLE mine (a INTEGER)")
    assert "mine" in tables(database_url)


def test_nothing_outlives_the_run() -> None:
    """The run's folder is gone when it is closed; one that is still held is left alone by the next run."""
    ours = RunFolder.make()
    theirs = RunFolder.make()
    assert ours.path.is_dir()
    with Databases(ours.path).fresh("postgresql", migrated=False) as url:
        assert tables(url) == []
    for folder in (ours, theirs):
        folder.close()
        assert not folder.path.exists()
