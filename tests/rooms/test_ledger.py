"""The ledger on both databases: what it holds, what it refuses, and what an audit finds."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from keystead.access import commands as access
from keystead.access.rows import lock_account
from keystead.ledger import commands as ledger
from keystead.ledger import rows
from keystead.ledger.faults import BalanceTooLow, CreditInvalid, CreditKeyReused, LedgerBroken
from keystead.ledger.model import Book, EntryKind
from keystead.money import Money
from keystead.store import Store, open_store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def usd(minor: int) -> Money:
    """An amount in cents."""
    return Money(minor, "USD")


@dataclass
class Room:
    """A store with one account."""

    store: Store
    account_id: str

    def credit(self, minor: int, key: str = "k1", memo: str = "") -> None:
        """Credit some cents."""
        with self.store.write() as tx:
            lock_account(tx, self.account_id)
            ledger.credit(tx, NOW, self.account_id, usd(minor), key, memo)

    def charge(self, minor: int, order_id: str) -> None:
        """Charge some cents."""
        with self.store.write() as tx:
            lock_account(tx, self.account_id)
            ledger.charge(tx, NOW, self.account_id, order_id, usd(minor))

    @property
    def balance(self) -> int:
        """The balance in cents."""
        with self.store.read() as tx:
            return ledger.balance(tx, self.account_id).minor

    def spoil(self, statement: str) -> None:
        """Change rows behind the ledger's back, as nothing in the program can."""
        with self.store.write() as tx:
            tx.execute(text(statement))

    @property
    def findings(self) -> list[str]:
        """What an audit says."""
        with self.store.read() as tx:
            return [finding.problem for finding in ledger.audit(tx)]


@pytest.fixture
def room(database_url: str) -> Iterator[Room]:
    """A room on each database."""
    store = open_store(database_url)
    with store.write() as tx:
        account_id = access.create_account(tx, NOW, "tenant").account_id
    yield Room(store, account_id)
    store.close()


def test_an_account_begins_with_nothing(room: Room) -> None:
    """No rows, no money, and books that hold."""
    assert room.balance == 0
    assert room.findings == []


def test_a_credit_and_a_charge_leave_the_difference(room: Room) -> None:
    """10,000.00 in, 500.00 out: 9,500.00 held, revenue 500.00, funding -10,000.00; the history shows the running balances."""
    room.credit(1_000_000)
    room.charge(50_000, "100000000000001")
    assert room.balance == 950_000
    with room.store.read() as tx:
        assert [rows.total(tx, book) for book in (Book.CASH, Book.FUNDING, Book.REVENUE)] == [950_000, -1_000_000, 50_000]
        first, second = ledger.history(tx, room.account_id)
    assert (first.kind, second.kind) == (EntryKind.CREDIT, EntryKind.CHARGE)
    assert [posting.balance_minor for posting in first.postings] == [1_000_000, -1_000_000]
    assert [posting.balance_minor for posting in second.postings] == [950_000, 50_000]
    assert [posting.seq for posting in second.postings] == [2, 1]
    assert room.findings == []


def test_the_same_credit_twice_is_one_credit(room: Room) -> None:
    """The key decides: a replay adds nothing, another amount under the same key is refused, another key adds."""
    room.credit(10_000, "key")
    room.credit(10_000, "key")
    assert room.balance == 10_000
    with pytest.raises(CreditKeyReused):
        room.credit(20_000, "key")
    room.credit(10_000, "other")
    assert room.balance == 20_000


@pytest.mark.parametrize("minor", [0, -1])
def test_nothing_and_less_than_nothing_cannot_be_credited(room: Room, minor: int) -> None:
    """A credit of zero or below is refused and leaves no row."""
    with pytest.raises(CreditInvalid):
        room.credit(minor)
    assert room.findings == []


def test_an_unaffordable_charge_leaves_nothing(room: Room) -> None:
    """One cent too little: refused with both amounts, and the books are as before."""
    room.credit(49_999)
    with pytest.raises(BalanceTooLow) as caught:
        room.charge(50_000, "100000000000001")
    assert (caught.value.needed, caught.value.held) == (usd(50_000), usd(49_999))
    with room.store.read() as tx:
        assert len(ledger.history(tx, room.account_id)) == 1
        assert ledger.charges(tx) == []


def test_an_order_cannot_be_charged_twice(room: Room) -> None:
    """Not by care but by the schema: the second charge of an order breaks a uniqueness rule, and nothing of it is kept."""
    room.credit(100_000)
    room.charge(10_000, "100000000000001")
    with pytest.raises(IntegrityError):
        room.charge(10_000, "100000000000001")
    assert room.balance == 90_000
    assert room.findings == []


def test_a_sequence_number_cannot_be_taken_twice(room: Room) -> None:
    """Two writers who both saw the same end of a book cannot both follow it, even if neither held the account's lock."""
    room.credit(100)
    with pytest.raises(IntegrityError):
        room.spoil(
            "INSERT INTO ledger_posting (transaction_number, account_id, book, seq, amount_minor, balance_minor)"
            " SELECT transaction_number, account_id, book, seq, amount_minor, balance_minor FROM ledger_posting"
        )


def test_two_threads_cannot_both_spend_the_last_money(room: Room) -> None:
    """500.00 held, two orders of 500.00 at the same moment, many times over: one is paid, the other refused."""
    for number in range(10):
        room.credit(50_000, f"round {number}")
        gate = threading.Barrier(2)
        outcomes: list[str] = []

        def spend(order_id: str, gate: threading.Barrier = gate, outcomes: list[str] = outcomes) -> None:
            gate.wait()
            try:
                room.charge(50_000, order_id)
            except BalanceTooLow:
                outcomes.append("refused")
            else:
                outcomes.append("paid")

        threads = [threading.Thread(target=spend, args=(f"1000000000000{number}{half}",)) for half in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["paid", "refused"]
        assert room.balance == 0
    assert room.findings == []


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 100_000)), max_size=12))
def test_whatever_happens_the_books_can_be_proved(room: Room, moves: list[tuple[bool, int]]) -> None:
    """The balance is what was credited less what was charged, never below zero, and the audit finds nothing."""
    held = room.balance
    for is_credit, minor in moves:
        with room.store.read() as tx:
            nth = len(ledger.history(tx, room.account_id))
        if is_credit:
            room.credit(minor, f"move {nth}")
            held += minor
        elif minor <= held:
            room.charge(minor, f"{nth:015d}")
            held -= minor
        else:
            with pytest.raises(BalanceTooLow):
                room.charge(minor, f"{nth:015d}")
    assert room.balance == held >= 0
    assert room.findings == []


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE ledger_posting SET amount_minor = amount_minor + 1 WHERE book = 'revenue'", "sum to zero"),
        ("UPDATE ledger_posting SET amount_minor = -amount_minor", "not those"),
        ("UPDATE ledger_posting SET balance_minor = balance_minor + 1 WHERE book = 'cash' AND seq = 1", "not the sum"),
        ("DELETE FROM ledger_posting WHERE book = 'revenue'", "sum to zero"),
        ("UPDATE ledger_posting SET seq = 9 WHERE book = 'cash' AND seq = 2", "follows"),
        ("UPDATE ledger_transaction SET amount_minor = 1 WHERE kind = 'charge'", "not those"),
        ("UPDATE ledger_posting SET account_id = 'x' WHERE book = 'revenue'", "belongs to no transaction"),
    ],
)
def test_an_audit_finds_what_somebody_changed_by_hand(room: Room, statement: str, word: str) -> None:
    """A changed amount, a changed balance, a lost side, a gap, a changed total, a side moved to another account."""
    room.credit(100_000)
    room.charge(40_000, "100000000000001")
    assert room.findings == []
    room.spoil(statement)
    assert any(word in problem for problem in room.findings)


def test_a_transaction_changed_by_hand_stops_who_reads_it(room: Room) -> None:
    """Books that do not add up are no history."""
    room.credit(100_000)
    room.spoil("UPDATE ledger_transaction SET amount_minor = 1")
    with room.store.read() as tx, pytest.raises(LedgerBroken):
        ledger.history(tx, room.account_id)


def test_no_statement_of_the_ledger_changes_or_removes_a_row() -> None:
    """Append only: the module that owns the tables does not even import update or delete."""
    assert not hasattr(rows, "update")
    assert not hasattr(rows, "delete")
