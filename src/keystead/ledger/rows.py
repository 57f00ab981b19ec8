"""The tables of the ledger, and every statement on them. There is no update and no delete here, and none may be added."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    func,
    insert,
    not_,
    select,
)

from keystead.clock import from_ms, to_ms
from keystead.ledger.model import Book, CreditLimit, Entry, EntryKind, Head, Movement, Posting, Statement
from keystead.ledger.rules import proved
from keystead.money import Money
from keystead.store import Transaction, metadata

ledger_transaction = Table(
    "ledger_transaction",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("number", String(32), nullable=False),
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("order_id", String(32), nullable=True),
    Column("memo", Text, nullable=False),
    Column("idempotency_key", String(128), nullable=True),
    Column("at_ms", BigInteger, nullable=False),
    UniqueConstraint("number"),
    UniqueConstraint("order_id", "kind"),
    UniqueConstraint("account_id", "idempotency_key"),
    Index("ix_ledger_transaction_account_id_at_ms", "account_id", "at_ms"),
)
ledger_posting = Table(
    "ledger_posting",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("transaction_number", String(32), ForeignKey("ledger_transaction.number"), nullable=False, index=True),
    Column("account_id", String(16), nullable=False),
    Column("book", String(16), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    UniqueConstraint("account_id", "book", "seq"),
)
credit_limit = Table(
    "credit_limit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("number", String(32), nullable=False, unique=True),
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("limit_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("after_seq", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("memo", Text, nullable=False),
    UniqueConstraint("account_id", "seq"),
)


def head_of(tx: Transaction, account_id: str, book: Book) -> Head:
    """Give the end of one book of an account."""
    statement = (
        select(ledger_posting.c.seq, ledger_posting.c.balance_minor)
        .where(ledger_posting.c.account_id == account_id, ledger_posting.c.book == book.value)
        .order_by(ledger_posting.c.seq.desc())
        .limit(1)
    )
    row = tx.execute(statement).one_or_none()
    return Head() if row is None else Head(row.seq, row.balance_minor)


def append(tx: Transaction, entry: Entry) -> None:
    """Write a transaction and its postings; the schema refuses a second one for the same order and kind, key or seq."""
    tx.execute(
        insert(ledger_transaction).values(
            number=entry.number,
            account_id=entry.account_id,
            kind=entry.kind.value,
            amount_minor=entry.amount.minor,
            currency=entry.amount.currency,
            order_id=entry.order_id or None,
            memo=entry.memo,
            idempotency_key=entry.idempotency_key or None,
            at_ms=to_ms(entry.at),
        )
    )
    tx.execute(
        insert(ledger_posting),
        [
            {
                "transaction_number": entry.number,
                "account_id": entry.account_id,
                "book": posting.book.value,
                "seq": posting.seq,
                "amount_minor": posting.amount_minor,
                "balance_minor": posting.balance_minor,
            }
            for posting in entry.postings
        ],
    )


def by_key(tx: Transaction, account_id: str, idempotency_key: str) -> Entry | None:
    """Give the account's transaction made under this idempotency key."""
    statement = select(ledger_transaction).where(
        ledger_transaction.c.account_id == account_id, ledger_transaction.c.idempotency_key == idempotency_key
    )
    row = tx.execute(statement).one_or_none()
    return None if row is None else proved(_entry(row, _postings(tx, row.number)))


def account_of(tx: Transaction, number: str) -> str:
    """Give the account of a transaction or credit limit; LookupError if there is none of this number."""
    found = None
    for table in (ledger_transaction, credit_limit):
        found = found or tx.execute(select(table.c.account_id).where(table.c.number == number)).scalar_one_or_none()
    if found is None:
        message = f"there is no ledger transaction {number}"
        raise LookupError(message)
    return str(found)


def charged_minor(tx: Transaction, order_id: str) -> int:
    """Give what was charged for an order, in minor units; 0 if nothing was."""
    statement = select(ledger_transaction.c.amount_minor).where(
        ledger_transaction.c.order_id == order_id, ledger_transaction.c.kind == EntryKind.CHARGE.value
    )
    return int(tx.execute(statement).scalar_one_or_none() or 0)


def last_change(tx: Transaction, account_id: str) -> int:
    """Give the seq of the account's newest cash posting that is not zero; 0 if there is none."""
    statement = select(func.coalesce(func.max(ledger_posting.c.seq), 0)).where(
        ledger_posting.c.account_id == account_id,
        ledger_posting.c.book == Book.CASH.value,
        ledger_posting.c.amount_minor != 0,
    )
    return int(tx.execute(statement).scalar_one())


def add_limit(tx: Transaction, limit: CreditLimit) -> None:
    """Write a credit limit that holds from now on; the schema refuses a second one of the same seq."""
    tx.execute(
        insert(credit_limit).values(
            number=limit.number,
            account_id=limit.account_id,
            seq=limit.seq,
            limit_minor=limit.limit.minor,
            currency=limit.limit.currency,
            after_seq=limit.after_seq,
            at_ms=to_ms(limit.at),
            memo=limit.memo,
        )
    )


def newest_limit(tx: Transaction, account_id: str) -> CreditLimit | None:
    """Give the credit limit that holds; None if none was ever set."""
    statement = select(credit_limit).where(credit_limit.c.account_id == account_id).order_by(credit_limit.c.seq.desc()).limit(1)
    row = tx.execute(statement).one_or_none()
    return None if row is None else _limit(row)


def every_limit(tx: Transaction) -> dict[str, list[CreditLimit]]:
    """Give all credit limits of every account, in order of seq, for an audit."""
    found: dict[str, list[CreditLimit]] = {}
    for row in tx.execute(select(credit_limit).order_by(credit_limit.c.account_id, credit_limit.c.seq)):
        found.setdefault(row.account_id, []).append(_limit(row))
    return found


def of_account(tx: Transaction, account_id: str) -> list[Entry]:
    """Give an account's transactions, oldest first, each proved to balance."""
    statement = select(ledger_transaction).where(ledger_transaction.c.account_id == account_id).order_by(ledger_transaction.c.id)
    return [proved(_entry(row, _postings(tx, row.number))) for row in tx.execute(statement).all()]


def movements(
    tx: Transaction, account_id: str, asked: Statement, size: int, *, skip: int = 0, older_than: int | None = None
) -> list[Movement]:
    """Give up to `size` of an account's movements, newest first: all but `skip`, or those before position `older_than`."""
    statement = (
        select(ledger_transaction, ledger_posting.c.balance_minor, ledger_posting.c.amount_minor.label("change_minor"))
        .join(ledger_posting, ledger_posting.c.transaction_number == ledger_transaction.c.number)
        .where(_asked_for(account_id, asked))
        .order_by(ledger_transaction.c.id.desc())
        .limit(size)
        .offset(skip)
    )
    if older_than is not None:
        statement = statement.where(ledger_transaction.c.id < older_than)
    return [_movement(row) for row in tx.execute(statement)]


def count_movements(tx: Transaction, account_id: str, asked: Statement) -> int:
    """Count the movements that `movements` would give in all."""
    statement = (
        select(func.count())
        .select_from(ledger_transaction)
        .join(ledger_posting, ledger_posting.c.transaction_number == ledger_transaction.c.number)
        .where(_asked_for(account_id, asked))
    )
    return int(tx.execute(statement).scalar_one())


def of_orders(tx: Transaction, account_id: str, since: datetime, before: datetime) -> list[Entry]:
    """Give the account's transactions from `since` up to, and not at, `before` of orders' cash, no postings."""
    statement = select(ledger_transaction).where(
        ledger_transaction.c.account_id == account_id,
        ledger_transaction.c.at_ms >= to_ms(since),
        ledger_transaction.c.at_ms < to_ms(before),
        ledger_transaction.c.kind.in_([EntryKind.CHARGE.value, EntryKind.REFUND.value]),
    )
    return [_entry(row, ()) for row in tx.execute(statement)]


def every_entry(tx: Transaction) -> Iterator[Entry]:
    """Give all transactions of the deployment as stored, unproved, for an audit."""
    joined = select(ledger_transaction, ledger_posting.c.book, ledger_posting.c.seq, ledger_posting.c.balance_minor).add_columns(
        ledger_posting.c.amount_minor.label("posted_minor")
    )
    joined = joined.outerjoin(ledger_posting, ledger_posting.c.transaction_number == ledger_transaction.c.number)
    rows = tx.execute(joined.order_by(ledger_transaction.c.id, ledger_posting.c.id))
    for _, group in groupby(rows, key=lambda row: row.number):
        members = list(group)
        sides = tuple(
            Posting(Book(row.book), row.seq, row.posted_minor, row.balance_minor) for row in members if row.book is not None
        )
        yield _entry(members[0], sides)


def every_chain(tx: Transaction) -> Iterator[tuple[str, Book, list[Posting]]]:
    """Give each book of each account with all its postings in order of seq, for an audit."""
    rows = tx.execute(select(ledger_posting).order_by(ledger_posting.c.account_id, ledger_posting.c.book, ledger_posting.c.seq))
    for (account_id, book), group in groupby(rows, key=lambda row: (row.account_id, row.book)):
        yield account_id, Book(book), [_posting(row) for row in group]


def strays(tx: Transaction) -> list[str]:
    """Give the numbers of postings that belong to no transaction, or to another account's."""
    statement = (
        select(ledger_posting.c.transaction_number)
        .outerjoin(
            ledger_transaction,
            and_(
                ledger_transaction.c.number == ledger_posting.c.transaction_number,
                ledger_transaction.c.account_id == ledger_posting.c.account_id,
            ),
        )
        .where(ledger_transaction.c.id.is_(None))
        .distinct()
    )
    return list(tx.execute(statement).scalars())


def total(tx: Transaction, book: Book) -> int:
    """Give the sum of all postings of a book over every customer, in minor units."""
    statement = select(func.coalesce(func.sum(ledger_posting.c.amount_minor), 0)).where(ledger_posting.c.book == book.value)
    return int(tx.execute(statement).scalar_one())


def _asked_for(account_id: str, asked: Statement) -> ColumnElement[bool]:
    conditions = [
        ledger_transaction.c.account_id == account_id,
        ledger_transaction.c.at_ms >= to_ms(asked.since),
        ledger_transaction.c.at_ms < to_ms(asked.before),
        ledger_transaction.c.kind.in_(sorted(kind.value for kind in asked.kinds)),
        ledger_posting.c.account_id == account_id,
        ledger_posting.c.book == Book.CASH.value,
    ]
    if asked.incoming is not None:
        spent = ledger_transaction.c.kind == EntryKind.CHARGE.value  # also an order that cost nothing
        conditions.append(not_(spent) if asked.incoming else spent)
    for column, wanted in (("order_id", asked.order_id), ("number", asked.number), ("idempotency_key", asked.reference)):
        if wanted:
            conditions.append(ledger_transaction.c[column] == wanted)
    return and_(*conditions)


def _movement(row: Row[Any]) -> Movement:
    return Movement(
        position=row.id,
        number=row.number,
        kind=EntryKind(row.kind),
        at=from_ms(row.at_ms),
        change=Money(row.change_minor, row.currency),
        balance=Money(row.balance_minor, row.currency),
        order_id=row.order_id or "",
        memo=row.memo,
        reference=row.idempotency_key or "",
    )


def totals(tx: Transaction, account_id: str) -> dict[Book, int]:
    """Give the sum of all postings of each of an account's books, in minor units; books without any are left out."""
    statement = (
        select(ledger_posting.c.book, func.sum(ledger_posting.c.amount_minor).label("total_minor"))
        .where(ledger_posting.c.account_id == account_id)
        .group_by(ledger_posting.c.book)
    )
    return {Book(row.book): int(row.total_minor) for row in tx.execute(statement)}


def _postings(tx: Transaction, number: str) -> tuple[Posting, ...]:
    statement = select(ledger_posting).where(ledger_posting.c.transaction_number == number).order_by(ledger_posting.c.id)
    return tuple(_posting(row) for row in tx.execute(statement))


def _limit(row: Row[Any]) -> CreditLimit:
    limit = Money(row.limit_minor, row.currency)
    return CreditLimit(row.account_id, row.number, row.seq, limit, row.after_seq, from_ms(row.at_ms), row.memo)


def _posting(row: Row[Any]) -> Posting:
    return Posting(Book(row.book), row.seq, row.amount_minor, row.balance_minor)


def _entry(row: Row[Any], postings: tuple[Posting, ...]) -> Entry:
    return Entry(
        number=row.number,
        account_id=row.account_id,
        kind=EntryKind(row.kind),
        amount=Money(row.amount_minor, row.currency),
        order_id=row.order_id or "",
        memo=row.memo,
        idempotency_key=row.idempotency_key or "",
        at=from_ms(row.at_ms),
        postings=postings,
    )
