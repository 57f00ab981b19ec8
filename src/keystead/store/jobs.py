"""Work that is due at an instant: the queue between the rooms, which ask for it, and the scheduler, which does it.

A job is a row (kind, subject, due), unique: asking twice is asking once. Its handler re-reads the facts and does nothing when
they no longer ask for it, so a renewal needs not hunt down the jobs of the old end.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, UniqueConstraint, func, insert, select, update

from keystead.clock import from_ms, to_ms
from keystead.store.engine import metadata
from keystead.store.transaction import Transaction

job = Table(
    "job",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("account_id", String(16), nullable=False),
    Column("due_at_ms", BigInteger, nullable=False),
    Column("done_at_ms", BigInteger, nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("retry_at_ms", BigInteger, nullable=False),
    Column("last_error", Text, nullable=False),
    UniqueConstraint("kind", "subject", "due_at_ms"),
    Index("ix_job_open", "done_at_ms", "due_at_ms"),
)


class Job(NamedTuple):
    """A due piece of work. `due` is business time; `attempts` counts failed tries so far."""

    id: int
    kind: str
    subject: str
    account_id: str
    due: datetime
    attempts: int
    last_error: str
    done: bool


def enqueue(tx: Transaction, kind: str, subject: str, account_id: str, due: datetime) -> None:
    """Ask for `kind` on `subject` at `due` (business time); a second asking for the same changes nothing."""
    there = select(job.c.id).where(job.c.kind == kind, job.c.subject == subject, job.c.due_at_ms == to_ms(due))
    if tx.execute(there).first() is None:
        tx.execute(
            insert(job).values(
                kind=kind,
                subject=subject,
                account_id=account_id,
                due_at_ms=to_ms(due),
                attempts=0,
                retry_at_ms=0,
                last_error="",
            )
        )


def ask_again(tx: Transaction, kind: str, subject: str, account_id: str, due: datetime) -> None:
    """As `enqueue`, but what was done at that very instant is to be done once more: the facts have changed since."""
    there = (job.c.kind == kind, job.c.subject == subject, job.c.due_at_ms == to_ms(due))
    reopened = tx.execute(update(job).where(*there).values(done_at_ms=None, attempts=0, retry_at_ms=0, last_error=""))
    if reopened.rowcount == 0:
        enqueue(tx, kind, subject, account_id, due)


def next_due(tx: Transaction, until: datetime, wall: datetime) -> Job | None:
    """Give the earliest open job due by `until` (business time) and not put off beyond `wall`; None when there is none."""
    statement = (
        select(job)
        .where(job.c.done_at_ms.is_(None), job.c.due_at_ms <= to_ms(until), job.c.retry_at_ms <= to_ms(wall))
        .order_by(job.c.due_at_ms, job.c.id)
        .limit(1)
    )
    row = tx.execute(statement).one_or_none()
    return None if row is None else _job(row)


def lock_open(tx: Transaction, job_id: int) -> Job | None:
    """Take the job's row lock and give the job if it is still open; None when somebody else did it."""
    statement = select(job).where(job.c.id == job_id, job.c.done_at_ms.is_(None)).with_for_update()
    row = tx.execute(statement).one_or_none()
    return None if row is None else _job(row)


def finish(tx: Transaction, job_id: int, done_at: datetime) -> None:
    """Close the job, in the transaction that did its work."""
    tx.execute(update(job).where(job.c.id == job_id).values(done_at_ms=to_ms(done_at)))


def put_off(tx: Transaction, job_id: int, retry_at: datetime, error: str) -> None:
    """Count a failed try; the next one is not before `retry_at` (wall time)."""
    tx.execute(
        update(job)
        .where(job.c.id == job_id)
        .values(attempts=job.c.attempts + 1, retry_at_ms=to_ms(retry_at), last_error=error[:1000])
    )


def listing(tx: Transaction, limit: int, until: datetime | None = None) -> list[Job]:
    """Give open jobs, soonest first; only those due by `until` (business time) if it is given."""
    statement = select(job).where(job.c.done_at_ms.is_(None))
    if until is not None:
        statement = statement.where(job.c.due_at_ms <= to_ms(until))
    return [_job(row) for row in tx.execute(statement.order_by(job.c.due_at_ms, job.c.id).limit(limit))]


def open_of_account(tx: Transaction, account_id: str) -> list[Job]:
    """Give an account's open jobs in the order they will be done."""
    statement = select(job).where(job.c.account_id == account_id, job.c.done_at_ms.is_(None))
    return [_job(row) for row in tx.execute(statement.order_by(job.c.due_at_ms, job.c.id))]


def open_count(tx: Transaction, until: datetime) -> int:
    """Count open jobs due by `until` (business time), put off or not."""
    statement = select(func.count()).select_from(job).where(job.c.done_at_ms.is_(None), job.c.due_at_ms <= to_ms(until))
    return int(tx.execute(statement).scalar_one())


def _job(row: object) -> Job:
    get = row._mapping  # type: ignore[attr-defined]  # noqa: SLF001 - SQLAlchemy's public name for it
    return Job(
        get["id"],
        get["kind"],
        get["subject"],
        get["account_id"],
        from_ms(get["due_at_ms"]),
        get["attempts"],
        get["last_error"],
        get["done_at_ms"] is not None,
    )
