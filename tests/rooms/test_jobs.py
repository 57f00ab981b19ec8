"""The queue of due work, on SQLite and on PostgreSQL alike."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from keystead.store import Store, jobs, open_store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open, migrated database."""
    opened = open_store(database_url)
    yield opened
    opened.close()


def test_a_job_is_asked_for_once(store: Store) -> None:
    """Asking again changes nothing, even when it is done; another due instant is another job."""
    with store.write() as tx:
        for due in (LATER, NOW, NOW):
            jobs.enqueue(tx, "expire", "kst-1", "1", due)
    with store.write() as tx:
        assert [job.due for job in jobs.listing(tx, 10)] == [NOW, LATER]
        first = jobs.next_due(tx, LATER, LATER)
        assert first is not None
        jobs.finish(tx, first.id, NOW)
        jobs.enqueue(tx, "expire", "kst-1", "1", NOW)
        assert jobs.open_count(tx, LATER) == 1
        assert jobs.lock_open(tx, first.id) is None


def test_jobs_come_in_the_order_in_which_they_are_due(store: Store) -> None:
    """None before its time; one put off waits for wall time, and counts its tries."""
    with store.write() as tx:
        jobs.enqueue(tx, "b", "s", "1", LATER)
        jobs.enqueue(tx, "a", "s", "1", NOW)
    with store.write() as tx:
        assert jobs.next_due(tx, NOW - timedelta(milliseconds=1), NOW) is None
        due = jobs.next_due(tx, LATER, NOW)
        assert due is not None
        assert (due.kind, due.attempts, due.done) == ("a", 0, False)
        jobs.put_off(tx, due.id, NOW + timedelta(seconds=5), "the disk was full")
    with store.read() as tx:
        second = jobs.next_due(tx, LATER, NOW)
        again = jobs.next_due(tx, LATER, NOW + timedelta(seconds=5))
        assert second is not None
        assert again is not None
        assert (second.kind, again.kind, again.attempts, again.last_error) == ("b", "a", 1, "the disk was full")
