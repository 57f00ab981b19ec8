"""Renewals given back before they begin, on both databases (rows 6 and 24, ADR 41)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keystead.access.rows import lock_account
from keystead.orders import commands as orders
from keystead.orders import refunds
from keystead.orders.faults import NotRefundable, OrderStateInvalid, OrderUnpaid
from keystead.orders.model import Order, OrderType, Renewing
from tests.shop import BOUGHT, END, Shop
from tests.world import World

SECOND_END = datetime(2026, 3, 1, 16, tzinfo=UTC)
THIRD_END = datetime(2026, 4, 1, 16, tzinfo=UTC)
"""Bought 2026-01-01 UTC+8: a month ends with 1 Feb, two with 1 Mar, three with 1 Apr."""


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop with 10,000.00, on each database; its books are in order whatever happened."""
    made = Shop(database_url, tmp_path)
    made.credit(1_000_000)
    yield made
    assert made.findings == []
    made.close()


def cancel(shop: Shop, renewal: Order, now: datetime = BOUGHT) -> Order:
    """Give a renewal back."""
    with shop.store.write() as tx:
        lock_account(tx, shop.account_id)
        return refunds.cancel_renewal(tx, shop.catalogue, now, orders.order_of(tx, shop.account_id, renewal.order_id))


def test_row_6_three_renewals_are_cancelled_newest_first(shop: Shop) -> None:
    """10,000 - 4 x 500; the middle one is refused while the last stands; each cancelled gives 500.00 and its month back."""
    instance_id = shop.buy().instance_id
    first, second, third = (shop.renew(instance_id) for _ in range(3))
    assert shop.balance == "8000.00"
    with pytest.raises(NotRefundable, match=third.order_id):
        cancel(shop, second)
    refund = cancel(shop, third)
    assert (refund.kind, refund.payable.plain(), refund.related_order_id) == (OrderType.REFUND, "500.00", third.order_id)
    assert shop.owned(instance_id, BOUGHT).ends_at == THIRD_END
    cancel(shop, second)
    assert shop.owned(instance_id, BOUGHT).ends_at == SECOND_END
    cancel(shop, first, END - timedelta(seconds=1))
    assert shop.owned(instance_id, BOUGHT).ends_at == END
    assert shop.balance == "9500.00"
    assert shop.happened.count("renewal_cancelled") == 3


def test_row_24_a_refund_after_a_cancelled_renewal_gives_it_back_once(shop: Shop) -> None:
    """Ten days into the first of two paid terms, one of them cancelled: 500 - 500/32 x 10 = 343.75 are left to give."""
    instance_id = shop.buy().instance_id
    cancel(shop, shop.renew(instance_id))
    refund = shop.refund(instance_id, BOUGHT + timedelta(days=10))
    assert refund.payable.plain() == "343.75"
    assert len(refund.lines) == 1
    assert shop.balance == "9843.75"


def test_begun_or_cancelled_it_is_not_cancelled(shop: Shop) -> None:
    """At the very instant it begins it is used; a second time it is refused; a purchase never is one."""
    bought = shop.buy()
    renewal = shop.renew(bought.instance_id)
    with pytest.raises(OrderStateInvalid):
        cancel(shop, renewal, END)
    with pytest.raises(OrderStateInvalid):
        cancel(shop, bought)
    cancel(shop, renewal)
    with pytest.raises(OrderStateInvalid):
        cancel(shop, renewal)
    assert shop.balance == "9500.00"


def test_an_upgrade_to_its_end_or_an_unpaid_order_stands_in_the_way(shop: Shop) -> None:
    """An upgrade was paid for the renewed term too; one made before the renewal was not."""
    instance_id = shop.buy().instance_id
    shop.upgrade(instance_id, ("Spec", "2000"))
    renewal = shop.renew(instance_id)
    waiting = shop.place(Renewing(shop.account_id, "", instance_id, 1))
    with pytest.raises(OrderUnpaid):
        cancel(shop, renewal)
    shop.cancel(waiting.order_id)
    cancel(shop, renewal)
    again = shop.renew(instance_id)
    shop.upgrade(instance_id, ("Spec", "4000"))
    with pytest.raises(NotRefundable, match="upgrade"):
        cancel(shop, again)


def test_a_pending_change_goes_with_its_renewal(shop: Shop) -> None:
    """Renewed with 2,000 keys, cancelled: 1,000 keys are what the next renewal goes on with, and an upgrade is possible."""
    instance_id = shop.buy().instance_id
    renewal = shop.renew(instance_id, ("KeyNum", "2000"))
    assert shop.owned(instance_id, BOUGHT).change_pending
    cancel(shop, renewal)
    owned = shop.owned(instance_id, BOUGHT)
    assert not owned.change_pending
    assert owned.last_figures.key_num == 1000
    shop.upgrade(instance_id, ("KeyNum", "1010"))


def test_through_the_api_and_what_is_told(database_url: str, tmp_path: Path) -> None:
    """CancelOrder pays 500.00 back once however often it is called; reminders and the stop come at the earlier end."""
    world = World(database_url, tmp_path)
    tenant = world.tenant("10000.00")
    instance_id = tenant.buy()
    order_id = tenant.bss("RenewInstance", ProductCode="kms", InstanceId=instance_id, RenewPeriod=1).body["Data"]["OrderId"]
    world.advance_to("2026-01-20T00:00:00Z")
    for _ in range(2):
        assert tenant.bss("CancelOrder", OrderId=order_id).body["Success"] is True
    assert tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"] == "9500.00"
    row = tenant.bss("QueryAvailableInstances").body["Data"]["InstanceList"][0]
    assert row["EndTime"] == "2026-02-01T16:00:00Z"
    listed = tenant.bss("QueryOrders", OrderType="Refund").body["Data"]["OrderList"]["Order"]
    assert [(order["RelatedOrderId"], order["PretaxAmount"]) for order in listed] == [(order_id, "500.00")]
    bill = tenant.bss("QueryBill", BillingCycle="2026-01").body["Data"]["Items"]["Item"]
    assert sorted(item["PaymentAmount"] for item in bill) == [-500.0, 500.0, 500.0]
    happened = [(event.kind, event.detail.get("days")) for event in world.advance_to("2026-02-02T00:00:00Z")]
    assert [each for each in happened if each[0] in {"expiry_reminded", "instance_expired"}] == [
        ("expiry_reminded", "7"),
        ("expiry_reminded", "3"),
        ("expiry_reminded", "1"),
        ("instance_expired", None),
    ]
    assert tenant.bss("CancelOrder", OrderId=order_id).body["Success"] is True
    world.close()


def test_another_accounts_renewal_looks_absent(database_url: str, tmp_path: Path) -> None:
    """OrderNotExists, as for any order that is not there."""
    world = World(database_url, tmp_path)
    owner, other = world.tenant("10000.00"), world.tenant("10000.00")
    instance_id = owner.buy()
    order_id = owner.bss("RenewInstance", ProductCode="kms", InstanceId=instance_id, RenewPeriod=1).body["Data"]["OrderId"]
    assert other.bss("CancelOrder", OrderId=order_id).code == "OrderNotExists"
    world.close()
