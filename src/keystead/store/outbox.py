"""Letters waiting to be mailed: written in the commit of what they tell, delivered later by whoever claims them first.

A letter is claimed for a while of wall time before it is sent, and marked once the mail server has taken it: a process that dies
in between has it sent again, under the same Message-ID. One that was tried too often is dead: kept, and told to the operator.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from keystead.clock import to_ms
from keystead.store.engine import metadata
from keystead.store.transaction import Transaction

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("message_id", String(64), nullable=False),
    Column("account_id", String(16), nullable=False),
    Column("recipient", String(254), nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("retry_at_ms", BigInteger, nullable=False),
    Column("sent_at_ms", BigInteger, nullable=True),
    Column("dead_at_ms", BigInteger, nullable=True),
    Column("last_error", Text, nullable=False),
    UniqueConstraint("message_id"),
    Index("ix_outbox_open", "sent_at_ms", "dead_at_ms", "retry_at_ms"),
)
mail_route = Table(
    "mail_route",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("configured", Boolean, nullable=False),
)
_OPEN = (outbox.c.sent_at_ms.is_(None), outbox.c.dead_at_ms.is_(None))


class Letter(NamedTuple):
    """A mail to be sent: `message_id` is unique, and the same at every try."""

    message_id: str
    account_id: str
    recipient: str
    subject: str
    text: str
    html: str


class Claimed(NamedTuple):
    """A letter somebody is about to send; `attempts` counts this try too."""

    id: int
    attempts: int
    letter: Letter


class Unsent(NamedTuple):
    """A letter that was not delivered so far; `dead` ones are no longer tried."""

    message_id: str
    account_id: str
    recipient: str
    subject: str
    attempts: int
    last_error: str
    dead: bool


def put(tx: Transaction, letter: Letter) -> None:
    """Ask for a letter to be mailed; the schema refuses a second one of the same id."""
    tx.execute(insert(outbox).values(**letter._asdict(), attempts=0, retry_at_ms=0, last_error=""))


def set_mailing(tx: Transaction, *, mailing: bool) -> None:
    """Record whether the deployment has a mail server: a fact of the server, which the operator's tools then need not be told."""
    if not tx.execute(update(mail_route).where(mail_route.c.id == 1).values(configured=mailing)).rowcount:
        tx.execute(insert(mail_route).values(id=1, configured=mailing))


def is_mailing(tx: Transaction) -> bool:
    """Whether the deployment has a mail server, as its server last said when it started."""
    return bool(tx.execute(select(mail_route.c.configured)).scalar_one_or_none())


def waiting(tx: Transaction, wall: datetime) -> bool:
    """Whether a letter may be claimed at `wall`."""
    return tx.execute(select(outbox.c.id).where(*_OPEN, outbox.c.retry_at_ms <= to_ms(wall)).limit(1)).first() is not None


def claim(tx: Transaction, wall: datetime, lease: timedelta, limit: int) -> list[Claimed]:
    """Take up to `limit` letters, oldest first: nobody else gets them before `wall` plus `lease`."""
    statement = (
        select(outbox)
        .where(*_OPEN, outbox.c.retry_at_ms <= to_ms(wall))
        .order_by(outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = [Claimed(row.id, row.attempts + 1, _letter(row)) for row in tx.execute(statement).all()]
    for each in claimed:
        tx.execute(update(outbox).where(outbox.c.id == each.id).values(attempts=each.attempts, retry_at_ms=to_ms(wall + lease)))
    return claimed


def sent(tx: Transaction, claimed: Claimed, wall: datetime) -> None:
    """Record that the mail server took the letter."""
    tx.execute(update(outbox).where(outbox.c.id == claimed.id).values(sent_at_ms=to_ms(wall), last_error=""))


def failed(tx: Transaction, claimed: Claimed, retry_at: datetime, error: str) -> None:
    """Record a try in vain; the next is not before `retry_at`. Nothing if somebody claimed the letter meanwhile."""
    tx.execute(_still(claimed).values(retry_at_ms=to_ms(retry_at), last_error=error[:1000]))


def give_up(tx: Transaction, claimed: Claimed, wall: datetime, error: str) -> None:
    """Record the last try in vain: the letter is dead. Nothing if somebody claimed it meanwhile."""
    tx.execute(_still(claimed).values(dead_at_ms=to_ms(wall), last_error=error[:1000]))


def unsent(tx: Transaction, limit: int) -> list[Unsent]:
    """Give the letters not delivered, oldest first, dead ones too."""
    statement = select(outbox).where(outbox.c.sent_at_ms.is_(None)).order_by(outbox.c.id).limit(limit)
    return [
        Unsent(
            row.message_id,
            row.account_id,
            row.recipient,
            row.subject,
            row.attempts,
            row.last_error,
            row.dead_at_ms is not None,
        )
        for row in tx.execute(statement)
    ]


def counts(tx: Transaction) -> tuple[int, int]:
    """Count the letters waiting and the dead ones."""
    dead = func.count(outbox.c.dead_at_ms)
    statement = select(func.count().label("open"), dead.label("dead")).select_from(outbox).where(outbox.c.sent_at_ms.is_(None))
    row = tx.execute(statement).one()
    return row.open - row.dead, row.dead


def revive(tx: Transaction) -> int:
    """Have every dead letter tried again from the start; gives how many."""
    again = {"dead_at_ms": None, "attempts": 0, "retry_at_ms": 0}
    return tx.execute(update(outbox).where(outbox.c.dead_at_ms.is_not(None)).values(**again)).rowcount


def forget_dead(tx: Transaction) -> int:
    """Throw the dead letters away (what they told stays in the message centre); gives how many."""
    return tx.execute(delete(outbox).where(outbox.c.dead_at_ms.is_not(None))).rowcount


def forget_sent(tx: Transaction, before: datetime) -> None:
    """Throw away what was sent before `before` (wall time)."""
    tx.execute(delete(outbox).where(outbox.c.sent_at_ms < to_ms(before)))


def _still(claimed: Claimed) -> Any:  # noqa: ANN401 - SQLAlchemy's Update
    return update(outbox).where(outbox.c.id == claimed.id, outbox.c.attempts == claimed.attempts, *_OPEN)


def _letter(row: Row[Any]) -> Letter:
    return Letter(row.message_id, row.account_id, row.recipient, row.subject, row.text, row.html)
