"""What is done with money: credited, charged, refunded, asked for, audited.

The writing verbs expect the account's row lock to be held (`access.rows.lock_account`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from keystead import ids
from keystead.clock import UNIX_EPOCH
from keystead.ledger import rows, rules
from keystead.ledger.faults import CreditKeyReused
from keystead.ledger.model import Book, CreditLimit, Entry, EntryKind, Finding, Movement, Statement
from keystead.money import Money
from keystead.store import Transaction
from keystead.store.jobs import enqueue

BALANCE_JOB: Final = "check_balance"
CURRENCY: Final = "USD"
"""The one currency of this deployment's books (the international site's price list; KMS billing page, read 2026-11-22)."""


def credit(tx: Transaction, now: datetime, account_id: str, amount: Money, key: str, memo: str = "") -> Entry:
    """Add money to an account once for each idempotency key; a replay gives the first transaction back.

    CreditInvalid for an amount not above zero or in another currency; CreditKeyReused for a key used for something else.
    """
    return _once(tx, Entry(ids.transaction_number(), account_id, EntryKind.CREDIT, amount, now, "", memo, key))


def pay_in(tx: Transaction, now: datetime, account_id: str, amount: Money, key: str, memo: str = "") -> Entry:
    """Add money that the customer paid through a payment provider; else as `credit`, whose faults it raises."""
    return _once(tx, Entry(ids.transaction_number(), account_id, EntryKind.PAYMENT, amount, now, "", memo, key))


def charge(tx: Transaction, now: datetime, account_id: str, order_id: str, amount: Money, memo: str = "") -> Entry:
    """Take what an order costs in cash from balance and credit limit.

    BalanceTooLow if they do not reach, and then nothing is written.
    """
    rules.affordable(amount, available(tx, account_id))
    return _post(tx, Entry(ids.transaction_number(), account_id, EntryKind.CHARGE, amount, now, order_id=order_id, memo=memo))


def refund(tx: Transaction, now: datetime, account_id: str, order_id: str, amount: Money) -> Entry:
    """Put what a refund order gives back into the balance; the schema refuses a second time for the same order."""
    return _post(tx, Entry(ids.transaction_number(), account_id, EntryKind.REFUND, amount, now, order_id=order_id))


def charged(tx: Transaction, order_id: str) -> Money:
    """Give the cash that was taken for an order; zero if none was."""
    return Money(rows.charged_minor(tx, order_id), CURRENCY)


def balance(tx: Transaction, account_id: str) -> Money:
    """Give what the account holds."""
    return Money(rows.head_of(tx, account_id, Book.CASH).balance_minor, CURRENCY)


def credit_limit(tx: Transaction, account_id: str) -> Money:
    """Give how far below zero the account's balance may go."""
    newest = rows.newest_limit(tx, account_id)
    return Money(0, CURRENCY) if newest is None else newest.limit


def available(tx: Transaction, account_id: str) -> Money:
    """Give what the account can spend: balance and credit limit, below zero if the limit was lowered too far. No coupons.

    Available credit as the billing docs define it (account balance pages, read 2026-11-22).
    """
    return balance(tx, account_id) + credit_limit(tx, account_id)


def set_credit_limit(tx: Transaction, now: datetime, account_id: str, limit: Money, memo: str = "") -> CreditLimit:
    """Let the balance go so far below zero from now on; the same limit again changes nothing. CreditInvalid below zero."""
    rules.limitable(limit, CURRENCY)
    newest = rows.newest_limit(tx, account_id)
    if newest is not None and newest.limit == limit:
        return newest
    seq = 1 if newest is None else newest.seq + 1
    head = rows.head_of(tx, account_id, Book.CASH)
    made = CreditLimit(account_id, ids.transaction_number(), seq, limit, head.seq, now, memo)
    rows.add_limit(tx, made)
    enqueue(tx, BALANCE_JOB, made.number, account_id, now)
    return made


def move_coupon(tx: Transaction, now: datetime, account_id: str, kind: EntryKind, amount: Money, order_id: str = "") -> Entry:
    """Grant, use or void the value of a coupon; of an order the schema lets one coupon pay. Only the coupons room calls this."""
    return _post(tx, Entry(ids.transaction_number(), account_id, kind, amount, now, order_id=order_id))


def payments(tx: Transaction) -> list[Entry]:
    """Give every payment of the deployment as stored, for an audit that knows the top-ups."""
    return [entry for entry in rows.every_entry(tx) if entry.kind is EntryKind.PAYMENT]


def coupon_entries(tx: Transaction) -> list[Entry]:
    """Give every movement of coupons of the deployment as stored, for an audit that knows the coupons."""
    kinds = {EntryKind.COUPON_GRANT, EntryKind.COUPON_USE, EntryKind.COUPON_VOID}
    return [entry for entry in rows.every_entry(tx) if entry.kind in kinds]


def account_of(tx: Transaction, number: str) -> str:
    """Give the account of a transaction or credit limit; LookupError if there is none of this number."""
    return rows.account_of(tx, number)


def changes(tx: Transaction, account_id: str) -> int:
    """Give a number that grows with each change of what the account can spend, and with nothing else."""
    newest = rows.newest_limit(tx, account_id)
    return rows.last_change(tx, account_id) + (0 if newest is None else newest.seq)


def history(tx: Transaction, account_id: str) -> list[Entry]:
    """Give the account's transactions, oldest first."""
    return rows.of_account(tx, account_id)


def statement(tx: Transaction, account_id: str, asked: Statement, first: int, size: int) -> tuple[list[Movement], int]:
    """Give `size` movements of the account, newest first and without the first `first`, and how many there are in all."""
    return rows.movements(tx, account_id, asked, size, skip=first), rows.count_movements(tx, account_id, asked)


def statement_after(
    tx: Transaction, account_id: str, asked: Statement, position: int | None, size: int
) -> tuple[list[Movement], int]:
    """Give the `size` movements, newest first, that are older than `position` (None: from the newest), and the count of all.

    What is added while somebody reads on shifts nothing.
    """
    return rows.movements(tx, account_id, asked, size, older_than=position), rows.count_movements(tx, account_id, asked)


def movements_between(tx: Transaction, account_id: str, since: datetime, before: datetime) -> list[Movement]:
    """Give all movements of the account from `since` up to, and not at, `before`, oldest first."""
    asked = Statement(since, before, frozenset(EntryKind))
    return rows.movements(tx, account_id, asked, rows.count_movements(tx, account_id, asked))[::-1]


def totals(tx: Transaction, account_id: str) -> dict[Book, int]:
    """Give the sum of each of an account's books from all their postings, in minor units, for an audit."""
    return dict.fromkeys(Book, 0) | rows.totals(tx, account_id)


def balance_at(tx: Transaction, account_id: str, at: datetime) -> Money:
    """Give what the account held just before `at`."""
    last = rows.movements(tx, account_id, Statement(UNIX_EPOCH, at, frozenset(EntryKind)), 1)
    return last[0].balance if last else Money(0, CURRENCY)


def of_orders(tx: Transaction, account_id: str, since: datetime, before: datetime) -> dict[str, Entry]:
    """Give the account's transactions of that span that an order made, by order: what was paid, or given back, for it."""
    return {entry.order_id: entry for entry in rows.of_orders(tx, account_id, since, before)}


def charges(tx: Transaction) -> list[Entry]:
    """Give every charge of the deployment as stored, for an audit that knows the orders."""
    return [entry for entry in rows.every_entry(tx) if entry.kind is EntryKind.CHARGE]


def refunds(tx: Transaction) -> list[Entry]:
    """Give every refund of the deployment as stored, for an audit that knows the orders."""
    return [entry for entry in rows.every_entry(tx) if entry.kind is EntryKind.REFUND]


def audit(tx: Transaction) -> list[Finding]:
    """Prove the books from the rows alone: every transaction balances, every chain is unbroken, the whole sums to zero.

    Whether charges and orders answer to each other is `orders.commands.audit`, which includes this.
    """
    found = [Finding(entry.number, problem) for entry in rows.every_entry(tx) if (problem := rules.problem_of(entry))]
    limits = rows.every_limit(tx)
    for account_id, book, postings in rows.every_chain(tx):
        problem = rules.chain_problem(postings, limits.get(account_id, []))
        if problem:
            found.append(Finding(f"{account_id}/{book.value}", problem))
    found.extend(Finding(number, "a posting belongs to no transaction of its account") for number in rows.strays(tx))
    if sum(rows.total(tx, book) for book in Book) != 0:
        found.append(Finding("ledger", "all postings together do not sum to zero"))
    return found


def _once(tx: Transaction, wanted: Entry) -> Entry:
    rules.creditable(wanted.amount, CURRENCY)
    earlier = rows.by_key(tx, wanted.account_id, wanted.idempotency_key)
    if earlier is None:
        return _post(tx, wanted)
    if (earlier.amount, earlier.kind) != (wanted.amount, wanted.kind):
        raise CreditKeyReused(wanted.idempotency_key)
    return earlier


def _post(tx: Transaction, draft: Entry) -> Entry:
    sides = rules.postings_for(draft.kind, draft.amount)
    heads = {side.book: rows.head_of(tx, draft.account_id, side.book) for side in sides}
    entry = rules.proved(msgspec.structs.replace(draft, postings=rules.appended(sides, heads)))
    rows.append(tx, entry)
    if rules.moves_cash(sides):
        enqueue(tx, BALANCE_JOB, entry.number, entry.account_id, entry.at)
    return entry
