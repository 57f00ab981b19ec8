"""The arithmetic of the ledger: which postings a movement makes, and what must be true of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keystead.ledger.faults import BalanceTooLow, CreditInvalid, LedgerBroken
from keystead.ledger.model import Book, CreditLimit, Draft, Entry, EntryKind, Head, Posting
from keystead.money import Money

_SIDES = {
    EntryKind.CREDIT: ((Book.CASH, 1), (Book.FUNDING, -1)),
    EntryKind.PAYMENT: ((Book.CASH, 1), (Book.FUNDING, -1)),
    EntryKind.CHARGE: ((Book.CASH, -1), (Book.REVENUE, 1)),
    EntryKind.REFUND: ((Book.CASH, 1), (Book.REVENUE, -1)),
    EntryKind.COUPON_GRANT: ((Book.COUPON, 1), (Book.PROMOTION, -1)),
    EntryKind.COUPON_USE: ((Book.COUPON, -1), (Book.REVENUE, 1)),
    EntryKind.COUPON_VOID: ((Book.COUPON, -1), (Book.PROMOTION, 1)),
}


def postings_for(kind: EntryKind, amount: Money) -> tuple[Draft, ...]:
    """Give the two sides of a movement of `amount` (not negative); they sum to zero."""
    drafts = tuple(Draft(book, sign * amount.minor) for book, sign in _SIDES[kind])
    if sum(draft.amount_minor for draft in drafts) != 0 or amount.minor < 0:
        message = f"{kind} of {amount.minor} does not balance"
        raise LedgerBroken(message)
    return drafts


def appended(drafts: tuple[Draft, ...], heads: Mapping[Book, Head]) -> tuple[Posting, ...]:
    """Give the drafts as postings that follow each book's head; a book without one starts at zero."""
    postings = []
    for draft in drafts:
        head = heads.get(draft.book, Head())
        postings.append(Posting(draft.book, head.seq + 1, draft.amount_minor, head.balance_minor + draft.amount_minor))
    return tuple(postings)


def affordable(needed: Money, held: Money) -> None:
    """Raise BalanceTooLow unless `held`, cash and credit limit together, reaches `needed`; all of it may be spent."""
    if needed.currency != held.currency:
        message = f"an order in {needed.currency} against a balance in {held.currency}"
        raise LedgerBroken(message)
    if held.minor < needed.minor:
        raise BalanceTooLow(needed, held)


def creditable(amount: Money, currency: str) -> None:
    """Raise CreditInvalid unless the amount is above zero and in the ledger's currency."""
    if amount.minor <= 0:
        reason = "the amount must be above zero"
        raise CreditInvalid(reason)
    if amount.currency != currency:
        reason = f"the account is kept in {currency}, not {amount.currency}"
        raise CreditInvalid(reason)


def limitable(limit: Money, currency: str) -> None:
    """Raise CreditInvalid unless the limit is not below zero and in the ledger's currency."""
    if limit.minor < 0:
        reason = "a credit limit is not below zero"
        raise CreditInvalid(reason)
    if limit.currency != currency:
        reason = f"the account is kept in {currency}, not {limit.currency}"
        raise CreditInvalid(reason)


def moves_cash(drafts: Sequence[Draft]) -> bool:
    """Whether a movement changes what the account can spend as money; an order that cost no cash does not."""
    return any(draft.book is Book.CASH and draft.amount_minor for draft in drafts)


def limit_at(limits: Sequence[CreditLimit], seq: int) -> int:
    """Give the credit limit in minor units that held when cash posting `seq` was made; `limits` in order of seq."""
    return next((each.limit.minor for each in reversed(limits) if each.after_seq < seq), 0)


def proved(entry: Entry) -> Entry:
    """Give a loaded entry back, or raise LedgerBroken: its postings must sum to zero and move its amount."""
    problem = problem_of(entry)
    if problem:
        message = f"ledger transaction {entry.number}: {problem}"
        raise LedgerBroken(message)
    return entry


def problem_of(entry: Entry) -> str:
    """Say what is wrong with an entry in itself; empty if nothing is."""
    if sum(posting.amount_minor for posting in entry.postings) != 0:
        return "its postings do not sum to zero"
    expected = {draft.book: draft.amount_minor for draft in postings_for(entry.kind, entry.amount)}
    found = {posting.book: posting.amount_minor for posting in entry.postings}
    if found != expected or len(entry.postings) != len(expected):
        return "its postings are not those of its kind and amount"
    return ""


def chain_problem(postings: Sequence[Posting], limits: Sequence[CreditLimit] = ()) -> str:
    """Say what is wrong with one book's postings, in order of seq: a gap, a running balance that is not the sum, an overdraft.

    `limits` are the account's credit limits, in order; a limit lowered below what is used already breaks nothing.
    """
    head = Head()
    for posting in postings:
        if posting.seq != head.seq + 1:
            return f"posting {posting.seq} follows {head.seq}"
        if posting.balance_minor != head.balance_minor + posting.amount_minor:
            return f"the balance after posting {posting.seq} is {posting.balance_minor}, not the sum of its amounts"
        spent = posting.amount_minor < 0
        if posting.book is Book.CASH and spent and posting.balance_minor < -limit_at(limits, posting.seq):
            return f"the balance after posting {posting.seq} is below zero by more than its credit limit"
        if posting.book is Book.COUPON and posting.balance_minor < 0:
            return f"the balance after posting {posting.seq} is below zero"
        head = Head(posting.seq, posting.balance_minor)
    return ""
