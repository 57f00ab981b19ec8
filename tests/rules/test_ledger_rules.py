"""The arithmetic of the ledger."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.ledger import rules
from keystead.ledger.faults import BalanceTooLow, CreditInvalid, LedgerBroken
from keystead.ledger.model import Book, Draft, Entry, EntryKind, Head, Posting
from keystead.money import Money

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def usd(minor: int) -> Money:
    """An amount in cents."""
    return Money(minor, "USD")


def test_a_charge_takes_from_cash_what_it_gives_to_revenue() -> None:
    """USD 500.00 charged: cash -50,000 cents, revenue +50,000 cents."""
    assert rules.postings_for(EntryKind.CHARGE, usd(50_000)) == (Draft(Book.CASH, -50_000), Draft(Book.REVENUE, 50_000))


def test_a_credit_takes_from_funding_what_it_gives_to_cash() -> None:
    """USD 1,000.00 credited: cash +100,000 cents, funding -100,000 cents."""
    assert rules.postings_for(EntryKind.CREDIT, usd(100_000)) == (Draft(Book.CASH, 100_000), Draft(Book.FUNDING, -100_000))


def test_a_negative_movement_is_never_built() -> None:
    """A charge of a negative amount would be a gift; it stops the work."""
    with pytest.raises(LedgerBroken):
        rules.postings_for(EntryKind.CHARGE, usd(-1))


@given(st.lists(st.tuples(st.sampled_from(EntryKind), st.integers(0, 10**12)), max_size=40))
def test_any_sequence_of_movements_leaves_provable_books(movements: list[tuple[EntryKind, int]]) -> None:
    """Whatever is moved: each book's chain is unbroken, its end is the sum of its amounts, and all ends sum to zero."""
    heads: dict[Book, Head] = {}
    books: dict[Book, list[Posting]] = {}
    for kind, minor in movements:
        for posting in rules.appended(rules.postings_for(kind, usd(minor)), heads):
            heads[posting.book] = Head(posting.seq, posting.balance_minor)
            books.setdefault(posting.book, []).append(posting)
    assert sum(head.balance_minor for head in heads.values()) == 0
    for book, postings in books.items():
        assert heads[book].balance_minor == sum(posting.amount_minor for posting in postings)
        if book not in {Book.CASH, Book.COUPON}:  # these may run below zero here: nothing asked what is left
            assert rules.chain_problem(postings) == ""


@pytest.mark.parametrize(("held", "fits"), [(50_001, True), (50_000, True), (49_999, False), (0, False), (-1, False)])
def test_the_whole_balance_may_be_spent_and_not_a_cent_more(held: int, *, fits: bool) -> None:
    """USD 500.00 needs a balance of 500.00; 499.99 is refused with both amounts told."""
    if fits:
        rules.affordable(usd(50_000), usd(held))
        return
    with pytest.raises(BalanceTooLow) as caught:
        rules.affordable(usd(50_000), usd(held))
    assert (caught.value.needed, caught.value.held) == (usd(50_000), usd(held))


def test_the_refusal_tells_both_amounts() -> None:
    """Somebody reading it knows how much to add."""
    assert "500.00" in BalanceTooLow(usd(50_000), usd(49_999)).sentence
    assert "499.99" in BalanceTooLow(usd(50_000), usd(49_999)).sentence


@pytest.mark.parametrize("amount", [usd(0), usd(-100), Money(100, "CNY")])
def test_only_money_of_the_ledger_above_zero_is_credited(amount: Money) -> None:
    """Zero, a negative amount and a foreign currency are refused."""
    with pytest.raises(CreditInvalid):
        rules.creditable(amount, "USD")


def entry(*postings: Posting) -> Entry:
    """A charge of one dollar with these sides."""
    return Entry("1", "1234567890123456", EntryKind.CHARGE, usd(100), NOW, order_id="1", postings=postings)


@pytest.mark.parametrize(
    "postings",
    [
        (),
        (Posting(Book.CASH, 1, -100, -100),),
        (Posting(Book.CASH, 1, -100, -100), Posting(Book.REVENUE, 1, 99, 99)),
        (Posting(Book.CASH, 1, 100, 100), Posting(Book.REVENUE, 1, -100, -100)),
        (Posting(Book.FUNDING, 1, -100, -100), Posting(Book.REVENUE, 1, 100, 100)),
        (Posting(Book.CASH, 1, -50, -50), Posting(Book.CASH, 2, -50, -100), Posting(Book.REVENUE, 1, 100, 100)),
    ],
)
def test_a_loaded_transaction_that_is_not_its_kind_and_amount_stops_the_work(postings: tuple[Posting, ...]) -> None:
    """Missing, unequal, reversed, misplaced or split sides are all found."""
    with pytest.raises(LedgerBroken):
        rules.proved(entry(*postings))


def test_a_sound_transaction_is_given_back() -> None:
    """The proof changes nothing."""
    sound = entry(Posting(Book.CASH, 7, -100, 0), Posting(Book.REVENUE, 3, 100, 300))
    assert rules.proved(sound) is sound


@pytest.mark.parametrize(
    ("postings", "word"),
    [
        ([Posting(Book.CASH, 2, 5, 5)], "follows"),
        ([Posting(Book.CASH, 1, 5, 5), Posting(Book.CASH, 3, 5, 10)], "follows"),
        ([Posting(Book.CASH, 1, 5, 6)], "not the sum"),
        ([Posting(Book.CASH, 1, 5, 5), Posting(Book.CASH, 2, -6, -1)], "below zero"),
    ],
)
def test_a_broken_chain_is_named(postings: list[Posting], word: str) -> None:
    """A gap, a wrong running balance and an overdrawn balance are found."""
    assert word in rules.chain_problem(postings)
