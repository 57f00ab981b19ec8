"""The arithmetic of the ledger: which postings a movement makes, and what must be true of them."""

from __future__ import annotations

from collections.abc import Mapping

from keystead.ledger.faults import BalanceTooLow, CreditInvalid, LedgerBroken
from keystead.ledger.model import Book, Draft, Entry, EntryKind, Head, Posting
from keystead.money import Money

_SIDES = {
    EntryKind.CREDIT: ((Book.CASH, 1), (Book.FUNDING, -1)),
    EntryKind.CHARGE: ((Book.CASH, -1), (Book.REVENUE, 1)),
    EntryKind.REFUND: ((Book.CASH, 1), (Book.REVENUE, -1)),
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
    """Raise BalanceTooLow unless `held` reaches `needed`; the whole balance may be spent."""
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


def chain_problem(postings: list[Posting]) -> str:
    """Say what is wrong with one book's postings, given in order of seq: a gap, or a running balance that is not the sum."""
    head = Head()
    for posting in postings:
        if posting.seq != head.seq + 1:
            return f"posting {posting.seq} follows {head.seq}"
        if posting.balance_minor != head.balance_minor + posting.amount_minor:
            return f"the balance after posting {posting.seq} is {posting.balance_minor}, not the sum of its amounts"
        if posting.book is Book.CASH and posting.balance_minor < 0:
            return f"the balance after posting {posting.seq} is below zero"
        head = Head(posting.seq, posting.balance_minor)
    return ""
