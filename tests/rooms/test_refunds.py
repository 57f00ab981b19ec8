"""Refunds on both databases: one order, the money once, the instance gone; rows are those of the edge cases."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from keystead.catalog.model import Discount, Edition
from keystead.faults import Fault
from keystead.instances.faults import InstanceNotFound, InstanceStateInvalid
from keystead.keyring.rows import sealed_instance_key
from keystead.orders.faults import NotRefundable
from keystead.orders.model import OrderType
from tests.shop import BOUGHT, END, Shop

FASTER = ("Spec", "2000")
DAYS_15 = END - timedelta(days=15)
SECOND = timedelta(seconds=1)


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop whose books hold at the end."""
    made = Shop(database_url, tmp_path)
    yield made
    assert made.findings == []
    made.close()


def test_a_refund_is_an_order_and_the_instance_is_gone(shop: Shop) -> None:
    """500.00 for 32 day-slots, 10 used at 2026-01-11T00:00:00Z: 500 - 156.25 = 343.75; its key is destroyed with it."""
    shop.credit(50_000)
    bought = shop.buy()
    instance_id, now = bought.instance_id, BOUGHT + timedelta(days=10)
    assert shop.back(instance_id, now) == "343.75"
    refund = shop.refund(instance_id, now)
    assert (refund.kind, refund.state, refund.paid_at, refund.related_order_id) == (OrderType.REFUND, None, None, bought.order_id)
    assert (refund.list_amount.plain(), refund.discount.plain(), refund.payable.plain()) == ("500.00", "156.25", "343.75")
    assert [line.related_order_id for line in refund.lines] == [bought.order_id]
    assert shop.balance == "343.75"
    with pytest.raises(InstanceNotFound):
        shop.owned(instance_id, now)
    with shop.store.read() as tx:
        assert sealed_instance_key(tx, instance_id) is None
    assert shop.happened[-1] == "instance_refunded"


def test_row_23_a_refund_after_an_upgrade_is_by_order(shop: Shop) -> None:
    """At five days before the end: purchase 500.00, 27 of 32 days, 78.12; upgrade 50.00, 10 of 15 days, 16.67; 94.79 in all.

    500 x 27 / 32 = 421.875, half up 421.88; 50 x 10 / 15 = 33.33.
    """
    shop.credit(55_000)
    instance_id = shop.buy().instance_id
    shop.upgrade(instance_id, FASTER, now=DAYS_15)
    now = END - timedelta(days=5)
    assert [share.back.plain() for share in shop.inquire(instance_id, now)] == ["16.67", "78.12"]
    assert shop.refund(instance_id, now).payable.plain() == "94.79"


def test_row_24_pending_renewals_come_back_whole_newest_first(shop: Shop) -> None:
    """Two months ahead, 1000.00 and 500.00; the running one by its days: 10 of 32 used, 343.75."""
    shop.credit(200_000)
    instance_id = shop.buy().instance_id
    first = shop.renew(instance_id)
    second = shop.renew(instance_id, months=2)
    refund = shop.refund(instance_id, BOUGHT + timedelta(days=10))
    assert [line.related_order_id for line in refund.lines][:2] == [second.order_id, first.order_id]
    assert [line.payable.plain() for line in refund.lines] == ["1000.00", "500.00", "343.75"]
    assert shop.balance == "1843.75"


def test_row_6_a_cycle_that_is_over_gives_nothing_back(shop: Shop) -> None:
    """In the second month only the renewal counts: 28 slots of February's 28 days, one begun: 500 - 17.86 = 482.14."""
    shop.credit(100_000)
    instance_id = shop.buy().instance_id
    renewal = shop.renew(instance_id)
    shares = shop.inquire(instance_id, END + SECOND)
    assert [(share.order_id, share.back.plain(), share.days_sold) for share in shares] == [(renewal.order_id, "482.14", 28)]


def test_row_42_in_the_books(shop: Shop) -> None:
    """Twelve months at 15 % off, 5100.00; after three months used at 5 % off: 5100 - 6000 / 366 x 90 x 0.95 = 3698.36."""
    shop.discounted(
        Discount(Edition.SOFTWARE, 3, Decimal("0.05")),
        Discount(Edition.SOFTWARE, 12, Decimal("0.15")),
    )
    shop.credit(510_000)
    instance_id = shop.buy(months=12).instance_id
    assert shop.balance == "0.00"
    shop.refund(instance_id, datetime(2026, 4, 1, tzinfo=UTC))
    assert shop.balance == "3698.36"


def test_row_25_a_refund_of_nothing_is_refused_unless_the_policy_releases(shop: Shop) -> None:
    """On the last day all 32 slots are used."""
    shop.credit(50_000)
    instance_id, now = shop.buy().instance_id, BOUGHT + timedelta(days=31, hours=1)
    with pytest.raises(NotRefundable):
        shop.inquire(instance_id, now)
    with pytest.raises(NotRefundable):
        shop.refund(instance_id, now)
    shop.policy(refund_of_nothing="release")
    assert shop.refund(instance_id, now).payable.plain() == "0.00"


def test_only_disabled_or_enabled_is_refunded(shop: Shop) -> None:
    """Connecting and expired are not; Uninitialized and Connected are."""
    shop.credit(150_000)
    connecting, connected, fresh = (shop.buy().instance_id for _ in range(3))
    shop.connect(connecting, finish=False)
    shop.connect(connected)
    with pytest.raises(InstanceStateInvalid, match="Connecting"):
        shop.refund(connecting, BOUGHT)
    with pytest.raises(InstanceStateInvalid, match="Expired"):
        shop.refund(connected, END)
    shop.refund(connected, BOUGHT)
    shop.refund(fresh, BOUGHT)
    assert shop.balance == "1000.00"


def test_row_27_two_refunds_at_once_are_one(shop: Shop) -> None:
    """The second finds nothing; the money came once."""
    shop.credit(50_000)
    instance_id = shop.buy().instance_id
    outcomes: list[str] = []
    gate = threading.Barrier(2)

    def refund() -> None:
        gate.wait()
        try:
            shop.refund(instance_id, BOUGHT)
        except InstanceNotFound:
            outcomes.append("gone")
        else:
            outcomes.append("refunded")

    threads = [threading.Thread(target=refund) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sorted(outcomes), shop.balance) == (["gone", "refunded"], "500.00")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["renew", "upgrade", "wait", "shrink"]),
            st.integers(1, 3),
            st.timedeltas(timedelta(0), timedelta(days=20)),
        ),
        max_size=6,
    )
)
def test_row_37_all_refunds_of_an_instance_never_exceed_what_was_paid(shop: Shop, acts: list[tuple[str, int, timedelta]]) -> None:
    """Whatever was renewed, upgraded and waited for: given back is at most what was paid since, at least nothing, books hold."""
    with shop.store.read() as tx:
        salt = tx.execute(text("SELECT count(*) FROM ledger_transaction")).scalar_one()
    shop.credit(10_000_000, f"round {salt}")
    before = Decimal(shop.balance)
    instance_id, now = shop.buy().instance_id, BOUGHT
    for act, size, later in acts:
        now += later
        try:
            if act == "renew":
                shop.renew(instance_id, months=size, now=now)
            elif act == "shrink":
                shop.renew(instance_id, ("Spec", "1000"), ("VpcNum", "1"), now=now)
            elif act == "upgrade":
                grown = shop.owned(instance_id, now).figures.access_num + size
                shop.upgrade(instance_id, ("VpcNum", str(grown)), now=now)
        except Fault:
            continue
    paid = before - Decimal(shop.balance)
    try:
        back = Decimal(shop.refund(instance_id, now).payable.plain())
    except Fault:
        return
    assert 0 < back <= paid
    assert Decimal(shop.balance) == before - paid + back
    assert shop.findings == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger_posting WHERE transaction_number IN (SELECT number FROM ledger_transaction WHERE kind = 'refund')",
        "UPDATE ledger_transaction SET order_id = '1' WHERE kind = 'refund'",
        "UPDATE order_line SET payable_minor = payable_minor + 1 WHERE related_order_id IS NOT NULL",
        "UPDATE instance SET released_at_ms = NULL",
        "UPDATE order_line SET related_order_id = '1' WHERE related_order_id IS NOT NULL",
    ],
)
def test_an_audit_finds_a_refund_changed_by_hand(database_url: str, tmp_path: Path, statement: str) -> None:
    """Money not given back, given back for no order, another amount, an instance still there, a line of no paid order."""
    shop = Shop(database_url, tmp_path)
    shop.credit(50_000)
    shop.refund(shop.buy().instance_id, BOUGHT)
    assert shop.findings == []
    with shop.store.write() as tx:
        tx.execute(text(statement))
    assert shop.findings != []
    shop.close()
