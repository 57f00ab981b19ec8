"""Orders paid with coupons, on both databases; rows are those of the edge cases. Every shop's books hold at the end.

A software instance is 500.00 a month. Bought on 2026-01-01T00:00:00Z its term is 32 slots of 24 hours, 15.625 each.
"""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from keystead.coupons import commands as coupons
from keystead.coupons import rows as coupon_rows
from keystead.coupons.faults import CouponInvalid, CouponKeyReused, CouponNotFound
from keystead.coupons.model import MovementKind, Step
from keystead.faults import Fault
from keystead.instances.model import Renewal, RenewalStatus
from keystead.ledger import commands as ledger
from keystead.ledger.faults import BalanceTooLow
from keystead.ledger.model import EntryKind
from keystead.notices import commands as notices
from keystead.orders.faults import NotRefundable
from keystead.orders.model import OrderState
from tests.shop import BOUGHT, END, Shop

DAY = timedelta(days=1)


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop whose books hold at the end."""
    made = Shop(database_url, tmp_path)
    yield made
    assert made.findings == []
    made.close()


def books(shop: Shop) -> dict[str, int]:
    """The sums of the account's books, in cents."""
    with shop.store.read() as tx:
        return {book.value: minor for book, minor in ledger.totals(tx, shop.account_id).items()}


def test_a_coupon_pays_first_and_cash_the_rest(shop: Shop) -> None:
    """500.00 with a coupon of 200.00 and 1,000.00 in cash: 300.00 in cash; revenue is the whole price."""
    shop.credit(100_000)
    shop.coupon(20_000)
    order = shop.buy()
    assert (order.payable.plain(), shop.balance, shop.coupons()) == ("500.00", "700.00", [("0.00", "Available")])
    assert books(shop) == {"cash": 70_000, "funding": -100_000, "revenue": 50_000, "coupon": 0, "promotion": -20_000}
    with shop.store.read() as tx:
        assert ledger.charged(tx, order.order_id).plain() == "300.00"


def test_what_is_left_of_a_coupon_stays_usable(shop: Shop) -> None:
    """700.00 pay 500.00 wholly; the next order gets the 200.00 left."""
    shop.credit(30_000)
    shop.coupon(70_000)
    shop.buy()
    assert (shop.balance, shop.coupons()) == ("300.00", [("200.00", "Available")])
    shop.buy()
    assert (shop.balance, shop.coupons()) == ("0.00", [("0.00", "Available")])


def test_one_coupon_an_order_the_largest(shop: Shop) -> None:
    """Of 200.00 and 100.00 the larger pays, alone: 300.00 in cash. Where cash then does not reach, nothing is taken."""
    shop.credit(30_000)
    shop.coupon(10_000)
    shop.coupon(20_000)
    shop.buy()
    assert (shop.balance, shop.coupons()) == ("0.00", [("0.00", "Available"), ("100.00", "Available")])
    with pytest.raises(BalanceTooLow, match=r"400\.00 USD is needed"):
        shop.buy()
    assert shop.coupons() == [("0.00", "Available"), ("100.00", "Available")]


def test_a_renewal_an_upgrade_and_a_placed_order_are_paid_with_coupons(shop: Shop) -> None:
    """Purchase 500.00 placed and paid, renewal 500.00, upgrade at once for 31 d 16 h + 28 d: 100 x 1432 / 720 h = 198.89."""
    shop.coupon(200_000)
    order = shop.pay(shop.place(shop.buying()).order_id)
    assert (order.state, shop.coupons()) == (OrderState.PAID, [("1500.00", "Available")])
    shop.renew(order.instance_id)
    assert shop.coupons() == [("1000.00", "Available")]
    shop.upgrade(order.instance_id, ("Spec", "2000"))
    assert shop.coupons() == [("801.11", "Available")]


def test_automatic_renewal_tries_coupons_first_and_keeps_them_when_cash_does_not_reach(shop: Shop) -> None:
    """Cash 300.00 and a coupon of 100.00 do not reach 500.00: told, and the coupon is whole. With 200.00 it goes through."""
    shop.credit(80_000)
    instance_id = shop.buy(renewal=Renewal(RenewalStatus.AUTO, 1)).instance_id
    shop.coupon(10_000)
    now = END - 9 * DAY + timedelta(hours=8)
    shop.attempt(instance_id, now)
    assert (shop.happened[-1], shop.coupons(now)) == ("auto_renewal_failed", [("100.00", "Available")])
    shop.coupon(20_000)
    shop.attempt(instance_id, now + DAY)
    assert (shop.balance, shop.coupons(now)) == ("0.00", [("0.00", "Available"), ("100.00", "Available")])


def test_row_25_a_refund_of_what_was_paid_wholly_by_voucher(shop: Shop) -> None:
    """Nothing comes back, so it is refused; where the policy lets it go for nothing, it goes for 0.00 and the coupon is spent."""
    shop.credit(1_000)
    shop.coupon(60_000)
    instance_id = shop.buy().instance_id
    with pytest.raises(NotRefundable, match=r"0\.00"):
        shop.inquire(instance_id, BOUGHT)
    with pytest.raises(NotRefundable):
        shop.refund(instance_id, BOUGHT)
    shop.policy(refund_of_nothing="release")
    refund = shop.refund(instance_id, BOUGHT)
    assert (refund.payable.plain(), shop.balance, shop.coupons()) == ("0.00", "10.00", [("100.00", "Available")])


def test_row_26_part_voucher_part_cash(shop: Shop) -> None:
    """300.00 in cash of 500.00: 10 of 32 days use 156.25 of the cash, 143.75 comes back, and no coupon."""
    shop.credit(30_000)
    shop.coupon(20_000)
    instance_id = shop.buy().instance_id
    now = BOUGHT + 10 * DAY
    assert [share.paid.plain() for share in shop.inquire(instance_id, now)] == ["300.00"]
    assert shop.refund(instance_id, now).payable.plain() == "143.75"
    assert (shop.balance, shop.coupons(now)) == ("143.75", [("0.00", "Available")])


def test_row_26_the_floor_is_zero(shop: Shop) -> None:
    """After 19 days 296.88 (half up of 296.875) of the 300.00 is used, 3.12 comes back; after 20, 312.50 is, and nothing."""
    shop.credit(30_000)
    shop.coupon(20_000)
    instance_id = shop.buy().instance_id
    assert shop.back(instance_id, BOUGHT + 19 * DAY) == "3.12"
    with pytest.raises(NotRefundable):
        shop.inquire(instance_id, BOUGHT + 20 * DAY)


def test_row_26_by_order_and_a_pending_renewal_gives_its_cash_back(shop: Shop) -> None:
    """Purchase wholly in cash, 10 of 32 days used: 343.75; renewal 100.00 in cash and 400.00 by coupon: 100.00."""
    shop.credit(60_000)
    instance_id = shop.buy().instance_id
    shop.coupon(40_000)
    shop.renew(instance_id)
    now = BOUGHT + 10 * DAY
    assert [share.back.plain() for share in shop.inquire(instance_id, now)] == ["100.00", "343.75"]
    shop.refund(instance_id, now)
    assert shop.balance == "443.75"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(1, 150_000), max_size=3),
    st.lists(st.tuples(st.sampled_from(["renew", "upgrade", "wait"]), st.timedeltas(timedelta(0), 20 * DAY)), max_size=4),
)
def test_row_37_a_refund_never_exceeds_what_was_paid_in_cash(
    shop: Shop, granted: list[int], acts: list[tuple[str, timedelta]]
) -> None:
    """Whatever coupons paid for: what comes back is at most the cash paid since, at least nothing, and no coupon grows."""
    with shop.store.read() as tx:
        salt = tx.execute(text("SELECT count(*) FROM ledger_transaction")).scalar_one()
    shop.credit(1_000_000, f"round {salt}")
    for number, minor in enumerate(granted):
        shop.coupon(minor, key=f"{salt}/{number}")
    before = books(shop)["cash"]
    instance_id, now = shop.buy().instance_id, BOUGHT
    for act, later in acts:
        now += later
        try:
            if act == "renew":
                shop.renew(instance_id, now=now)
            elif act == "upgrade":
                shop.upgrade(instance_id, ("VpcNum", str(shop.owned(instance_id, now).figures.access_num + 1)), now=now)
        except Fault:
            continue
    paid, left = before - books(shop)["cash"], books(shop)["coupon"]
    try:
        back = shop.refund(instance_id, now).payable.minor
    except Fault:
        return
    assert 0 <= back <= paid
    assert (books(shop)["cash"], books(shop)["coupon"]) == (before - paid + back, left)


def test_two_buyers_race_for_the_last_of_a_coupon(shop: Shop) -> None:
    """A coupon of 500.00 and no cash: one of two purchases at once gets it, the other has too little."""
    shop.coupon(50_000)
    outcomes: list[str] = []
    gate = threading.Barrier(2)

    def buy() -> None:
        gate.wait()
        try:
            shop.buy()
        except BalanceTooLow:
            outcomes.append("refused")
        else:
            outcomes.append("bought")

    threads = [threading.Thread(target=buy) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sorted(outcomes), shop.coupons()) == (["bought", "refused"], [("0.00", "Available")])


@pytest.mark.parametrize(
    "wrong",
    [
        Step(2, MovementKind.USE, -1, 9_999, "X", "other"),
        Step(3, MovementKind.USE, -1, -1, "X", "other"),
        Step(3, MovementKind.USE, -1, 9_999, "X", "ORDER"),
    ],
    ids=["taken seq", "overdraft", "second coupon of an order"],
)
def test_the_schema_stops_what_locks_do_not(shop: Shop, wrong: Step) -> None:
    """A seq taken by another buyer, a balance below zero, a second coupon for an order."""
    shop.coupon(60_000)
    order_id = shop.buy().order_id
    with shop.store.read() as tx:
        coupon_id = coupon_rows.of_account(tx, shop.account_id)[0].grant.coupon_id
        number = ledger.history(tx, shop.account_id)[0].number

    def write() -> None:
        with shop.store.write() as tx:
            tx.execute(text("DELETE FROM coupon_step WHERE seq = 1"))  # its transaction's number is free for the wrong one
            step = Step(wrong.seq, wrong.kind, wrong.amount_minor, wrong.balance_minor, number, wrong.order_id)
            if step.order_id == "ORDER":
                step = Step(step.seq, step.kind, step.amount_minor, step.balance_minor, number, order_id)
            coupon_rows.add_step(tx, coupon_id, step)

    with pytest.raises(IntegrityError, match=r"(?i)unique|check"):
        write()


def test_granted_once_a_key(shop: Shop) -> None:
    """The same key gives the first coupon; for another value it is refused."""
    first = shop.coupon(100, key="k")
    assert shop.coupon(100, key="k").grant.coupon_id == first.grant.coupon_id
    with pytest.raises(CouponKeyReused):
        shop.coupon(101, key="k")
    with pytest.raises(CouponInvalid):
        shop.coupon(0, key="l")
    assert books(shop)["coupon"] == 100


def test_revoked_once_what_was_used_stays_paid(shop: Shop) -> None:
    """Of 700.00 500.00 is used and 200.00 taken back; a second time, and of an expired one, nothing happens."""
    coupon_id = shop.coupon(70_000).grant.coupon_id
    shop.buy()
    for _ in range(2):
        with shop.store.write() as tx:
            coupons.revoke(tx, BOUGHT, coupon_id)
    assert (shop.coupons(), books(shop)["coupon"], books(shop)["promotion"]) == ([("0.00", "Cancelled")], 0, -50_000)
    assert shop.happened.count("coupon_revoked") == 1
    with pytest.raises(BalanceTooLow):
        shop.buy()
    with shop.store.write() as tx, pytest.raises(CouponNotFound):
        coupons.revoke(tx, BOUGHT, "1")


def test_expired_at_the_instant_and_voided_by_its_job(shop: Shop) -> None:
    """A coupon until day 5 pays a millisecond before it and not at it; the job takes it off the books, once."""
    ends = BOUGHT + 5 * DAY
    coupon_id = shop.coupon(120_000, ends).grant.coupon_id
    shop.buy(now=ends - timedelta(milliseconds=1))
    with shop.store.write() as tx:
        coupons.expire(tx, ends - timedelta(milliseconds=1), coupon_id)  # not yet: nothing
    assert shop.coupons(ends - timedelta(milliseconds=1)) == [("700.00", "Available")]
    with pytest.raises(BalanceTooLow):
        shop.buy(now=ends)
    assert (shop.coupons(ends), books(shop)["coupon"]) == ([("0.00", "Expired")], 70_000)
    for _ in range(2):
        with shop.store.write() as tx:
            coupons.expire(tx, ends, coupon_id)
    assert (shop.coupons(ends), books(shop)["coupon"]) == ([("0.00", "Expired")], 0)
    assert shop.happened.count("coupon_expired") == 1


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        ("UPDATE coupon_step SET amount_minor = amount_minor - 1 WHERE kind = 'use'", "sum of its amounts"),
        ("UPDATE coupon_step SET order_id = NULL WHERE kind = 'use'", "not the ledger's"),
        ("DELETE FROM coupon_step WHERE kind = 'use'", "no coupon says so"),
        ("UPDATE coupon_step SET balance_minor = balance_minor + 1, amount_minor = amount_minor + 1", "not the sum"),
    ],
)
def test_an_audit_finds(database_url: str, tmp_path: Path, spoil: str, word: str) -> None:
    """Rows changed behind the room's back."""
    shop = Shop(database_url, tmp_path)
    shop.coupon(60_000)
    shop.buy()
    assert shop.findings == []
    with shop.store.write() as tx:
        tx.execute(text(spoil))
    assert any(word in finding for finding in shop.findings), shop.findings
    shop.close()


def test_an_audit_finds_an_order_that_a_coupon_did_not_pay(database_url: str, tmp_path: Path) -> None:
    """The use of a coupon is booked to another order: its own is paid too little, and there is none of the other's id."""
    shop = Shop(database_url, tmp_path)
    shop.coupon(50_000)
    shop.buy()
    with shop.store.write() as tx:
        tx.execute(text(f"UPDATE ledger_transaction SET order_id = 'x' WHERE kind = '{EntryKind.COUPON_USE.value}'"))  # noqa: S608
        tx.execute(text("UPDATE coupon_step SET order_id = 'x' WHERE kind = 'use'"))
    assert "its charge is of another amount or account" in shop.findings
    assert "a coupon paid for it and there is no such order" in shop.findings
    shop.close()


def test_a_granted_coupon_is_told_once(shop: Shop) -> None:
    """One message for a grant, replayed or not; another coupon is another message."""
    first = shop.coupon(20_000, key="welcome")
    shop.coupon(20_000, key="welcome")
    with shop.store.read() as tx:
        assert notices.occasions(tx, shop.account_id) == {f"coupon/{first.grant.coupon_id}"}
    second = shop.coupon(10_000, key="thanks")
    with shop.store.read() as tx:
        assert notices.occasions(tx, shop.account_id) == {f"coupon/{each.grant.coupon_id}" for each in (first, second)}
