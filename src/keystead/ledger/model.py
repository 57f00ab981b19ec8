"""Ledger transactions and their postings."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec

from keystead.money import Money


class Book(enum.StrEnum):
    """The five ledger accounts each customer has.

    Funding, revenue and promotion are kept per customer, not once for the deployment: a shared one would be a row that every
    purchase of every customer queues for. The deployment's revenue is the sum over customers.
    """

    CASH = "cash"
    """What the customer holds with us; below zero only as far as the credit limit of that moment allowed."""
    FUNDING = "funding"
    """Where credited money came from; its balance is minus what was ever credited."""
    REVENUE = "revenue"
    """What the customer has paid for orders, by cash and by coupons."""
    COUPON = "coupon"
    """What is left on the customer's coupons; never below zero, and no money: it is not paid out and does not come back."""
    PROMOTION = "promotion"
    """Where the value of coupons came from; its balance is minus what was granted and not taken back unused."""


class EntryKind(enum.StrEnum):
    """What a transaction is for."""

    CREDIT = "credit"
    """Added by the operator."""
    PAYMENT = "payment"
    """Paid in by the customer through a payment provider."""
    CHARGE = "charge"
    REFUND = "refund"
    COUPON_GRANT = "coupon_grant"
    COUPON_USE = "coupon_use"
    """The part of an order that a coupon paid; its CHARGE is the rest, perhaps nothing."""
    COUPON_VOID = "coupon_void"
    """What was left on a coupon that expired or was revoked."""


class Draft(msgspec.Struct, frozen=True):
    """One side of a transaction not yet written: signed minor units on a book."""

    book: Book
    amount_minor: int


class Head(msgspec.Struct, frozen=True):
    """The end of a book: the sequence number of its newest posting (0 if none) and the balance after it."""

    seq: int = 0
    balance_minor: int = 0


class Posting(msgspec.Struct, frozen=True):
    """One side of a written transaction; `seq` counts 1, 2, 3 … within the account's book."""

    book: Book
    seq: int
    amount_minor: int
    balance_minor: int


class Entry(msgspec.Struct, frozen=True):
    """A ledger transaction: `amount` is positive; the postings say which way it went. `at` is business time.

    `order_id` names the order of a charge, refund or use of a coupon and is empty for all else; `idempotency_key` is that of a
    credit or payment.
    """

    number: str
    account_id: str
    kind: EntryKind
    amount: Money
    at: datetime
    order_id: str = ""
    memo: str = ""
    idempotency_key: str = ""
    postings: tuple[Posting, ...] = ()


class CreditLimit(msgspec.Struct, frozen=True):
    """How far below zero an account's cash may go, from its cash posting `after_seq` + 1 on, until the next limit holds.

    `limit` is not negative; `seq` counts 1, 2, 3 … within the account; `number` is of the kind of a transaction's.
    """

    account_id: str
    number: str
    seq: int
    limit: Money
    after_seq: int
    at: datetime
    memo: str = ""


class Movement(msgspec.Struct, frozen=True):
    """A transaction as the account statement shows it: what it did to the cash book.

    `change` is signed, below zero for money that went out; `balance` is what was held after it. `position` grows with every
    transaction of the deployment and is what a reader goes on from.
    """

    position: int
    number: str
    kind: EntryKind
    at: datetime
    change: Money
    balance: Money
    order_id: str
    memo: str
    reference: str

    @property
    def incoming(self) -> bool:
        """Whether it brought money in; an order that cost nothing did not."""
        return self.kind is not EntryKind.CHARGE


class Statement(msgspec.Struct, frozen=True):
    """Which movements: from `since` up to, and not at, `before`; of these kinds; all else that is given must match.

    `incoming` tells money that came in from money that went out; `reference` is the idempotency key of a credit.
    """

    since: datetime
    before: datetime
    kinds: frozenset[EntryKind]
    incoming: bool | None = None
    order_id: str = ""
    number: str = ""
    reference: str = ""


class Finding(msgspec.Struct, frozen=True):
    """Something an audit found wrong; `subject` is the transaction, book, order or instance it is about."""

    subject: str
    problem: str
