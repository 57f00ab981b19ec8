"""QueryCashCoupons, and coupons wherever the API has a column for them (BssOpenApi pages, read 2026-11-23)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keystead.access import commands as access
from keystead.access.rows import lock_account
from keystead.bills import rules as bill_rules
from keystead.cli.bill import contents, files
from keystead.clock import parse_iso_z
from keystead.coupons import commands as coupons
from keystead.coupons.model import Grant
from keystead.money import Money
from tests.world import Tenant, World


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service on each database; its books hold at the end."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


def grant(tenant: Tenant, minor: int, expires: str = "", **changes: object) -> str:
    """Grant a coupon of so many cents; gives its id."""
    now = tenant.world.now
    ends: datetime | None = parse_iso_z(expires) if expires else None
    asked = Grant("", tenant.account_id, "", Money(minor, "USD"), now, now, ends, (), "", f"{minor} {expires}")
    with tenant.world.service.store.write() as tx:
        lock_account(tx, tenant.account_id)
        return coupons.grant(tx, now, msgspec.structs.replace(asked, **changes)).grant.coupon_id


def listed(tenant: Tenant, **asked: object) -> list[dict[str, Any]]:
    """The rows of a success, whose envelope is checked."""
    body = tenant.bss("QueryCashCoupons", **asked).body
    assert (body["Code"], body["Message"], body["Success"]) == ("Success", "Successful!", True), body
    rows: list[dict[str, Any]] = body["Data"]["CashCoupon"]
    return rows


def ids(tenant: Tenant, **asked: object) -> set[str]:
    """The ids of the rows."""
    return {str(row["CashCouponId"]) for row in listed(tenant, **asked)}


def test_a_row(world: World) -> None:
    """Every column: the id a number, amounts texts, times UTC; nothing for an account without coupons."""
    tenant = world.tenant()
    assert listed(tenant) == []
    coupon_id = grant(tenant, 12_050, "2026-06-30T16:00:00Z", products=("kms",), description="welcome")
    (row,) = listed(tenant)
    number = row.pop("CashCouponNo")
    assert (number[:2], len(number)) == ("Q-", 15)
    product = world.service.catalogue.product.name
    assert row == {
        "CashCouponId": int(coupon_id),
        "NominalValue": "120.50",
        "Balance": "120.50",
        "Status": "Available",
        "GrantedTime": "2026-01-01T00:00:00Z",
        "EffectiveTime": "2026-01-01T00:00:00Z",
        "ExpiryTime": "2026-06-30T16:00:00Z",
        "ApplicableProducts": product,
        "ApplicableScenarios": "Purchases, renewals and upgrades of subscription instances",
        "Description": "welcome",
    }
    assert world.tenant().bss("QueryCashCoupons").body["Data"]["CashCoupon"] == []


def test_states_and_what_is_left(world: World) -> None:
    """Half used, expired at its instant, cancelled: the last two are worth nothing."""
    tenant = world.tenant()
    used = grant(tenant, 70_000)
    expiring = grant(tenant, 100, "2026-01-02T00:00:00Z")
    with world.service.store.write() as tx:
        coupons.revoke(tx, world.now, grant_id := grant_in(tx, tenant, 200))
    tenant.buy()
    states = {str(row["CashCouponId"]): (row["Status"], row["Balance"]) for row in listed(tenant)}
    assert states == {used: ("Available", "200.00"), expiring: ("Available", "1.00"), grant_id: ("Cancelled", "0.00")}
    happened = [event.kind for event in world.advance(days=1)]
    assert "coupon_expired" in happened
    assert {row["Status"] for row in listed(tenant)} == {"Available", "Expired", "Cancelled"}


def grant_in(tx: Any, tenant: Tenant, minor: int) -> str:
    """Grant a coupon in a transaction that runs."""
    now = tenant.world.now
    asked = Grant("", tenant.account_id, "", Money(minor, "USD"), now, now, None, (), "", f"in {minor}")
    return coupons.grant(tx, now, asked).grant.coupon_id


def test_every_parameter(world: World) -> None:
    """By expiry, both ends counted; usable now or not: not yet in effect and expired are not."""
    tenant = world.tenant()
    endless = grant(tenant, 100)
    soon = grant(tenant, 200, "2026-01-02T00:00:00Z")
    late = grant(tenant, 300, "2026-03-01T00:00:00Z", effective_at=parse_iso_z("2026-02-01T00:00:00Z"))
    assert ids(tenant) == {endless, soon, late}
    assert ids(tenant, EffectiveOrNot="true") == {endless, soon}
    assert ids(tenant, EffectiveOrNot="false") == {late}
    assert ids(tenant, ExpiryTimeStart="2026-01-02T00:00:00Z", ExpiryTimeEnd="2026-01-02T00:00:00Z") == {soon}
    assert ids(tenant, ExpiryTimeStart="2026-01-02T00:00:01Z") == {endless, late}
    assert ids(tenant, ExpiryTimeEnd="2026-03-01T00:00:00Z") == {soon, late}
    assert ids(tenant, ExpiryTimeEnd="2026-03-01T00:00:00Z", EffectiveOrNot="false") == {late}
    world.advance(days=1)
    assert ids(tenant, EffectiveOrNot="false") == {soon, late}
    world.advance_to("2026-02-01T00:00:00Z")
    assert ids(tenant, EffectiveOrNot="true") == {endless, late}


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"ExpiryTimeStart": "2026-01-01"}, "ExpiryTimeStart"),
        ({"ExpiryTimeEnd": "tomorrow"}, "ExpiryTimeEnd"),
        ({"EffectiveOrNot": "perhaps"}, "EffectiveOrNot"),
        ({"ExpiryTimeStart": "2026-01-02T00:00:00Z", "ExpiryTimeEnd": "2026-01-01T00:00:00Z"}, "ExpiryTimeStart"),
    ],
)
def test_bad_parameters(world: World, asked: dict[str, str], named: str) -> None:
    """Malformed values and an empty span name the parameter."""
    reply = world.tenant().bss("QueryCashCoupons", **asked)
    assert reply.code == "InvalidParameter"
    assert named in reply.body["Message"]


def test_bills_transactions_and_costs_tell_the_coupons_part(world: World) -> None:
    """500.00: 200.00 by coupon, 300.00 in cash, in every row and sum that has the column."""
    tenant = world.tenant("1000.00")
    grant(tenant, 20_000)
    instance_id = tenant.buy()
    month = {"BillingCycle": "2026-01"}
    rows = [
        tenant.bss("QueryBill", **month).body["Data"]["Items"]["Item"][0],
        tenant.bss("QueryBillOverview", **month).body["Data"]["Items"]["Item"][0],
        tenant.bss("QueryInstanceBill", **month).body["Data"]["Items"]["Item"][0],
        tenant.bss("QueryAccountBill", **month).body["Data"]["Items"]["Item"][0],
        tenant.bss("QuerySettleBill", **month).body["Data"]["Items"]["Item"][0],
        tenant.bss("DescribeInstanceBill", **month).body["Data"]["Items"][0],
    ]
    for row in rows:
        told = (row["PretaxAmount"], row["DeductedByCashCoupons"], row["CashAmount"], row["DeductedByCoupons"])
        assert told == (500.0, 200.0, 300.0, 0.0), row
    costs = tenant.bss("DescribeInstanceAmortizedCostByConsumePeriod", **month).body["Data"]["Items"]  # January's, February's
    assert {(cost["DeductedByCashCoupons"], cost["ExpenditureAmount"]) for cost in costs} == {(200.0, 300.0)}
    parts = [Decimal(str(cost["CurrentAmortizationDeductedByCashCoupons"])) for cost in costs]
    assert (len(parts), sum(parts)) == (2, 200)
    listing = tenant.bss("QueryAccountTransactions").body["Data"]["AccountTransactionsList"]["AccountTransactionsList"]
    assert [(row["TransactionType"], row["Amount"], row["Balance"]) for row in listing] == [
        ("Consumption", "300.00", "700.00"),
        ("Payment", "1000.00", "1000.00"),
    ]
    assert listing[0]["Remarks"].startswith("200.00 paid by coupon Q-")
    order = tenant.bss("QueryOrders").body["Data"]["OrderList"]["Order"][0]
    assert (order["PretaxAmount"], order["AfterTaxAmount"]) == ("500.00", "500.00")
    inquiry = tenant.bss("InquiryPriceRefundInstance", ProductCode="kms", InstanceId=instance_id).body["Data"]
    assert inquiry["RefundAmount"] == 300.0
    tenant.bss("RefundInstance", ProductCode="kms", InstanceId=instance_id)
    total = tenant.bss("QueryAccountBill", **month).body["Data"]["Items"]["Item"][0]
    assert (total["PretaxAmount"], total["DeductedByCashCoupons"], total["CashAmount"]) == (200.0, 200.0, 0.0)


def test_modules_of_a_bill_share_the_coupon(world: World) -> None:
    """600.00 = 500.00 + 100.00 with a coupon of 200.00: cash 400.00, 333.33 and the rest 66.67 of it; coupons 166.67 and 33.33.

    400 x 500 / 600 = 333.333…, down; the parts are those of the cash, the coupon is what is left of each price.
    """
    tenant = world.tenant()
    grant(tenant, 20_000)
    tenant.buy(Spec="2000")
    items = tenant.bss("QueryInstanceBill", BillingCycle="2026-01", IsBillingItem="true").body["Data"]["Items"]["Item"]
    paid = {(row["CashAmount"], row["DeductedByCashCoupons"]) for row in items if row["PretaxGrossAmount"]}
    assert paid == {(333.33, 166.67), (66.67, 33.33)}


def test_row_25_by_the_api(world: World) -> None:
    """Paid wholly by voucher: inquiry and refund say CouldNotRefund.NotSupport, and the instance stays."""
    tenant = world.tenant("0")
    grant(tenant, 50_000)
    instance_id = tenant.buy()
    for action in ("InquiryPriceRefundInstance", "RefundInstance"):
        assert tenant.bss(action, ProductCode="kms", InstanceId=instance_id).code == "CouldNotRefund.NotSupport"
    assert tenant.kms("GetKmsInstance", KmsInstanceId=instance_id).status == 200


def test_an_exported_bill_tells_it_too(world: World, tmp_path: Path) -> None:
    """CSV: PretaxAmount 500.00, DeductedByCashCoupons 200.00, CashAmount 300.00; the statement shows both."""
    tenant = world.tenant("1000.00")
    grant(tenant, 20_000)
    tenant.buy()
    with world.service.store.read() as tx:
        account = access.account_named(tx, tenant.account_id)
        bill = contents.read_bill(tx, account, world.service.catalogue.product, bill_rules.cycle_named("2026-01"))
    files.write_csv(bill, contents.rows_of(bill), tmp_path / "bill.csv")
    with (tmp_path / "bill.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["PretaxAmount"], row["DeductedByCashCoupons"], row["CashAmount"]) == ("500.00", "200.00", "300.00")
    page = files.statement(bill)
    assert bill.closing == Money(70_000, "USD")
    assert "200.00" in page
    assert "300.00" in page
