"""Edge cases of selling that no other file has, by their row in `tests/test_edge_cases.py`. Amounts are worked out by hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from keystead.clock import BUSINESS_ZONE, parse_iso_z
from keystead.entitlements.faults import TermReleased
from keystead.hsm.software import SoftwareKeyStore, open_root_key
from keystead.instances import commands as instances
from keystead.instances.faults import InstanceNotFound, InstanceProtected
from keystead.orders.model import OrderState
from tests.shop import BOUGHT, END, Shop
from tests.world import Reply, Tenant, World

SECOND = timedelta(seconds=1)


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop with 10,000.00 whose books hold at the end."""
    made = Shop(database_url, tmp_path)
    made.credit(1_000_000)
    yield made
    assert made.findings == []
    made.close()


@pytest.fixture
def tenant(database_url: str, tmp_path: Path) -> Iterator[Tenant]:
    """An account with 10,000.00."""
    world = World(database_url, tmp_path)
    yield world.tenant("10000.00")
    world.close()


class BrokenKeyStore(SoftwareKeyStore):
    """A key store that makes no instance key: what delivery meets when a module is gone."""

    def new_instance_key(self, instance_id: str) -> bytes:
        """Fail."""
        raise ConnectionError(instance_id)


@pytest.mark.parametrize(
    ("bought", "end"),
    [
        ("2026-01-10T15:59:59Z", "2026-02-10T16:00:00Z"),  # 10 Jan 23:59:59 UTC+8: to the end of 10 Feb
        ("2026-01-10T16:00:00Z", "2026-02-11T16:00:00Z"),  # 11 Jan 00:00:00 UTC+8: to the end of 11 Feb
    ],
)
def test_row_3_bought_around_midnight_by_the_local_date(shop: Shop, bought: str, end: str) -> None:
    """A second apart, a day apart: each has its whole calendar month and the rest of the day it was bought on."""
    assert shop.buy(now=parse_iso_z(bought)).term.ends_at == parse_iso_z(end)


def test_row_1_a_month_from_the_31st_of_january(shop: Shop) -> None:
    """Bought 2026-01-31 09:00 UTC+8: to 1 Mar 00:00; renewed by a month, to 1 Apr 00:00, as two months at once would be."""
    bought = datetime(2026, 1, 31, 9, tzinfo=BUSINESS_ZONE)
    order = shop.buy(now=bought)
    assert order.term.ends_at == datetime(2026, 3, 1, tzinfo=BUSINESS_ZONE)
    renewed = shop.renew(order.instance_id, now=bought)
    assert renewed.term.ends_at == datetime(2026, 4, 1, tzinfo=BUSINESS_ZONE) == shop.buy(months=2, now=bought).term.ends_at


def test_row_1_the_day_of_purchase_comes_back_after_february(shop: Shop) -> None:
    """Bought on 30 Dec and renewed twice: 30 Jan, 28 Feb, 30 Mar; renewed late, in retention, the count begins anew."""
    bought = datetime(2025, 12, 30, 9, tzinfo=BUSINESS_ZONE)
    instance_id = shop.buy(now=bought).instance_id
    ends = [shop.renew(instance_id, now=bought).term.ends_at for _ in range(2)]
    assert ends == [datetime(2026, 3, 1, tzinfo=BUSINESS_ZONE), datetime(2026, 3, 31, tzinfo=BUSINESS_ZONE)]
    late = datetime(2026, 4, 5, 9, tzinfo=BUSINESS_ZONE)
    assert shop.renew(instance_id, now=late).term.ends_at == datetime(2026, 5, 6, tzinfo=BUSINESS_ZONE)
    assert shop.renew(instance_id, now=late).term.ends_at == datetime(2026, 6, 6, tzinfo=BUSINESS_ZONE)


def test_row_8_a_renewal_racing_the_release_is_whole_or_refused(shop: Shop) -> None:
    """On the last millisecond of retention against the job a millisecond later: renewed and there, or refused and unpaid."""
    instance_id = shop.buy().instance_id
    release = END + timedelta(days=15)
    gate = threading.Barrier(2)
    refused: list[Exception] = []

    def renew() -> None:
        gate.wait()
        try:
            shop.renew(instance_id, now=release - timedelta(milliseconds=1))
        except (InstanceNotFound, TermReleased) as fault:
            refused.append(fault)

    def let_go() -> None:
        gate.wait()
        shop.release(instance_id, release)

    threads = [threading.Thread(target=renew), threading.Thread(target=let_go)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with shop.store.read() as tx:
        gone = instance_id in instances.released_ids(tx)
    assert (gone, shop.balance) in {(True, "9500.00"), (False, "9000.00")}
    assert bool(refused) == gone


@pytest.mark.parametrize(
    ("code", "value"),
    [("KeyNum", "1005"), ("KeyNum", "100010"), ("SecretNum", "150"), ("VpcNum", "1001"), ("Spec", "3000")],
)
def test_row_20_numbers_off_step_or_over_the_cap(tenant: Tenant, code: str, value: str) -> None:
    """InvalidParameter naming the code; the balance is what it was."""
    reply = _bought(tenant, **{code: value})
    assert (reply.code, tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"]) == ("InvalidParameter", "10000.00")
    assert code in reply.body["Message"]


@pytest.mark.parametrize("codes", [{"Log": "0", "LogStorage": "1000"}, {"Log": "1"}, {"Log": "1", "LogStorage": "500"}])
def test_row_22_log_and_its_storage_go_together(tenant: Tenant, codes: dict[str, str]) -> None:
    """Storage without the service, the service without storage, or less than 1,000 GB: refused; 1 and 1,000 are 580.00."""
    refused = _bought(tenant, **codes)
    assert refused.code == "InvalidParameter"
    assert "LogStorage" in refused.body["Message"]
    assert _bought(tenant, Log="1", LogStorage="1000").body["Success"] is True
    assert tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"] == "9420.00"


def test_row_28_refunded_within_seconds(shop: Shop) -> None:
    """At the same instant nothing is used: 500.00. Five seconds later one of 32 slots has begun: 500 - 15.63 = 484.37."""
    first, second = shop.buy().instance_id, shop.buy().instance_id
    assert shop.refund(first, BOUGHT).payable.plain() == "500.00"
    assert shop.refund(second, BOUGHT + 5 * SECOND).payable.plain() == "484.37"


def test_row_29_a_protected_instance_is_not_refunded(shop: Shop) -> None:
    """Nor quoted for it; the reason is told. Unprotected it is: 500.00 back. Its end and its renewal are untouched by it."""
    instance_id = shop.buy().instance_id
    shop.protect(instance_id, "used by payroll")
    with pytest.raises(InstanceProtected, match="used by payroll"):
        shop.refund(instance_id, BOUGHT)
    with pytest.raises(InstanceProtected):
        shop.inquire(instance_id, BOUGHT)
    shop.renew(instance_id)
    assert shop.balance == "9000.00"
    shop.protect(instance_id, "", protected=False)
    assert shop.owned(instance_id, BOUGHT).instance.protection_note == ""
    assert shop.refund(instance_id, BOUGHT).payable.plain() == "1000.00"


def test_row_29_on_the_wire(tenant: Tenant) -> None:
    """RefundInstance and its inquiry say ResourceStatusError; GetKmsInstance shows the protection and its reason."""
    instance_id = tenant.buy()
    with tenant.world.service.store.write() as tx:
        owned = instances.owned(tx, tenant.account_id, instance_id, tenant.world.now)
        instances.protect(tx, tenant.world.now, owned, "payroll", protected=True)
    shown = tenant.kms("GetKmsInstance", KmsInstanceId=instance_id).body["KmsInstance"]
    assert (shown["DeletionProtection"], shown["DeletionProtectionDescription"]) == (True, "payroll")
    for action in ("InquiryPriceRefundInstance", "RefundInstance"):
        reply = tenant.bss(action, ProductCode="kms", InstanceId=instance_id)
        assert (reply.body["Success"], reply.code) == (False, "ResourceStatusError")
    assert tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"] == "9500.00"


def test_row_30_what_cannot_be_delivered_is_not_paid_for(shop: Shop, tmp_path: Path) -> None:
    """The key store fails: a purchase leaves nothing, a placed order stays unpaid in the history and can be paid later."""
    working, shop.keystore = shop.keystore, BrokenKeyStore(open_root_key(tmp_path / "root.key"))
    placed = shop.place(shop.buying())
    with pytest.raises(ConnectionError):
        shop.buy()
    with pytest.raises(ConnectionError):
        shop.pay(placed.order_id)
    assert shop.balance == "10000.00"
    assert shop.order(placed.order_id).state is OrderState.UNPAID
    shop.keystore = working
    assert shop.pay(placed.order_id).state is OrderState.PAID
    assert shop.balance == "9500.00"


def _bought(tenant: Tenant, **modules: str) -> Reply:
    flat: dict[str, object] = {"ProductCode": "kms", "SubscriptionType": "Subscription", "Period": 1}
    codes = {"Region": "ap-southeast-1", "ProductVersion": "3", **modules}
    for number, (code, value) in enumerate(codes.items(), 1):
        flat |= {f"Parameter.{number}.Code": code, f"Parameter.{number}.Value": value}
    return tenant.bss("CreateInstance", **flat)
